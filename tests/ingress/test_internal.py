"""How the internal listener reports trouble, and which host names it answers to."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bot.domain.promotion import Kind, Request
from bot.domain.reason import Said
from bot.domain.reasons.told import Told
from bot.domain.target import Target
from bot.ingress.internal import Readiness, internal
from bot.rules.parsing.hosts import REFUSED
from bot.rules.release.decision import Decision
from bot.rules.wording.reasons import complete, plain
from bot.store.store import Store

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
DOWN = "GitHub does not answer (connection failed at GET /branches/main)"


@asynccontextmanager
async def listening(ready: Readiness) -> AsyncIterator[TestClient[Any, Any]]:
    async with TestClient(TestServer(internal(ready))) as client:
        yield client


async def said(client: TestClient[Any, Any]) -> tuple[int, dict[str, str]]:
    answer = await client.get("/readyz")
    return answer.status, (await answer.json())["trouble"]


def targets() -> Iterator[Target]:
    for number in range(1, 8):
        yield Target(model=f"m{number}", stage="production")


async def asked(store: Store, target: Target) -> None:
    request = Request(target=target, kind=Kind.PROMOTE, version=3, by="U0ALICE", at=NOON)
    assert await store.ask(request, key=target.model)


async def test_trouble_of_a_turn_is_said_until_a_turn_goes_through(store: Store) -> None:
    target = next(targets())
    await asked(store, target)
    async with listening(Readiness(waiting_for=set(), store=store)) as client:
        assert await said(client) == (200, {})
        await store.postpone(
            await store.load(target), Told(text=Said(DOWN)), wake_at=NOON + timedelta(seconds=1), now=NOON
        )
        assert await said(client) == (200, {"promotion 1": DOWN})  # it is ready: the others go on
        await store.commit(await store.load(target), Decision(), now=NOON)
        assert await said(client) == (200, {})


async def test_the_same_trouble_of_many_is_said_once(store: Store) -> None:
    for target in targets():
        await asked(store, target)
        await store.postpone(await store.load(target), Told(text=Said(DOWN)), wake_at=NOON, now=NOON)
    async with listening(Readiness(waiting_for={"MLflow"}, store=store)) as client:
        assert await said(client) == (503, {"promotions 1, 2, 3, 4, 5 and 2 more": DOWN})


async def test_before_the_database_is_open_it_says_what_it_waits_for() -> None:
    ready = Readiness(waiting_for={"Slack"})
    ready.lacks("Slack", "Slack refuses SLACK_BOT_TOKEN")
    async with listening(ready) as client:
        assert await said(client) == (503, {"Slack": "Slack refuses SLACK_BOT_TOKEN"})


# ── host names ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/promotions", "/", "/none"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
async def test_a_web_page_that_rebinds_its_name_reads_nothing(store: Store, method: str, path: str) -> None:
    await asked(store, next(targets()))
    async with listening(Readiness(waiting_for=set(), store=store)) as client:
        answer = await client.request(method, path, headers={"Host": f"evil.example:{client.port}"})
        assert answer.status == 421
        assert await answer.text() == ("" if method == "HEAD" else complete(plain(REFUSED)) + "\n")
        assert not [name for name in answer.headers if name.startswith("Access-Control-")]


@pytest.mark.parametrize("host", ["10.0.3.17:8081", "[fd00::5]:8081", "localhost", "callboard", "callboard.bots.svc"])
async def test_probes_and_operators_are_answered(store: Store, host: str) -> None:
    async with listening(Readiness(waiting_for=set(), store=store)) as client:
        for path in ("/livez", "/readyz", "/promotions"):
            assert (await client.get(path, headers={"Host": host})).status == 200


@pytest.mark.parametrize(
    "heads",
    [
        "GET /promotions HTTP/1.0\r\n\r\n",
        "GET /promotions HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    ],
    ids=["without a Host", "with two"],
)
async def test_a_request_names_one_host(store: Store, heads: str) -> None:
    await asked(store, next(targets()))
    async with listening(Readiness(waiting_for=set(), store=store)) as client:
        reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(heads.encode())
        status, _, rest = (await reader.read()).partition(b"\r\n")
        assert status.split()[1] in {b"400", b"421"}
        assert b'"promotions"' not in rest
        writer.close()
        await writer.wait_closed()
