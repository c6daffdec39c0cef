"""The public listener: unauthenticated requests are refused, and a repeated delivery counts once."""

import asyncio
import gzip
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from bot import clock
from bot.ingress.bodies import LARGEST
from tests.fixtures.inbound_world import SIGNED, V1, Listener, about, complaints, form, opened
from tests.recorded import DATA

RECORDED = DATA / "mlflow-deliveries"
every_route = pytest.mark.parametrize("path", SIGNED)


@pytest.fixture
async def listener(tmp_path: Path) -> AsyncIterator[Listener]:
    async with opened(tmp_path) as found:
        yield found


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test whose requests leave a traceback in the log: a way to flood it from outside."""
    with caplog.at_level(logging.WARNING):
        yield
    assert complaints(caplog) == []


# ── who does not prove who they are ─────────────────────────────────────────────────────────────────────

BODIES = {
    "empty": b"",
    "cut": b'{"type": "event_call',
    "list": b"[1, 2]",
    "number": b"7",
    "null": b"null",
    "deep": b"[" * 100_000,
    "payload": b"payload=notjson",
    "not UTF-8": b"\xff\xfe{\x80}",
    "not UTF-8 form": b"payload=%ff%fe&command=%80",
    "ssl_check": b"ssl_check=1&token=x",
    "handshake": b'{"type": "url_verification", "challenge": "x"}',
    "command": urlencode({"command": "/promote", "text": "iris-classifier staging 1", "trigger_id": "1"}).encode(),
}


@every_route
@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "text/plain; charset=nonsense"]
)
@pytest.mark.usefixtures("quiet")
async def test_what_is_not_signed_is_refused_before_it_is_parsed(listener: Listener, path: str, kind: str) -> None:
    for body in BODIES.values():
        assert await listener.send(path, body, {"Content-Type": kind}) == 401
    assert listener.untouched()


@every_route
@pytest.mark.usefixtures("quiet")
async def test_a_signature_of_something_else_is_refused(listener: Listener, path: str) -> None:
    sign, secret = SIGNED[path]
    stamp = str(int(time.time()))
    for body in BODIES.values():
        assert await listener.send(path, body, sign(body + b" ", secret, stamp)) == 401
        assert await listener.send(path, body, sign(body, "another secret", stamp)) == 401
    assert listener.untouched()


@pytest.mark.parametrize("path", ["/slack/events", "/webhooks/mlflow"])
@pytest.mark.parametrize("age", [310, -310])
@pytest.mark.usefixtures("quiet")
async def test_what_was_signed_at_another_time_is_refused(listener: Listener, path: str, age: int) -> None:
    assert await listener.signed(path, BODIES["handshake"], age=age) == 401
    assert listener.untouched()


HEADERS = [
    b"",
    b"soon",
    b"-1",
    b"1e9",
    b"9" * 4000,
    "١٢".encode(),
    b"\xff\xfe",
    b"v0=\xc3",
    b"v1,\x80",
    b"sha256=\xf0\x9f",
]


@every_route
@pytest.mark.usefixtures("quiet")
async def test_headers_that_nobody_should_send_are_refused_too(listener: Listener, path: str) -> None:
    names = {name for sign, secret in SIGNED.values() for name in sign(b"", secret, "0")}
    for odd in HEADERS:
        headers = {name.encode(): odd for name in names}
        fresh = headers | {name: str(int(time.time())).encode() for name in headers if name.endswith(b"Timestamp")}
        assert await raw(listener, path, headers) == 401
        assert await raw(listener, path, fresh) == 401
    assert listener.untouched()


async def raw(listener: Listener, path: str, headers: dict[bytes, bytes], body: bytes = b"{}") -> int:
    """Send bytes that no client would; return the status."""
    host, _, port = listener.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = {b"Host": host.encode(), b"Connection": b"close", b"Content-Length": b"%d" % len(body), **headers}
    lines = [f"POST {path} HTTP/1.1".encode(), *(name + b": " + value for name, value in head.items())]
    writer.write(b"\r\n".join([*lines, b"", body]))
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(answer.split(b" ", 2)[1])


@every_route
@pytest.mark.usefixtures("quiet")
async def test_a_body_with_a_wrong_encoding_is_the_callers_fault(listener: Listener, path: str) -> None:
    assert await raw(listener, path, {b"Content-Encoding": b"gzip"}, b"this is not gzip") in {400, 401}
    assert listener.untouched()


@every_route
@pytest.mark.usefixtures("quiet")
async def test_a_body_over_one_mebibyte_is_refused_signed_or_not(listener: Listener, path: str) -> None:
    assert await listener.send(path, b" " * (LARGEST + 1)) == 413
    assert await listener.signed(path, b" " * (LARGEST + 1)) == 413
    assert await listener.send(path, b" " * LARGEST) == 401
    assert listener.untouched()


@every_route
@pytest.mark.usefixtures("quiet")
async def test_a_body_that_unpacks_to_over_one_mebibyte_is_refused(listener: Listener, path: str) -> None:
    packed = gzip.compress(b" " * (LARGEST * 64))
    assert await raw(listener, path, {b"Content-Encoding": b"gzip"}, packed) == 401, "it is not even read"
    sign, secret = SIGNED[path]
    headers = {name.encode(): value.encode() for name, value in sign(packed, secret, str(int(time.time()))).items()}
    assert await raw(listener, path, headers | {b"Content-Encoding": b"gzip"}, packed) == 413
    assert listener.untouched()


async def test_a_route_whose_secret_is_not_configured_does_not_exist(tmp_path: Path) -> None:
    async with opened(tmp_path, slack_secret=None, mlflow_secret=None, github_secret=None) as listener:
        assert await listener.signed("/slack/events", BODIES["handshake"]) == 404
        assert await listener.signed("/webhooks/mlflow", b"{}") == 404
        assert await listener.signed("/webhooks/github", b"{}") == 404


# ── MLflow ──────────────────────────────────────────────────────────────────────────────────────────────


def deliveries() -> list[tuple[str, dict[str, Any]]]:
    found = [(file.stem, json.loads(file.read_text())) for file in sorted(RECORDED.glob("*.json"))]
    assert found
    return found


async def replay(listener: Listener, delivery: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> int:
    """Send a recorded delivery as it was sent, at the time when it was."""
    arrived = datetime.fromtimestamp(delivery["received_at"], tz=UTC)
    monkeypatch.setattr(clock, "now", lambda: arrived)
    kept = {"Content-Type", "X-MLflow-Delivery-Id", "X-MLflow-Timestamp", "X-MLflow-Signature"}
    headers = {name: value for name, value in delivery["headers"] if name in kept}
    return await listener.send("/webhooks/mlflow", delivery["body"].encode(), headers)


@pytest.mark.usefixtures("quiet")
async def test_what_mlflow_sends_is_accepted_and_what_speaks_of_a_version_of_ours_is_heard(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = set()
    for name, delivery in deliveries():
        before = listener.recorded()
        assert await replay(listener, delivery, monkeypatch) == 200, name
        if listener.recorded() != before:
            heard.add(name)
    assert heard == {
        "model_version.created",
        "model_version_alias.created",
        "model_version_tag.deleted",
        "model_version_tag.set",
    }
    assert len(listener.recorded()["facts"]) == 4
    assert await listener.store.mirror.pending(V1) is not None


async def test_what_mlflow_sends_is_stale_by_now(listener: Listener) -> None:
    for _, delivery in deliveries():
        assert await listener.send("/webhooks/mlflow", delivery["body"].encode(), dict(delivery["headers"])) == 401
    assert listener.untouched()


async def test_a_delivery_that_is_replayed_changes_nothing(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    delivery = dict(deliveries())["model_version.created"]
    assert await replay(listener, delivery, monkeypatch) == 200
    once = listener.recorded()
    assert once["facts"]
    assert await replay(listener, delivery, monkeypatch) == 200
    assert listener.recorded() == once


async def test_a_version_that_is_heard_of_is_looked_at_soon_and_not_believed(listener: Listener) -> None:
    assert await listener.signed("/webhooks/mlflow", about(version="1")) == 200
    assert await listener.store.due(clock.now()) == (V1,)
    assert await listener.store.mirror.known_versions("iris-classifier") == ()
    assert listener.wake_ups


GARBAGE = {
    "a prompt": about("prompt_version", version="1"),
    "another model": about(name="nobody-serves-this", version="1"),
    "no version": about(),
    "no number": about(version="latest"),
    "zero": about(version="0"),
    "negative": about(version="-1"),
    "too large": about(version="9" * 20),
    "far too large": about(version="9" * 5000),
    "digits of another script": about(version="١"),
    "an entity of a later MLflow": about("experiment", version={"major": 1}),
    "a version of another type": about(version=1),
    "a version of null": about(version=None),
    "no data": b'{"entity": "model_version", "action": "created", "data": null}',
    "no event": b'{"hello": "world"}',
    "a list": b"[1]",
    "deep": b'{"entity": "model_version", "action": ' + b"[" * 100_000,
    "deep in what is not read": b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b', "entity": "model_version"}',
    "nothing": b"",
    "cut": b'{"entity": "model_ver',
    "not UTF-8": b'{"entity": "\xff"}',
    "half an emoji": b'{"entity": "model_version", "action": "created", "data": {"name": "\\ud83d", "version": "1"}}',
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
@pytest.mark.usefixtures("quiet")
async def test_what_speaks_of_nothing_of_ours_is_taken_and_forgotten(listener: Listener, body: bytes) -> None:
    assert await listener.signed("/webhooks/mlflow", body) == 200
    assert not any(listener.recorded().values())


# ── GitHub and Slack ────────────────────────────────────────────────────────────────────────────────────


async def test_a_github_webhook_starts_a_pass_and_is_not_believed(listener: Listener) -> None:
    assert await listener.signed("/webhooks/github", b"\xff not even JSON") == 200
    assert listener.wake_ups
    assert not any(listener.recorded().values())


async def command(listener: Listener, body: bytes) -> int:
    return await listener.signed("/slack/events", body, kind="application/x-www-form-urlencoded")


async def test_a_command_that_is_delivered_twice_asks_once(listener: Listener) -> None:
    await listener.know()
    assert await command(listener, form()) == 200
    once = listener.recorded()
    assert len(once["promotions"]) == 1
    assert await command(listener, form()) == 200
    assert listener.recorded() == once


async def test_a_command_from_the_channel_is_answered_in_private(listener: Listener) -> None:
    await listener.know()
    for typed, answer in (("iris-clasifier staging", "Did you mean"), ("iris-classifier staging 1", "Started: ")):
        told = await listener.chat.send(user="alice", channel="#ml-releases", text=f"/promote {typed}")
        assert told["status"] == 200
        assert answer in listener.chat.state()["private"][-1]["text"]
    assert listener.chat.state()["messages"] == []
    assert len(listener.recorded()["promotions"]) == 1


async def test_slack_may_ask_whether_the_address_is_ours(listener: Listener) -> None:
    body = BODIES["handshake"]
    sign, secret = SIGNED["/slack/events"]
    headers = sign(body, secret, str(int(time.time()))) | {"Content-Type": "application/json"}
    async with listener.http.post(f"{listener.url}/slack/events", data=body, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (200, {"challenge": "x"})


async def test_a_reaction_to_what_is_not_ours_is_forgotten(listener: Listener) -> None:
    posted = await listener.chat.send(user="bob", channel="#ml-releases", text="lunch?")
    assert posted["ok"]
    await listener.chat.react(user="bob", ts=listener.chat.state()["messages"][0]["ts"], emoji="white_check_mark")
    async with asyncio.timeout(10):
        while not listener.wake_ups:  # noqa: ASYNC110 - the delivery signals nothing to us
            await asyncio.sleep(0.01)
    assert not any(listener.recorded().values())
