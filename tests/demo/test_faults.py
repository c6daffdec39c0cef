"""Faults on demand: `down` drops everything; `lost_answer` lets a write take effect and drops the response."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from callboard_demo.faults import Faults

DROPPED = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)


class Counter:
    """An application that counts what reaches it."""

    def __init__(self, faults: Faults) -> None:
        self.reads = self.writes = 0
        self.hanging = asyncio.Event()
        self.let_go = asyncio.Event()
        self.app = web.Application(middlewares=[faults.middleware("github")])
        self.app.router.add_get("/", self._read)
        self.app.router.add_get("/hang", self._hang)
        self.app.router.add_post("/", self._write)

    async def _read(self, _: web.Request) -> web.Response:
        self.reads += 1
        return web.Response(text="read")

    async def _write(self, _: web.Request) -> web.Response:
        self.writes += 1
        raise web.HTTPConflict if self.writes > 1 else web.HTTPCreated

    async def _hang(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        await stream.write(b"begun\n")
        self.hanging.set()
        await self.let_go.wait()
        return stream


class Hand:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def faults(hand: Hand) -> Faults:
    return Faults(clock=hand)


@pytest.fixture
def counter(faults: Faults) -> Counter:
    return Counter(faults)


@pytest.fixture
async def client(counter: Counter) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with TestClient(TestServer(counter.app)) as client:
        yield client


async def test_a_system_that_is_down_answers_nothing_and_does_nothing(
    faults: Faults, counter: Counter, client: TestClient[web.Request, web.Application]
) -> None:
    faults.set("github", "down", 10)
    for method in ("GET", "POST"):
        with pytest.raises(DROPPED):
            await client.request(method, "/")
    assert (counter.reads, counter.writes) == (0, 0)


async def test_a_write_whose_answer_is_lost_has_taken_effect_once(
    faults: Faults, counter: Counter, client: TestClient[web.Request, web.Application]
) -> None:
    faults.set("github", "lost_answer", 10)
    with pytest.raises(DROPPED):
        await client.post("/")
    assert counter.writes == 1


async def test_a_refusal_is_lost_as_well(
    faults: Faults, counter: Counter, client: TestClient[web.Request, web.Application]
) -> None:
    counter.writes = 1
    faults.set("github", "lost_answer", 10)
    with pytest.raises(DROPPED):
        await client.post("/")
    assert counter.writes == 2


async def test_reads_are_well_while_answers_to_writes_are_lost(
    faults: Faults, client: TestClient[web.Request, web.Application]
) -> None:
    faults.set("github", "lost_answer", 10)
    assert (await client.get("/")).status == 200


async def test_a_fault_of_one_system_is_no_fault_of_another(
    faults: Faults, client: TestClient[web.Request, web.Application]
) -> None:
    faults.set("slack", "down", 10)
    assert (await client.get("/")).status == 200


async def test_a_fault_ends_by_itself(
    faults: Faults, hand: Hand, client: TestClient[web.Request, web.Application]
) -> None:
    faults.set("github", "down", 10)
    hand.now = 9.9
    assert faults.state() == {"github": {"kind": "down", "seconds": 0.1}}
    hand.now = 10
    assert faults.state() == {}
    assert (await client.get("/")).status == 200


async def test_zero_seconds_end_a_fault(faults: Faults, client: TestClient[web.Request, web.Application]) -> None:
    faults.set("github", "down", 10)
    faults.set("github", "down", 0)
    assert (await client.get("/")).status == 200


async def test_going_down_cuts_what_is_under_way(
    faults: Faults, counter: Counter, client: TestClient[web.Request, web.Application]
) -> None:
    stream = await client.get("/hang")
    await counter.hanging.wait()
    faults.set("github", "down", 10)
    with pytest.raises(aiohttp.ClientPayloadError):
        await stream.read()
    counter.let_go.set()


@pytest.mark.parametrize(
    ("system", "kind", "seconds"),
    [("gitlab", "down", 1), ("github", "slow", 1), ("github", "down", -1), ("github", "down", 601)],
)
def test_what_cannot_be_is_refused(faults: Faults, system: str, kind: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=r"system|FaultKind|may last"):
        faults.set(system, kind, seconds)


def test_whoever_watches_is_told_of_a_fault(faults: Faults) -> None:
    told: list[int] = []
    faults.on_change.append(lambda: told.append(1))
    faults.set("slack", "down", 1)
    assert told == [1]
