"""Test processes on one machine, of one run or of several, never get the same ports."""

import itertools
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from callboard_demo.children import bind
from tests import ports
from tests.paths import ROOT
from tests.ports import SLICE, claim, free_port, free_ports

Start = Callable[[str], tuple["subprocess.Popen[str]", list[int]]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Run an expression of `tests.ports` in another process; return the process, which lives on, and the numbers."""
    started: list[subprocess.Popen[str]] = []

    def one(numbers: str) -> tuple["subprocess.Popen[str]", list[int]]:
        code = f"import sys; from tests.ports import *; print(*{numbers}, flush=True); sys.stdin.read()"
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        return process, [int(number) for number in process.stdout.readline().split()]

    yield one
    for process in started:
        process.kill()
        process.communicate()


def test_processes_get_ports_of_their_own(start: Start) -> None:
    mine, (_, one), (_, another) = free_ports(40), start("free_ports(40)"), start("free_ports(40)")
    assert len({*mine, *one, *another}) == 3 * 40


def test_a_slice_is_free_again_when_its_process_is_killed(start: Start) -> None:
    first = free_ports(20)[0]
    process, _ = start(f"(guard := claim(range({first}, {first + 20}), 10))[1]")
    guard, second = claim(range(first, first + 20), 10)
    with guard:
        assert second == range(first + 11, first + 20)
        with pytest.raises(RuntimeError, match="too many test processes"):
            claim(range(first, first + 20), 10)
        process.kill()
        process.wait()
        again, freed = claim(range(first, first + 20), 10)
        again.close()
    assert freed == range(first + 1, first + 10)


def test_ports_in_a_row_are_so_also_at_the_end_of_a_slice() -> None:
    rows = [free_ports(7) for _ in range(2 * SLICE // 7)]
    assert all(row == list(range(row[0], row[0] + 7)) for row in rows)


def test_a_port_that_is_taken_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, three = free_ports(3)
    with socket.socket() as guard, bind(two):
        own = guard, itertools.cycle([one, two, three])
        monkeypatch.setattr(ports, "_mine", lambda: own)
        assert [free_port() for _ in range(3)] == [one, three, one]
