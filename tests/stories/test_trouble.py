"""Systems that are down or whose answers are lost delay the story; nothing is lost or duplicated."""

from pathlib import Path

import pytest

from tests.fixtures.story_world import StoryWorld, everything, story_world
from tests.stories.registry import Models

pytestmark = pytest.mark.slow

SYSTEMS = ("github", "mlflow", "slack", "kubernetes")


async def release(world: StoryWorld) -> None:
    """Ask for production, approve, and wait for the end."""
    await world.type("alice", f"/promote {world.model} production")
    card = await world.message(f"{world.model} v2", "production", "2 approvals")
    await world.react("bob", card)
    await world.react("carol", card)
    await world.message("Released v2 to production")


async def nothing_doubled(world: StoryWorld) -> None:
    """Look in the world for one pull request, one merge, one message, and the version everywhere."""
    assert [p["number"] for p in world.pulls("merged")] == [1]
    assert world.pulls("open") == world.pulls("closed") == []
    assert len(world.messages(f"{world.model} v2", "production")) == 1
    assert await world.served("production") == [2, 2, 2]
    assert await world.alias("production") == 2


@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_system_that_is_down_at_the_start_is_waited_for(tmp_path: Path, registry: Models, system: str) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        world.faults.set(system, "down", 3)
        await release(world)
        await nothing_doubled(world)


@pytest.mark.parametrize("system", SYSTEMS)
async def test_a_system_that_goes_down_after_the_approval_is_waited_for(
    tmp_path: Path, registry: Models, system: str
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        await world.type("alice", f"/promote {model} production")
        card = await world.message(f"{model} v2", "production", "2 approvals")
        await world.react("bob", card)
        world.faults.set(system, "down", 4)
        await world.react("carol", card)
        await world.message("Released v2 to production")
        await nothing_doubled(world)


@pytest.mark.parametrize("system", ["github", "mlflow", "slack"])
async def test_an_answer_that_is_lost_doubles_nothing(tmp_path: Path, registry: Models, system: str) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        world.faults.set(system, "lost_answer", 5)
        await release(world)
        await nothing_doubled(world)


async def test_trouble_is_said_in_the_message(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        await world.type("alice", f"/promote {model} production")
        card = await world.message(f"{model} v2", "production", "2 approvals")
        world.faults.set("github", "down", 8)
        await world.react("bob", card)
        troubled = await world.message(f"{model} v2", "⚠️", "GitHub")
        assert troubled["ts"] == card["ts"]
        await world.until(lambda: [m for m in world.messages("1 of 2") if "⚠️" not in everything(m)], "trouble over")


async def test_a_bot_that_is_started_again_goes_on_where_it_was(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        await world.type("alice", f"/promote {model} production")
        card = await world.message(f"{model} v2", "production", "2 approvals")
        await world.react("bob", card)
        await world.message(f"{model} v2", "1 of 2")
        await world.stop()
        await world.react("carol", card)  # nobody listens: the chat delivers it again
        world.bot = world.start()
        await world.message("Released v2 to production")
        await nothing_doubled(world)
