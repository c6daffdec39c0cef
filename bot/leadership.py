"""One bot per record: the second one waits, and says so.

On SQLite the lock is a file lock, which the kernel takes back when its holder dies, however it dies.  On PostgreSQL it
is a session's advisory lock, on a connection of its own: the server takes it back when the session ends, or was silent
for `SILENT`, as that of a process that is frozen.  Who has lost it stops at once.
"""

import asyncio
import fcntl
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg

from bot.errors import Temporary
from bot.store.engine import LEADER, address

log = logging.getLogger(__name__)

AGAIN: Final = timedelta(seconds=0.5)
BEAT: Final = timedelta(seconds=3)
SILENT: Final = timedelta(seconds=10)
"""https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-IDLE-SESSION-TIMEOUT"""


@asynccontextmanager
async def lead(url: str, password: str | None = None) -> AsyncIterator[None]:
    """Hold the leadership of the record at `url`; wait for it where another bot holds it.

    Raises:
        Temporary: inside, when it was lost.
    """
    target = address(url, password)
    if target.get_backend_name() == "sqlite":
        async with _file(Path(target.database or "")):
            yield
    else:
        async with _session(target.set(drivername="postgresql").render_as_string(hide_password=False)):
            yield


@asynccontextmanager
async def _file(database: Path) -> AsyncIterator[None]:
    lock = database.with_name(database.name + ".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        said = False
        while not _taken(file.fileno()):
            if not said:
                log.warning("another Callboard works on %s: waiting until it stops", database)
                said = True
            await asyncio.sleep(AGAIN.total_seconds())
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@asynccontextmanager
async def _session(url: str) -> AsyncIterator[None]:
    connection = await _leading(url)
    try:
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(_beat(connection))
            yield
            beating.cancel()
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    finally:
        await connection.close()


async def _leading(url: str) -> psycopg.AsyncConnection:
    """Return a session that holds the lock, however long that takes."""
    said = ""
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=10)
            await connection.execute(f"SET idle_session_timeout = {SILENT // timedelta(milliseconds=1)}")
            while not await _got(connection):
                said = _say(said, "another Callboard works on this record: waiting until it stops")
                await asyncio.sleep(AGAIN.total_seconds())
        except psycopg.OperationalError as error:
            said = _say(said, f"the record cannot be reached: {error}")
            await asyncio.sleep(BEAT.total_seconds())
        else:
            return connection


async def _got(connection: psycopg.AsyncConnection) -> bool:
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", [LEADER])).fetchone()
    return bool(row and row[0])


def _say(said: str, now: str) -> str:
    if said != now:
        log.warning("%s", now)
    return now


async def _beat(connection: psycopg.AsyncConnection) -> None:
    """Keep the session; return never."""
    while True:
        await asyncio.sleep(BEAT.total_seconds())
        try:
            await asyncio.wait_for(connection.execute("SELECT 1"), BEAT.total_seconds())
        except (psycopg.Error, TimeoutError) as error:
            raise Temporary(
                "the session with PostgreSQL is lost, and with it the right to work: starting anew"
            ) from error
