"""A database that an earlier version left opens, with everything in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from bot.domain.target import Target
from bot.store import migrations
from bot.store.engine import address, engine
from bot.store.schema import metadata
from bot.store.store import Store

PRODUCTION = Target(model="iris", stage="production")
STAGING = Target(model="iris", stage="staging")
PROMOTION = (
    "INSERT INTO promotions (id, model, stage, kind, version, requested_by, requested_at, automatic, state, entered_at,"
    " because, open, told, record) VALUES ({id}, 'iris', '{stage}', 'promote', 3, 'U0ALICE', '2026-05-04 12:00:00',"
    " {no}, '{state}', '2026-05-04 12:00:00', '', {open}, {yes}, '{record}')"
)
ONE_TARGET = "INSERT INTO pairs (model, stage, revision, rings, tries) VALUES ('iris', '{stage}', 1, 1, 0)"
CLOSED, OPEN, MERGED, GONE = "a" * 40, "b" * 40, "c" * 40, "d" * 40
RECORDS = {
    (1, "production", "rejected"): f'{{"approval": "success {CLOSED}: approved in Slack"}}',
    (2, "production", "proposed"): f'{{"approval": "success {OPEN}: approved in Slack", "pull": 7}}',
    (3, "staging", "released"): f'{{"approval": "success {MERGED}: approved in Slack", "merge_commit": "e"}}',
    (4, "staging", "rejected"): f'{{"approval": "failure {GONE}: rejected: vetoed"}}',
    (5, "staging", "blocked"): "{}",
}


def _old(connection: Connection) -> None:
    """Make the database as revision 0002 left it, with a few promotions."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "0002")
    yes, no = ("true", "false") if connection.dialect.name == "postgresql" else ("1", "0")
    for stage in ("production", "staging"):
        connection.exec_driver_sql(ONE_TARGET.format(stage=stage))
    for (number, stage, state), record in RECORDS.items():
        values = {"id": number, "stage": stage, "state": state, "open": yes if state == "proposed" else no}
        connection.exec_driver_sql(PROMOTION.format(**values, yes=yes, no=no, record=record))


@pytest.fixture
async def upgraded(record: str) -> AsyncIterator[Store]:
    """Open a database that revision 0002 left."""
    database = engine(address(record))
    async with database.connect() as connection:
        await connection.run_sync(_old)
        await connection.commit()
    await database.dispose()
    store = await Store.open(record)
    yield store
    await store.close()


async def test_what_was_approved_and_never_merged_is_known_and_its_target_due(upgraded: Store) -> None:
    loaded = await upgraded.load(PRODUCTION)
    assert loaded.promotion is not None
    assert (loaded.promotion.id, loaded.approved_heads) == (2, (CLOSED, OPEN))
    assert (await upgraded.load(STAGING)).promotion is None
    assert await upgraded.due(loaded.promotion.entered_at) == (PRODUCTION,)


async def test_the_tables_are_those_that_the_program_writes(upgraded: Store, record: str) -> None:
    assert await upgraded.promotions()

    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    database = engine(address(record))
    async with database.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.dispose()
