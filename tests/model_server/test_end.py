"""After SIGTERM, requests in progress are finished, new ones are refused, and it exits within five seconds."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.fixtures.model_server import ModelServer, environment, serving

pytestmark = pytest.mark.slow

PROMISED = 5.0
"""Seconds, as docs/serving.md says."""
SLACK = 3.0
"""Seconds that a busy machine may take to notice that a process has ended."""


ASK = b"GET /model HTTP/1.1\r\nHost: x\r\n\r\n"


def request(seconds: float) -> bytes:
    body = json.dumps({"dataframe_split": {"columns": ["seconds"], "data": [[seconds]]}}).encode()
    return head(len(body)) + body


def head(length: int) -> bytes:
    return (
        f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


class Wire:
    """A connection that is kept alive."""

    def __init__(self, server: ModelServer) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        self._file = self._socket.makefile("rb")

    def send(self, sent: bytes) -> None:
        self._socket.sendall(sent)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Return the status, the headers and the body of the next answer."""
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().strip().decode():
            name, _, value = line.partition(": ")
            headers[name.lower()] = value
        return status, headers, self._file.read(int(headers["content-length"]))

    def is_closed(self) -> bool:
        return self._file.read(1) == b""

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@dataclass(kw_only=True)
class End:
    """What was seen of a server with two threads: one hangs in a prediction, and a body never arrives whole."""

    before: tuple[int, dict[str, str], bytes]
    """What a kept-alive connection was answered before SIGTERM."""
    after: tuple[int, dict[str, str], bytes]
    """And after it, on the same connection."""
    closed: bool
    """Whether the server closed it then."""
    under_way: tuple[int, dict[str, str], bytes]
    """What a prediction was answered that was sent before nobody was taken any more, and took longer than that."""
    cut_off: list[tuple[int, dict[str, str], bytes]]
    """What those were answered who hung."""
    refused_after: float
    """Seconds after SIGTERM from which on nobody new was taken."""
    rested: tuple[int, dict[str, str], bytes]
    """What a connection was answered that had rested until then."""
    seconds: float
    """Until it had ended."""
    code: int
    log: list[dict[str, Any]]
    left: list[str]
    """What is left in its temporary folder."""


@pytest.fixture(scope="module")
def end(odd_models: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[End]:
    folder = tmp_path_factory.mktemp("end")
    told = environment(odd_models, MODEL_NAME="slow", MODEL_VERSION="1", MODEL_FLAVORS="python_function")
    with (
        serving(folder, told | {"MODEL_THREADS": "2", "TMPDIR": str(folder)}) as server,
        ThreadPoolExecutor() as people,
    ):
        kept, hangs, drips, rests = Wire(server), Wire(server), Wire(server), Wire(server)
        hangs.send(request(60))
        drips.send(head(1000) + b"{")
        while b"model_requests_in_progress 2.0" not in server.get("/metrics")[1]:
            time.sleep(0.01)
        kept.send(request(0))
        before = kept.answer()
        rests.send(ASK)
        assert rests.answer()[0] == 200
        began = time.monotonic()
        os.kill(server.process.pid, signal.SIGTERM)
        gone = people.submit(server.process.wait, 30)
        ended: Future[float] = people.submit(lambda: (gone.result(), time.monotonic() - began)[1])
        while server.get("/readyz")[0] == 200:
            time.sleep(0.01)
        kept.send(request(0))
        after, closed = kept.answer(), kept.is_closed()
        late = Wire(server)
        late.send(request(2))
        refused_after = refused(server, began)
        rests.send(ASK)
        yield End(
            before=before,
            after=after,
            closed=closed,
            under_way=late.answer(),
            cut_off=[drips.answer(), hangs.answer()],
            refused_after=refused_after,
            rested=rests.answer(),
            seconds=ended.result(),
            code=gone.result(),
            log=[json.loads(line) for line in server.log.read_text().splitlines()],
            left=[path.name for path in folder.glob("model-*")],
        )
        for wire in (kept, hangs, drips, rests, late):
            wire.close()


def refused(server: ModelServer, began: float) -> float:
    """Connect until nobody answers, and return how long after SIGTERM that was."""
    while time.monotonic() - began < 20:
        try:
            socket.create_connection(("127.0.0.1", server.port)).close()
        except ConnectionRefusedError:
            return time.monotonic() - began
        time.sleep(0.02)
    raise AssertionError("it took connections for 20 s")


def test_it_is_gone_in_time_with_code_0_although_a_prediction_hangs_and_a_body_never_comes(end: End) -> None:
    assert end.code == 0
    assert end.seconds < PROMISED + SLACK
    assert end.left == []


def test_a_kept_alive_connection_gets_its_answer_and_is_told_to_go(end: End) -> None:
    assert (end.before[0], end.before[1].get("connection")) == (200, None)
    assert (end.after[0], end.after[1].get("connection")) == (200, "close")
    assert end.after[2] == end.before[2]
    assert end.closed


def test_new_requests_are_taken_for_a_moment_and_then_no_more_while_those_under_way_are_finished(end: End) -> None:
    assert 1 < end.refused_after < 1.5 + SLACK
    assert (end.under_way[0], end.under_way[1]["connection"]) == (200, "close")


def test_a_connection_that_rests_during_the_end_can_still_ask_once_and_is_told_to_close(end: End) -> None:
    assert (end.rested[0], end.rested[1]["connection"]) == (200, "close")


def test_who_is_cut_off_is_told_to_ask_again(end: End) -> None:
    for status, headers, body in end.cut_off:
        assert (status, headers["connection"], headers["retry-after"]) == (503, "close", "1")
        assert json.loads(body).keys() == {"error_code", "message"}


def test_what_is_cut_off_is_one_line_in_the_log_and_no_traceback(end: End) -> None:
    after = end.log[[line["said"] for line in end.log].index("serving") + 1 :]
    assert [line["said"] for line in after] == ["Cancel 2 running task(s), timeout graceful shutdown exceeded"]
    assert not any(line.keys() & {"traceback", "exceptions"} for line in after)
