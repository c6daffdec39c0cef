"""Nobody who can reach a listener takes it down: unfinished requests end and cost little; good ones are answered."""

import asyncio
import json
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from bot.config.app_yaml import parse
from bot.config.environment import Secret
from bot.ingress.bodies import Bodies
from bot.ingress.internal import Readiness, internal
from bot.ingress.public import Inbound
from bot.ingress.serving import Connections, serve
from bot.store.store import Store
from tests.fixtures import signing
from tests.fixtures.chat_world import SECRET
from tests.fixtures.inbound_world import APP, GITHUB_SECRET, MLFLOW_SECRET, about

BODY = about()
SIGNED = signing.mlflow
PATH = "/webhooks/mlflow"
MEGABYTE = 1 << 20

Send = Callable[[bytes], Awaitable[bytes]]


def head(path: str, headers: dict[str, str], length: int) -> bytes:
    told = {"Host": "callboard", "Content-Type": "application/json", "Content-Length": str(length)} | headers
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode()


def signed(delivery: str = "d-1") -> bytes:
    """Return a whole good request."""
    headers = signing.mlflow(BODY, MLFLOW_SECRET, str(int(time.time())), delivery=delivery)
    return head(PATH, headers | {"Connection": "close"}, len(BODY)) + BODY


def fresh() -> dict[str, str]:
    """Return headers that look signed: only with the body it is seen that they are not."""
    return {"X-MLflow-Timestamp": str(int(time.time())), "X-MLflow-Signature": "v1,bm8="}


@asynccontextmanager
async def listening(folder: Path, *, limit: int = 256, within: float = 10.0) -> AsyncIterator[tuple[int, Connections]]:
    """Serve the public listener with limits of the test's own; gives its port and connections."""
    store = await Store.open(f"sqlite:///{folder / 'callboard.db'}")
    inbound = Inbound(config=parse(APP), store=store, wake=lambda: None, bodies=Bodies(within=within))
    app = inbound.application(
        slack_secret=Secret(SECRET), mlflow_secret=Secret(MLFLOW_SECRET), github_secret=Secret(GITHUB_SECRET)
    )
    connections = Connections(limit=limit, head=within)
    async with serve(app, "127.0.0.1", 0, connections=connections) as port:
        yield port, connections
    await store.close()


@asynccontextmanager
async def connected(
    port: int, count: int = 1
) -> AsyncIterator[list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]:
    """Open connections; they are closed in the end."""
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    try:
        yield opened
    finally:
        for _, writer in opened:
            writer.close()


async def answer(port: int, request: bytes) -> tuple[int, str]:
    """Send a request as it is; return the status and the body of the answer."""
    async with connected(port) as [(reader, writer)]:
        writer.write(request)
        async with asyncio.timeout(20):
            status = int((await reader.readline()).split()[1])
            rest = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in rest.splitlines() if line.lower().startswith(b"content-l")
            )
            return status, (await reader.readexactly(length)).decode()


@pytest.mark.parametrize(
    ("path", "headers", "length", "status", "says"),
    [
        pytest.param(PATH, {}, 900_000, 401, "X-MLflow-Signature is missing", id="no signature"),
        pytest.param("/webhooks/github", {}, 900_000, 401, "X-Hub-Signature-256 is missing", id="none of GitHub's"),
        pytest.param(
            "/slack/events", {"X-Slack-Signature": "v0=1", "X-Slack-Request-Timestamp": "1"}, 900_000, 401,
            "X-Slack-Request-Timestamp is not a time within 5 minutes of now", id="stale",
        ),
        pytest.param(PATH, fresh(), 2 * MEGABYTE, 413, "a body may have", id="too long"),
    ],
)  # fmt: skip
async def test_what_the_headers_show_is_answered_before_the_body_is_sent(
    tmp_path: Path, path: str, headers: dict[str, str], length: int, status: int, says: str
) -> None:
    async with listening(tmp_path) as (port, _):
        found, text = await answer(port, head(path, headers, length))
        assert (found, says in text) == (status, True), text


