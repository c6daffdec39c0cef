"""The two databases: SQLite, in one file, or PostgreSQL.

Everything above this module is the same on both, also under concurrency: transactions run one after another.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from typing_extensions import override

from bot.domain.errors import Temporary, UserError
from bot.domain.reason import Said
from bot.domain.reasons.database import Unreachable

WRITER: Final = 0xCA11B0A2D0
"""The advisory lock that a transaction on PostgreSQL holds, as SQLite's BEGIN IMMEDIATE holds the file."""
LEADER: Final = WRITER + 1
"""The advisory lock that the leading bot holds."""


def address(url: str, password: str | None = None) -> URL:
    """Return a DATABASE_URL with the driver that is used for it, and the password that is kept apart from it.

    Raises:
        ValueError: it names neither database.
    """
    target = make_url(url)
    if target.drivername == "sqlite" and target.database:
        return target.set(drivername="sqlite+aiosqlite")
    if target.drivername in {"postgresql", "postgres"} and target.database:
        return target.set(drivername="postgresql+psycopg", password=password or target.password)
    raise ValueError("expected sqlite:///path/to/callboard.db or postgresql://user:password@host/database")


def unusable(target: URL, error: Exception) -> UserError:
    """Return the error for a database that cannot be opened or migrated."""
    said = str(error.__cause__ or error).strip().partition("\n")[0]
    return UserError(
        f"the database {target.database} cannot be used: {said}; check that DATABASE_URL names Callboard's own "
        "database, and that Callboard may write it"
    )


def probe(target: URL) -> None:
    """Raise what SQLite says of a file that it cannot use; does nothing for PostgreSQL.

    Blocks for up to 15 s while another process holds the file.  It goes before the asynchronous driver, whose thread
    outlives an opening that failed, and then fails itself when the event loop is closed.

    Raises:
        sqlite3.Error: the file cannot be opened, or is no database.
    """
    if target.get_backend_name() == "sqlite":
        _keep_private(target.database or "")
        with closing(sqlite3.connect(target.database or "", timeout=15)) as database:
            database.execute("PRAGMA schema_version").fetchall()


def engine(target: URL) -> AsyncEngine:
    """Return an engine for the database; it does not connect yet."""
    if target.get_backend_name() == "sqlite":
        made = create_async_engine(target, connect_args={"timeout": 15, "factory": _File})
        event.listen(made.sync_engine, "connect", _configure)
        event.listen(made.sync_engine, "begin", _begin)
    else:
        made = create_async_engine(target, pool_pre_ping=True, connect_args={"connect_timeout": 10})
        event.listen(made.sync_engine, "begin", _wait)
    event.listen(made.sync_engine, "handle_error", _translate, retval=True)
    return made


class _File(sqlite3.Connection):
    """A connection whose transaction ends with it.

    SQLite keeps both open until every statement is finished: after a cancellation in the middle of one, until Python
    has collected whatever refers to it (https://www.sqlite.org/c3ref/close.html, on "zombie" connections).
    """

    @override
    def close(self) -> None:
        try:
            if self.in_transaction:
                self.rollback()
        finally:
            super().close()


def _keep_private(file: str) -> None:
    """Make a database readable by its owner alone; SQLite gives its journal the same mode."""
    with suppress(OSError):  # SQLite itself reports what is wrong with the path
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        Path(file).chmod(0o600)


def upsert(tx: AsyncConnection, table: Table) -> sqlite.Insert:
    """Return an INSERT with ON CONFLICT, which both databases write alike."""
    return postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)  # type: ignore[return-value]  # the two dialects' inserts share no base with on_conflict


def _translate(context: ExceptionContext) -> Temporary | None:
    """Return the error to raise for a lost or busy database; None for any other error."""
    if context.is_pre_ping or not isinstance(context.sqlalchemy_exception, OperationalError | InterfaceError):
        return None
    said = str(context.original_exception).strip().partition("\n")[0]
    return Temporary(Unreachable(said=Said(said)))


def _configure(connection: Any, _record: Any) -> None:
    """Prepare a new SQLite connection: write-ahead log, and explicit transactions."""
    connection.isolation_level = None  # https://docs.sqlalchemy.org/en/20/dialects/sqlite.html#pysqlite-serializable
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _begin(tx: Connection) -> None:
    tx.exec_driver_sql("BEGIN IMMEDIATE")


def _wait(tx: Connection) -> None:
    tx.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER})")
