"""One promotion supersedes another, and no vote or command is lost."""

from pathlib import Path

import pytest

from tests.fixtures.story_world import everything, story_world
from tests.stories.registry import Models

pytestmark = pytest.mark.slow


async def test_a_newer_version_takes_over_branch_and_pull_request_and_the_older_message_points_on(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=3, aliases={"production": 1, "staging": 3})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        await world.type("alice", f"/promote {model} production 2")
        older = await world.message(f"{model} v2", "production", "2 approvals")
        await world.react("bob", older)
        await world.message(f"{model} v2", "1 of 2")
        await world.type("carol", f"/promote {model} production 3")
        newer = await world.message(f"{model} v3", "production", "2 approvals")
        told = await world.message("Superseded", "Promotion 2", f"/p{newer['ts'].replace('.', '')}")
        assert told["ts"] == older["ts"]
        assert [pull["number"] for pull in world.pulls()] == [1], "the pull request is the same"
        assert '+              value: "3"' in world.pulls()[0]["diff"]

        await world.react("carol", older)  # says nothing about v3
        await world.react("bob", newer)
        await world.react("carol", newer)  # she asked for it
        await world.message(f"{model} v3", "1 of 2")
        assert [pull["number"] for pull in world.pulls()] == [1]


async def test_a_veto_after_the_merge_is_answered_that_it_is_too_late(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        await world.type("alice", f"/promote {model} production")
        card = await world.message(f"{model} v2", "production", "2 approvals")
        await world.react("bob", card)
        await world.react("carol", card)
        await world.message("Released v2 to production")
        await world.react("bob", card, "x")
        told = await world.until(
            lambda: [answer for answer in world.chat.state()["private"] if "too late" in everything(answer)],
            "an answer",
        )
        assert f"/rollback {model} production" in everything(told)


async def test_reactions_given_while_nobody_listened_count(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        await world.type("alice", f"/promote {model} production")
        card = await world.message(f"{model} v2", "production", "2 approvals")
        await world.stop()
        world.chat.connect("http://127.0.0.1:9/nobody")
        await world.react("bob", card)
        await world.react("carol", card)
        world.bot = world.start()
        await world.message("Released v2 to production")
