"""Whatever is sent to a model server, it answers with a sentence, or closes the connection, and serves on."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from random import Random

import psutil
import pytest

from tests.chaos.extent import FULL
from tests.fixtures.model_server import ModelServer, environment, serving
from tests.fixtures.registry import MLflowServer
from tests.fixtures.slow_senders import slow_senders
from tests.model_server.test_answers import COLUMNS, JSON, RECORDS
from tests.model_server.test_end import PROMISED, SLACK

REQUESTS = 10_000 if FULL else 500
GOOD = json.dumps({"dataframe_records": RECORDS}).encode()
LIMIT = 200_000
BODY_SECONDS = 2
MEMORY = 1 << 30
"""Bytes that the manifests allow (`manifests/iris-classifier/base/deployment.yaml`)."""
CONNECTIONS, PIPELINED = 256, 16  # callboard_model_server.listening, whose import takes MLflow's


@pytest.fixture(scope="module")
def server(mlflow_server: MLflowServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    folder = tmp_path_factory.mktemp("hostile")
    told = environment(mlflow_server.url, MODEL_VERSION="1", TMPDIR=str(folder))
    told |= {"MODEL_MAX_BODY": str(LIMIT), "MODEL_BODY_TIMEOUT": str(BODY_SECONDS)}
    with serving(folder, told) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def unfinished(server: ModelServer) -> Iterator[list[socket.socket]]:
    """Connections that stay in the middle of their headers while all others are served."""
    wires = [socket.create_connection(("127.0.0.1", server.port), timeout=60) for _ in range(50)]
    for wire in wires:
        wire.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\n")
    yield wires
    for wire in wires:
        wire.close()


def sent(server: ModelServer, *parts: bytes, then: Iterable[bytes] = ()) -> bytes:
    """Send bytes as they are, and return all that comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
        for part in chain(parts, then):
            wire.sendall(part)
        received = b""
        with suppress(ConnectionResetError):  # it closed before it had read all
            while data := wire.recv(65536):
                received += data
        return received


def head(*lines: str) -> bytes:
    return "\r\n".join(
        ["POST /invocations HTTP/1.1", "Host: x", "Content-Type: application/json", *lines, "", ""]
    ).encode()


def test_a_body_that_is_too_long_is_refused_before_it_is_read(server: ModelServer) -> None:
    answer = sent(server, head(f"Content-Length: {100 << 20}"), b"[" * 1000)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"MODEL_MAX_BODY" in answer
    assert b"connection: close" in answer.lower()


CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"


@pytest.mark.parametrize(
    ("start", "rest"),
    [(head("Transfer-Encoding: chunked"), CHUNK), (head(f"Content-Length: {100 << 20}"), b" " * 0x10000)],
    ids=["chunked", "of a length that is said"],
)
def test_whoever_sends_all_of_a_body_that_is_too_long_before_he_reads_still_reads_the_413(
    server: ModelServer, start: bytes, rest: bytes
) -> None:
    answer = sent(server, start, *[rest] * 300)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"MODEL_MAX_BODY" in answer
    assert server.get("/readyz")[0] == 200


def test_whoever_goes_on_sending_for_ever_after_his_413_is_cut_off(server: ModelServer) -> None:
    began = time.monotonic()
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        sent(server, head("Transfer-Encoding: chunked"), *[CHUNK] * 5, then=drops(60))
    assert 4 < time.monotonic() - began < 15


def drops(seconds: float) -> Iterator[bytes]:
    """Yield a little now and then."""
    for _ in range(int(seconds * 5)):
        yield b"1\r\n \r\n"
        time.sleep(0.2)


def test_a_body_that_drips_is_a_408(server: ModelServer) -> None:
    began = time.monotonic()
    answer = sent(server, head("Transfer-Encoding: chunked"), then=drops(BODY_SECONDS + 1))
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()
    assert b"MODEL_BODY_TIMEOUT" in answer
    assert BODY_SECONDS < time.monotonic() - began < BODY_SECONDS + 10


