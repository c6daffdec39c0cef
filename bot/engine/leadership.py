"""One bot per database: a second one waits, and says so.

On SQLite the lock is a file lock, which the kernel releases when its holder dies.  On PostgreSQL it is a session's
advisory lock on a connection of its own: the server releases it when the session ends, or was idle for `SILENT`, as if
its process were frozen.  A bot that loses the lock stops at once.
"""

import asyncio
import fcntl
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final, TextIO

import psycopg

from bot.domain.errors import Temporary, UserError
from bot.domain.reason import Said
from bot.domain.reasons.database import SessionLost, Unreachable
from bot.rules.wording.reasons import plain
from bot.store.engine import LEADER, address

log = logging.getLogger(__name__)

ANOTHER: Final = "another Callboard works on this record: waiting until it stops"
AGAIN: Final = timedelta(seconds=0.5)
BEAT: Final = timedelta(seconds=3)
SILENT: Final = timedelta(seconds=10)
"""https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-IDLE-SESSION-TIMEOUT"""


@asynccontextmanager
async def lead(
    url: str, password: str | None = None, lacks: Callable[[str], None] = lambda why: None
) -> AsyncIterator[None]:
    """Hold the leadership of the database at `url`; while another bot holds it, wait and report that to `lacks`.

    Raises:
        Temporary: inside, when it was lost.
        UserError: the folder of SQLite's file cannot be written to, or PostgreSQL refuses something.
    """

    def wait_for(why: str) -> None:
        if why not in said:
            log.warning("%s", why)
        said.add(why)
        lacks(why)

    said = set[str]()
    target = address(url, password)
    if target.get_backend_name() == "sqlite":
        async with _file(Path(target.database or ""), wait_for):
            yield
    else:
        async with _session(target.set(drivername="postgresql").render_as_string(hide_password=False), wait_for):
            yield


@asynccontextmanager
async def _file(database: Path, wait_for: Callable[[str], None]) -> AsyncIterator[None]:
    lock = database.with_name(database.name + ".lock")
    with _opened(lock) as file:
        while not _taken(file.fileno()):
            wait_for(ANOTHER)
            await asyncio.sleep(AGAIN.total_seconds())
        yield


def _opened(lock: Path) -> TextIO:
    """Return the lock file; create it and its folder if they are missing."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        return lock.open("a")
    except OSError as error:
        raise UserError(
            f"the database's folder {lock.parent.absolute()} cannot be written to: {error.strerror}; "
            "give this user the right to, or name another folder in DATABASE_URL"
        ) from error


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@asynccontextmanager
async def _session(url: str, wait_for: Callable[[str], None]) -> AsyncIterator[None]:
    connection = await _leading(url, wait_for)
    try:
        async with asyncio.TaskGroup() as group:
            beating = group.create_task(_beat(connection))
            yield
            beating.cancel()
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    finally:
        await connection.close()


async def _leading(url: str, wait_for: Callable[[str], None]) -> psycopg.AsyncConnection:
    """Return a session that holds the lock, however long that takes."""
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True, connect_timeout=10)
            await connection.execute(f"SET idle_session_timeout = {SILENT // timedelta(milliseconds=1)}")
            while not await _got(connection):
                wait_for(ANOTHER)
                await asyncio.sleep(AGAIN.total_seconds())
        except psycopg.OperationalError as error:
            wait_for(plain(Unreachable(said=Said(str(error).partition("\n")[0]))))
            await asyncio.sleep(BEAT.total_seconds())
        except psycopg.Error as error:
            why = str(error).partition("\n")[0]
            raise UserError(f"PostgreSQL refuses: {why}; check DATABASE_URL (14 or newer is needed)") from error
        else:
            return connection


async def _got(connection: psycopg.AsyncConnection) -> bool:
    row = await (await connection.execute("SELECT pg_try_advisory_lock(%s)", [LEADER])).fetchone()
    return bool(row and row[0])


async def _beat(connection: psycopg.AsyncConnection) -> None:
    """Keep the session alive; never return."""
    while True:
        await asyncio.sleep(BEAT.total_seconds())
        try:
            async with asyncio.timeout(BEAT.total_seconds()):
                await connection.execute("SELECT 1")
        except (psycopg.Error, TimeoutError) as error:
            raise Temporary(SessionLost()) from error