async def test_a_body_that_does_not_come_in_time_is_given_up(tmp_path: Path) -> None:
    async with listening(tmp_path, within=0.3) as (port, _):
        status, text = await answer(port, head(PATH, fresh(), 1000) + b"{")
        assert (status, json.loads(text)["error"]) == (408, "the body did not come in time; send it again")


async def test_a_head_that_does_not_come_in_time_is_given_up(tmp_path: Path) -> None:
    async with listening(tmp_path, within=0.3) as (port, connections), connected(port, 300) as opened:
        for _, writer in opened:
            writer.write(b"POST /slack/events HTTP/1.1\r\nHost: callb")
        async with asyncio.timeout(20):
            await asyncio.gather(*(reader.read() for reader, _ in opened), return_exceptions=True)
            while connections.count:  # noqa: ASYNC110  (it tells nobody)
                await asyncio.sleep(0.01)
        assert (await answer(port, signed()))[0] == 200


async def test_a_head_that_drips_has_no_more_time_than_one_that_stalls(tmp_path: Path) -> None:
    async with listening(tmp_path, within=0.5) as (port, _), connected(port) as [(reader, writer)]:
        closed, begun = asyncio.create_task(reader.read()), False
        async with asyncio.timeout(20):
            while not closed.done():
                writer.write(b"POST /" if not begun else b"a")
                begun = True
                await asyncio.sleep(0.05)
        assert isinstance(closed.exception(), ConnectionError) or closed.result() == b""


async def test_an_idle_connection_is_kept_and_serves_again(tmp_path: Path) -> None:
    async with listening(tmp_path, within=0.2) as (port, _), connected(port) as [(reader, writer)]:
        for delivery in ("d-1", "d-2"):
            writer.write(signed(delivery).replace(b"Connection: close\r\n", b""))
            said = await reader.readuntil(b"\r\n\r\n")
            assert said.startswith(b"HTTP/1.1 200")
            await reader.readexactly(len(b'{"ok": true}'))
            await asyncio.sleep(0.4)  # longer than a head may take: no head has begun


async def test_the_longest_idle_connection_makes_room_for_a_new_one(tmp_path: Path) -> None:
    async with listening(tmp_path, limit=20) as (port, connections), connected(port, 60) as opened:
        assert (await answer(port, signed()))[0] == 200
        assert connections.count <= 20
        async with asyncio.timeout(20):
            ended = await asyncio.gather(*(reader.read() for reader, _ in opened[:30]), return_exceptions=True)
        assert all(said == b"" or isinstance(said, ConnectionError) for said in ended)


async def test_600_unfinished_bodies_take_little_and_a_good_request_is_answered(tmp_path: Path) -> None:
    async with listening(tmp_path, limit=256, within=5.0) as (port, _), connected(port, 600) as opened:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        beginning = head(PATH, fresh(), MEGABYTE) + b" " * (MEGABYTE - 100)
        for _, writer in opened:
            writer.write(beginning)
        good = [await answer(port, signed(f"d-{number}")) for number in range(5)]
        assert [status for status, _ in good] == [200] * 5
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        ours = 600 * len(beginning) / MEGABYTE  # what this test itself keeps for sending stays in the same process
        assert grown < ours + 150, f"{grown:.0f} MB"


async def test_probes_are_answered_while_the_other_listener_is_busy(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        port, _ = await stack.enter_async_context(listening(tmp_path))
        probes = await stack.enter_async_context(serve(internal(Readiness(waiting_for=set())), "127.0.0.1", 0))
        for _, writer in await stack.enter_async_context(connected(port, 300)):
            writer.write(head(PATH, fresh(), MEGABYTE) + b" " * 1000)
        async with connected(probes) as [(reader, writer)]:
            writer.write(b"GET /livez HTTP/1.1\r\nHost: callboard\r\n\r\n")
            async with asyncio.timeout(5):
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")