@pytest.mark.parametrize(
    "start",
    [
        b"\x16\x03\x01\x02",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\0" * 5000,
        b"POST /invocations HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_sent_away(server: ModelServer, start: bytes) -> None:
    assert sent(server, start).startswith(b"HTTP/1.1 400")
    assert server.get("/readyz")[0] == 200


def test_one_that_hangs_up_in_the_middle_of_a_body_does_no_harm(server: ModelServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as wire:
        wire.sendall(head("Content-Length: 1000") + b"{")
    assert server.ask("POST", "/invocations", GOOD, JSON)[0] == 200


@contextmanager
def held(server: ModelServer, number: int, content: bytes) -> Iterator[list[socket.socket]]:
    """Hold connections open, each of which sends this and then nothing more."""
    with ExitStack() as stack:
        to = ("127.0.0.1", server.port)
        wires = [stack.enter_context(socket.create_connection(to, timeout=60)) for _ in range(number)]
        for wire in wires:
            with suppress(OSError):  # it has been sent away for another
                wire.sendall(content)
        yield wires


def test_whoever_holds_bodies_without_an_end_takes_no_memory_and_stands_in_nobodys_way(server: ModelServer) -> None:
    process = psutil.Process(server.process.pid)
    assert server.ask("POST", "/invocations", GOOD, JSON)[0] == 200  # what a first prediction takes stays
    before = process.memory_info().rss
    for _ in range(5):
        with held(server, 190, head(f"Content-Length: {LIMIT}") + b" " * (LIMIT - 1)) as wires:
            assert server.ask("POST", "/invocations", GOOD, JSON)[0] == 200
            assert server.get("/ping")[0] == 200
            answers = [said(wire) for wire in wires]
        assert {answer[9:12] for answer in answers} <= {b"503", b"408"}
        assert sum(b"too many requests" in answer for answer in answers) > 150
    grown = process.memory_info().rss - before
    assert grown < 120e6, "190 MB were sent; of each connection at most 256 KiB are read at a time"
    assert "ASGI" not in server.log.read_text(), "that somebody is gone is no fault"


def said(wire: socket.socket) -> bytes:
    with suppress(ConnectionResetError):
        return wire.recv(65536)
    return b""


def test_whoever_holds_hundreds_of_connections_loses_the_oldest_to_a_new_one(server: ModelServer) -> None:
    with held(server, CONNECTIONS + 50, b"POST /invocations HTTP/1.1\r\nHost: x\r\n") as wires:
        assert server.ask("POST", "/invocations", GOOD, JSON)[0] == 200
        assert psutil.Process(server.process.pid).num_fds() < CONNECTIONS + 50
        assert closed(wires[0])


def closed(wire: socket.socket) -> bool:
    """Say whether the other side has ended the connection."""
    try:
        return wire.recv(1) == b""
    except ConnectionResetError:
        return True


GARBAGE = {
    "a head": b"POST /invocations HTTP/1.1\r\nHost: x\r\nX-Much: ",
    "an address": b"GET /",
    "heads in pieces": b"POST /invocations HTTP/1.1\r\nHost: x\r\n",
    "a trailer": head("Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\nX-Much: ",
    "what belongs to a chunk": head("Transfer-Encoding: chunked") + b"2;",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_has_no_end_and_is_no_body_is_cut_off_and_takes_no_memory(server: ModelServer, name: str) -> None:
    process = psutil.Process(server.process.pid)
    before, deadline = process.memory_info().rss, time.monotonic() + 60
    much = b"X: 1\r\n" * 10_000 if name == "heads in pieces" else b"x" * 100_000
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as wire:
        wire.sendall(GARBAGE[name])
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            while time.monotonic() < deadline:
                wire.sendall(much)
    assert process.memory_info().rss - before < 8e6
    assert server.get("/readyz")[0] == 200


def test_whoever_asks_thousands_of_things_at_once_is_sent_away(server: ModelServer) -> None:
    answer = sent(server, b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" * 5000)
    assert b"HTTP/1.1 400" in answer
    assert answer.count(b"HTTP/1.1 200") <= PIPELINED + 1
    assert server.get("/readyz")[0] == 200


WIDE = LIMIT // 4
TABLES = {
    "a CSV": (",".join(f"c{n}" for n in range(WIDE // 2)).encode() + b"\n", "text/csv"),
    "a CSV whose second line is wide": (b"a\n" + b"," * WIDE, "text/csv"),
    "columns": (json.dumps({"dataframe_split": {"columns": [*range(WIDE // 2)], "data": []}}).encode(), JSON),
    "rows": (json.dumps({"inputs": [[0] * WIDE]}).encode(), JSON),
    "records of different names": (
        json.dumps({"dataframe_records": [{f"c{n}": 0} for n in range(WIDE // 4)]}).encode(),
        JSON,
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_is_far_too_wide_is_refused_at_once(server: ModelServer, name: str) -> None:
    body, kind = TABLES[name]
    status, answer = server.ask("POST", "/invocations", body, kind)
    assert status == 400
    assert "columns, too many for the model" in json.loads(answer)["message"]


def test_a_column_that_the_model_does_not_know_does_no_harm(server: ModelServer) -> None:
    more = json.dumps({"dataframe_records": [{**record, "customer": 7} for record in RECORDS]}).encode()
    assert server.ask("POST", "/invocations", more, JSON) == server.ask("POST", "/invocations", GOOD, JSON)


def malformed(dice: Random) -> tuple[bytes, str]:
    """Return some body and content type that only look like a request."""
    kinds = [JSON] * 6 + [
        "text/csv",
        "text/csv; charset=utf-8",
        "application/json; charset=x",
        "image/png",
        "a" * 300,
        ";",
        "é",
    ]
    value: object = dice.choice(
        [None, "x", 1e308, -1, float("nan"), [], {}, [[1]], True, "\ud800", "9" * 400, 10**400, "<!channel>"]
    )
    shapes: list[Callable[[], object]] = [
        lambda: {"dataframe_records": [dict.fromkeys(COLUMNS, value)] * dice.randrange(3)},
        lambda: {
            "dataframe_split": {
                "columns": dice.sample(COLUMNS, dice.randrange(5)),
                "data": [[value] * dice.randrange(6)],
            }
        },
        lambda: {"dataframe_split": value},
        lambda: {"inputs": value},
        lambda: {"instances": [value, value]},
        lambda: {"inputs": dict.fromkeys(COLUMNS, value), "params": value},
        lambda: {dice.choice(["inputs", "x", "messages", "input", "prompt"]): value},
        lambda: value,
    ]
    body = json.dumps(dice.choice(shapes)()).encode()
    at = dice.randrange(len(body) + 1)
    broken = {
        0: body[:at],
        1: bytes(dice.randrange(256) for _ in range(dice.randrange(200))),
        2: body[:at] + bytes([dice.randrange(256)]) + body[at:],
    }
    return broken.get(dice.randrange(6), body), dice.choice(kinds)


@pytest.mark.timeout(1800 if FULL else 180)
def test_thousands_of_malformed_requests_get_a_sentence_each_and_the_good_ones_between_them_their_answer(
    server: ModelServer,
) -> None:
    dice, process = Random(1), psutil.Process(server.process.pid)
    right = server.ask("POST", "/invocations", GOOD, JSON)
    assert right[0] == 200
    before = None
    with slow_senders(server.port, "/invocations", largest=LIMIT):
        for number in range(REQUESTS):
            body, kind = malformed(dice)
            status, answer = server.ask("POST", "/invocations", body, kind.encode().decode("latin-1"))
            assert status in {200, 400, 415}, (status, answer, body, kind)
            assert status == 200 or json.loads(answer).keys() == {"error_code", "message"}
            if number % 10 == 0:
                assert server.ask("POST", "/invocations", GOOD, JSON) == right
            if number == REQUESTS // 5:
                before = process.memory_info().rss
    assert before is not None
    assert process.memory_info().rss - before < 30e6
    assert process.memory_info().rss < MEMORY
    assert process.pid == server.process.pid
    assert server.process.poll() is None


def test_nothing_of_a_payload_is_in_the_log_and_failures_are_counted(server: ModelServer) -> None:
    secret = "a-name-that-nobody-else-has"
    asked = json.dumps({"dataframe_records": [dict.fromkeys(COLUMNS, secret)]}).encode()
    assert server.ask("POST", f"/invocations?{secret}", asked, JSON)[0] == 400
    asked = json.dumps({"dataframe_records": RECORDS, "params": {secret: secret}}).encode()
    assert server.ask("POST", "/invocations", asked, JSON)[0] == 200, "MLflow warns of params, and names them"
    log, counted = server.log.read_text(), server.get("/metrics")[1].decode()
    assert secret not in log
    assert '"a prediction failed"' in log
    assert all(json.loads(line) for line in log.splitlines())
    assert secret not in counted
    assert 'model_requests_total{code="400"}' in counted
    assert 'model_info{digest="sha256:' in counted
    assert "model_request_duration_seconds_bucket" in counted


def test_whoever_does_not_finish_his_headers_is_sent_away_and_others_are_served_meanwhile(
    server: ModelServer, unfinished: list[socket.socket]
) -> None:
    assert server.ask("POST", "/invocations", GOOD, JSON)[0] == 200
    assert all(map(closed, unfinished)), "the connection is closed in the end"


def test_after_sigterm_it_is_not_ready_and_still_answers_and_is_gone_within_five_seconds_whoever_hangs(
    server: ModelServer,
) -> None:
    """The last one, for it takes the server of all."""
    with socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(head("Content-Length: 1000") + b"{")  # never sends the rest
        began = time.monotonic()
        os.kill(server.process.pid, signal.SIGTERM)
        while server.get("/readyz")[0] == 200:
            assert time.monotonic() - began < 2
        assert server.ask("POST", "/invocations", GOOD, JSON)[0] == 200
        assert server.process.wait(20) == 0
        assert time.monotonic() - began < PROMISED + SLACK
    assert list(server.log.parent.glob("model-*")) == []
