"""Freezes by people and by app.yaml: what waits, what is overridden, and what never waits."""

from pathlib import Path

import pytest

from bot.rules.release import gates
from tests.fixtures.story_world import StoryWorld, everything, story_world
from tests.stories.registry import Models

pytestmark = pytest.mark.slow

APP = """\
repository: acme/models-gitops
channel: "#ml-releases"
stages:
  staging: {{approvals: 0, watch: 0s, timeout: 1m, may_freeze: anyone, may_override: anyone}}
  production:
    approvals: 1
    approvers: ["@ml-release-captains"]
    requesters: anyone
    rollback: {{requesters: "@ml-release-captains"}}
    watch: 0s
    timeout: 1m
    freeze: {windows}
models: {{{model}: {{}}}}
"""
ALWAYS = '[{cron: "0 0 * * *", for: 2d}]'


def app(model: str, windows: str = "[]") -> str:
    return APP.format(model=model, windows=windows)


async def approved(world: StoryWorld, version: int) -> str:
    """Let bob approve the promotion of the version to production; return what is told while it waits."""
    card = await world.message(f"{world.model} v{version}", "production", "1 approvals")
    await world.react("bob", card)
    return everything(await world.message(f"{world.model} v{version}", "Waiting: `production` is frozen"))


async def test_a_frozen_stage_holds_a_promotion_until_it_is_thawed(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=app(model)) as world:
        assert "can freeze or unfreeze `production`" in await world.type("mallory", "/freeze production")
        assert "Did you mean `production`?" in await world.type("bob", "/freeze prodution for 3d")
        assert not await world.type("bob", "/freeze production for 3d “holidays”"), "the answer is not private"
        await world.message("froze `production`", "`holidays`")
        assert "`holidays`" in await world.type("alice", "/freeze")

        await world.type("alice", f"/promote {model} production")
        assert "(holidays)" in await approved(world, 2)
        assert len(world.pulls()) == 1

        await world.type("carol", "/freeze production off")
        await world.message("lifted the freeze of `production`", "continues")
        await world.message("Released v2 to production")
        assert "Nothing is frozen" in await world.type("alice", "/freeze")
        assert "`production` is not frozen" in await world.type("bob", "/callboard freeze production off")


async def test_a_captains_override_goes_on_in_spite_of_a_window_and_nobody_elses(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=app(model, ALWAYS)) as world:
        assert "`production` is frozen by `app.yaml`" in await world.type("bob", "/freeze production off")
        promote = f"/promote {model} production"
        assert "can override a hold on `production`" in await world.type(
            "mallory", f'{promote} --override "because I want to"'
        )
        assert "Which" not in await world.type("alice", promote)
        await approved(world, 2)
        assert "can override a hold on `production`" in await world.type(
            "mallory", f"{promote} —override “because I want to”"
        )
        said = await world.type("bob", f"{promote} —override “R&D is waiting”")
        holds = ", ".join(gates.overridable())
        assert f"is already under way. Once it is approved, these gates no longer hold it up: {holds}." in said
        await world.message("Released v2 to production")
        number = said.split("Promotion ")[1].split()[0]
        story = await world.type("alice", f"/promotions {number}")
        assert "overrode the hold (`R&amp;D is waiting`)" in story
        assert "because I want to" not in story


async def test_going_back_is_never_frozen_and_only_those_named_may(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=app(model)) as world:
        await world.type("alice", f"/promote {model} production")
        card = await world.message(f"{model} v2", "production", "1 approvals")
        await world.react("bob", card)
        await world.message("Released v2 to production")
        await world.type("bob", "/freeze production")
        refused = await world.type("mallory", f"/rollback {model} production")
        assert f"Only `@ml-release-captains` can roll back `{model}` on `production`" in refused
        assert "Started: " in await world.type("carol", f"/rollback {model} production")
        await world.message("Released v1 to production")


async def test_where_anyone_may_freeze_and_override_anyone_does(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=3, aliases={"staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=app(model)) as world:
        await world.type("mallory", "/freeze staging 'not today'")
        await world.message("froze `staging`")
        await world.type("mallory", f"/promote {model} staging 3 --override 'just this one'")
        await world.message("Released v3 to staging")


async def test_what_is_under_way_is_cancelled_by_an_approver_but_by_no_bystander(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=app(model)) as world:
        said = await world.type("alice", f"/promote {model} production 2")
        number = said.split("promotion ")[1].split(")")[0]
        await world.message(f"{model} v2", "production", "1 approvals")
        assert "can cancel promotion" in await world.type("mallory", f"/promotions cancel {number}")
        assert "is being cancelled" in await world.type("bob", f"/promotions cancel {number}")
        await world.message(f"{model} v2", "Cancelled")
