"""The database is PostgreSQL, and its server crashes in the middle of a release."""

import asyncio
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot import app as bot_app
from bot.config.app_yaml import parse
from bot.config.environment import Environment
from bot.domain.errors import Temporary
from bot.domain.reason import Reason
from bot.domain.reasons.database import SessionLost, Unreachable
from tests.fixtures.postgres import running
from tests.fixtures.story_world import story_world
from tests.stories.registry import Models

pytestmark = pytest.mark.slow


async def test_a_database_that_crashes_loses_nothing_and_doubles_nothing(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    ends = list[Reason]()
    with running() as server:
        async with server.database() as record:

            async def work(text: str, environ: Mapping[str, str]) -> None:
                while True:  # as Kubernetes does
                    try:
                        await bot_app.work(parse(text), Environment.read(environ))
                    except Temporary as error:
                        ends.append(error.reason)

            async with story_world(tmp_path, model=model, mlflow=registry.url, work=work, record=record) as world:
                world.patience = 75
                await registry.version(model)
                await world.hint(3)
                await world.message("Released v3 to staging")
                await world.type("alice", f"/promote {model} production")
                card = await world.message(f"{model} v3", "production", "2 approvals")
                await asyncio.to_thread(server.stop, signal.SIGQUIT)
                await world.react("bob", card)
                await asyncio.to_thread(server.start)
                await world.message(f"{model} v3 → production", "<@U0BOB>")  # found when it looks at all reactions
                await world.react("carol", card)
                done = await world.message("Released v3 to production")
                assert done["ts"] == card["ts"]
                assert await world.alias("production") == 3
                assert [each["state"] for each in world.forge.state()["pulls"]] == ["merged", "merged"]
                assert len(world.messages(f"{model} v3 → production")) == 1
    assert ends, "who cannot write anything down starts anew"
    assert all(isinstance(why, Unreachable | SessionLost) for why in ends)
