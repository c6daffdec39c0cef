"""A story over Socket Mode: the bot needs no public address, misses nothing, and reports when Slack disconnects."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot import app as bot_app
from bot.config.app_yaml import parse
from bot.config.environment import Environment
from tests.fixtures.chat_world import APP_TOKEN
from tests.fixtures.story_world import StoryWorld, story_world
from tests.fixtures.waiting import until
from tests.stories.registry import Models

pytestmark = pytest.mark.slow


class _OverSocket:
    """Runs the bot with an app token and no signing secret."""

    internal = ""

    async def __call__(self, text: str, environ: Mapping[str, str]) -> None:
        told = {name: value for name, value in environ.items() if name != "SLACK_SIGNING_SECRET"}
        self.internal = f"http://127.0.0.1:{environ['INTERNAL_PORT']}"
        await bot_app.work(parse(text), Environment.read(told | {"SLACK_APP_TOKEN": APP_TOKEN}))

    async def until_trouble(self, world: StoryWorld, what: str) -> None:
        """Wait until `/readyz` says that something is wrong with that."""
        async with asyncio.timeout(60):
            while True:
                async with world.http.get(f"{self.internal}/readyz") as answer:
                    if what in (await answer.json())["trouble"]:
                        return
                await asyncio.sleep(0.05)


async def test_a_promotion_is_asked_for_and_approved_over_the_socket(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    over = _OverSocket()
    async with story_world(tmp_path, model=model, mlflow=registry.url, work=over) as world:
        async with world.http.post(f"{world.public}/slack/events") as answer:
            assert answer.status == 404, "what nobody signs, nobody may call"
        assert "Started: " in await world.type("alice", f"/promote {model} production")
        card = await world.message(f"{model} v2", "production", "2 approvals")
        await world.react("bob", card)
        await world.chat.sockets.dismiss(notice=0.5)
        await world.react("carol", card)
        done = await world.message("Released v2 to production")
        assert done["ts"] == card["ts"]

        world.faults.set("slack", "down", 60)
        await over.until_trouble(world, "Slack's socket")
        world.faults.set("slack", "down", 0)
        await until(lambda: world.chat.sockets.connected, "the socket to connect", within=30)
        assert model in await world.type("alice", "/models")
