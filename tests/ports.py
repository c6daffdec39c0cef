"""Ports that nobody takes before what a test starts has opened them, and one that nobody ever answers at.

They are below those that the kernel hands out by itself (from 32768 on, on Linux).  The range is cut into slices, and
each test process claims one, so that the workers of a run share no port, nor do two runs on one machine.  A process
claims a slice by holding its first port until it ends; the kernel frees the port however the process ends.  Unlike a
file that is locked, the port is claimed just where the conflict would be: among all who share the network.  No port of
a slice comes twice before all have.
"""

import itertools
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from typing import Final

from callboard_demo.children import bind

RANGE: Final = range(10_000, 32_000)
SLICE: Final = 500


def free_port() -> int:
    """Return a port that nothing listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return so many of them in a row."""
    _, numbers = _mine()
    while True:
        row = list(itertools.islice(numbers, count))
        with suppress(OSError), ExitStack() as held:
            for port in row:
                held.enter_context(bind(port))
            if row[-1] - row[0] == count - 1:
                return row


def claim(ports: range, length: int) -> tuple[socket.socket, range]:
    """Return the first slice of the range that no other process has claimed, with the socket that claims it.

    Raises:
        RuntimeError: every slice is claimed.
    """
    for first in range(ports.start, ports.stop, length):
        guard = socket.socket()  # without SO_REUSEADDR, which would let two processes bind it
        try:
            guard.bind(("127.0.0.1", first))
        except OSError:
            guard.close()
        else:
            return guard, range(first + 1, first + length)
    raise RuntimeError(f"too many test processes on this machine: every slice of the ports {ports} is claimed")


@cache
def _mine() -> tuple[socket.socket, Iterator[int]]:
    """Return this process's own ports, round and round, and the socket that claims them for as long as it is kept."""
    guard, ports = claim(RANGE, SLICE)
    return guard, itertools.cycle(ports)


@contextmanager
def silent_port() -> Iterator[int]:
    """Hold a port at which everybody is refused: it is taken, and nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
