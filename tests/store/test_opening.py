"""A database that cannot be opened is reported in one sentence for the operator, with the file and what to do."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.errors import UserError
from bot.engine.leadership import lead
from bot.store.store import Store

ADVICE = "; check that DATABASE_URL names Callboard's own database, and that Callboard may write it"


def folder(path: Path) -> None:
    path.mkdir()


def text(path: Path) -> None:
    path.write_text("kind: Deployment\n" * 99)


def somebody_elses(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE promotions (id INTEGER)")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (folder, "unable to open database file"),
        (text, "file is not a database"),
        (somebody_elses, "table promotions already exists"),
    ],
)
async def test_a_file_that_is_no_database_of_ours_is_named(tmp_path: Path, make: object, why: str) -> None:
    file = tmp_path / "callboard.db"
    assert callable(make)
    make(file)
    running = set(threading.enumerate())
    with pytest.raises(UserError) as raised:
        await Store.open(f"sqlite:///{file}")
    assert str(raised.value) == f"the database {file} cannot be used: {why}{ADVICE}"
    started = {thread.name for thread in set(threading.enumerate()) - running}
    if make is not somebody_elses:  # that one is a database: it was opened, and its thread may be about to end
        assert not [name for name in started if "worker_thread" in name]  # it would fail on the closed loop


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "callboard.db"
    await (await Store.open(f"sqlite:///{file}")).close()
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UserError, match="made by a newer Callboard; install that version, or restore the database"):
        await Store.open(f"sqlite:///{file}")


@pytest.mark.parametrize("below", ["", "/deeper"])
async def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, below: str) -> None:
    at = tmp_path / f"file{below}"
    (tmp_path / "file").touch()
    with pytest.raises(UserError) as raised:
        async with lead(f"sqlite:///{at}/callboard.db"):
            raise AssertionError("it leads")
    assert str(raised.value).startswith(f"the database's folder {at} cannot be written to: ")
    assert str(raised.value).endswith("; give this user the right to, or name another folder in DATABASE_URL")
