"""The store on a real PostgreSQL: every rule of `test_store.py` and its neighbours, and leadership."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import psycopg
import pytest

from bot.domain.errors import Temporary
from bot.domain.reasons.database import SessionLost
from bot.engine.leadership import lead
from bot.store.engine import LEADER
from bot.store.store import Store
from tests.fixtures.postgres import Server, running
from tests.fixtures.raising import raising
from tests.handlers.test_requests import *  # noqa: F403  (the same tests, on the record that stands below)
from tests.store.test_heads import *  # noqa: F403  (the same tests, on PostgreSQL)
from tests.store.test_migrations import *  # noqa: F403  (the same tests, on PostgreSQL)
from tests.store.test_mirror import *  # noqa: F403  (the same tests, on PostgreSQL)
from tests.store.test_store import *  # noqa: F403  (the same tests, on PostgreSQL)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as found:
        yield found


@pytest.fixture
async def record(server: Server) -> AsyncIterator[str]:
    """Return the address of a database that is empty."""
    async with server.database() as url:
        yield url


async def test_tables_are_made_once_and_kept(record: str) -> None:
    first = await Store.open(record)
    assert await first.ask(REQUEST, key="a") == 1  # noqa: F405  (imported with the tests)
    await first.close()
    second = await Store.open(record)
    assert len(await second.promotions()) == 1
    await second.close()


async def test_one_leads_and_the_next_one_as_soon_as_it_ends(record: str) -> None:
    led = list[str]()

    async def follow() -> None:
        async with lead(record):
            led.append("second")

    async with lead(record):
        following = asyncio.create_task(follow())
        await asyncio.sleep(1.2)
        led.append("first")
    await asyncio.wait_for(following, 5)
    assert led == ["first", "second"]


async def test_two_records_on_one_server_have_a_leader_each(server: Server, record: str) -> None:
    async with server.database() as other, lead(record), asyncio.timeout(5), lead(other):
        pass


@pytest.mark.parametrize("how", ["the session is ended", "the server crashes"])
async def test_a_bot_that_lost_the_lock_stops(server: Server, record: str, how: str) -> None:
    with raising(Temporary, SessionLost):
        async with lead(record):
            if how == "the server crashes":
                await asyncio.to_thread(server.stop, signal.SIGQUIT)
                await asyncio.to_thread(server.start)
            else:
                await asyncio.to_thread(end_sessions, record)
            await asyncio.sleep(30)
    async with asyncio.timeout(10), lead(record):
        pass


async def test_what_goes_wrong_while_it_leads_is_told_as_it_is(record: str) -> None:
    with pytest.raises(ZeroDivisionError):
        async with lead(record):
            _ = 1 / 0
    with suppress(asyncio.CancelledError):
        async with lead(record):
            raise asyncio.CancelledError
    async with asyncio.timeout(5), lead(record):
        pass


async def test_a_bot_that_starts_before_the_server_waits_for_it(server: Server, record: str) -> None:
    await asyncio.to_thread(server.stop)

    async def work() -> None:
        async with lead(record):
            pass

    working = asyncio.create_task(work())
    await asyncio.sleep(1)
    assert not working.done()
    await asyncio.to_thread(server.start)
    await asyncio.wait_for(working, 20)


async def test_a_store_survives_an_outage_of_the_server(server: Server, record: str) -> None:
    store = await Store.open(record)
    await asyncio.to_thread(server.stop, signal.SIGQUIT)
    await asyncio.to_thread(server.start)
    assert await store.promotions() == ()
    await store.close()


def end_sessions(record: str) -> None:
    with psycopg.connect(record, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' "
            "AND (classid::bigint << 32 | objid::bigint) = %s",
            [LEADER],
        ).fetchone()
    assert ended == (1,), os.environ.get("PYTEST_CURRENT_TEST")
