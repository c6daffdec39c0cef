"""A release that the cluster does not show: nothing is rolled back, and people decide on its message."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from callboard_demo.cluster.scripted import Behaviour
from tests.fixtures.story_world import StoryWorld, everything, story_world
from tests.stories.registry import Models

pytestmark = pytest.mark.slow

APP = """\
repository: acme/models-gitops
channel: "#ml-releases"
stages:
  staging: {{approvals: 0, watch: 0s, timeout: 1m}}
  production:
    {{approvals: 0, approvers: ["@ml-release-captains"], watch: 0s, timeout: 2s,
      rollback: {{approvals: 0, requesters: ["@ml-release-captains"]}}}}
models: {{{model}: {{}}}}
"""
NEVER = Behaviour(ready_after=None)


async def stalled(world: StoryWorld, version: int) -> Mapping[str, Any]:
    """Request a version, and wait until its message asks what to do."""
    await world.type("alice", f"/promote {world.model} production {version}")
    return await world.message(f"{world.model} v{version}", "production", "Stalled", "Keep waiting")


async def test_a_change_that_is_not_synced_is_given_time_and_goes_on_by_itself(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=APP.format(model=model)) as world:
        await world.agent.close()
        card = await stalled(world, 2)
        assert "did not pick up the change within 2 seconds" in everything(card)
        await world.chat.click(user="mallory", ts=card["ts"], action_id="accept")
        await world.until(lambda: private(world, "may not decide about this promotion"), "an answer to mallory")
        await world.agent.start()
        released = await world.message("Released v2 to production")
        assert released["ts"] == card["ts"]
        assert [pull["number"] for pull in world.pulls("merged")] == [1], "nothing was taken back"


async def test_a_captain_rolls_back_what_stalled(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1})
    text, never = APP.format(model=model), {"2": NEVER}
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text, behaviours=never) as world:
        card = await stalled(world, 2)
        await world.chat.click(user="bob", ts=card["ts"], action_id="go_back")
        await world.message("Released v1 to production", "requested by <@U0BOB>")
        assert await world.served("production") == [1, 1, 1]


async def test_a_newer_version_takes_the_place_of_what_stalled(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=3, aliases={"production": 1})
    text, never = APP.format(model=model), {"2": NEVER}
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text, behaviours=never) as world:
        await stalled(world, 2)
        await world.type("alice", f"/promote {model} production 3")
        await world.message("Released v3 to production")
        assert await world.alias("production") == 3


async def test_what_is_accepted_unverified_is_the_release(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1})
    text, never = APP.format(model=model), {"2": NEVER}
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text, behaviours=never) as world:
        card = await stalled(world, 2)
        await world.chat.click(user="bob", ts=card["ts"], action_id="accept")
        await world.message("Released v2 to production", "accepted it without verification")
        assert await world.alias("production") == 2


async def test_a_cluster_that_is_away_for_too_long_is_told_and_its_return_is_noticed(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1})
    text = APP.format(model=model).replace("timeout: 2s", "timeout: 14s")  # after 10 seconds the watch counts as lost
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text) as world:
        world.faults.set("kubernetes", "down", 300)
        card = await stalled(world, 2)
        assert "did not pick up the change within 14 seconds: the cluster has not answered for" in everything(card)
        world.faults.set("kubernetes", "down", 0)
        released = await world.message("Released v2 to production")
        assert released["ts"] == card["ts"]
        assert [pull["number"] for pull in world.pulls("merged")] == [1], "nothing was taken back"


async def test_pods_that_an_autoscaler_adds_meanwhile_hold_nothing_up(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1})
    text = APP.format(model=model).replace("watch: 0s, timeout: 2s", "watch: 4s")
    path = f"manifests/{model}/production/deployment.yaml"
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text) as world:
        await world.type("alice", f"/promote {model} production 2")
        await world.message(f"{model} v2", "Watched until")
        world.runtime.behaviours["2"] = NEVER
        more = (world.forge.read(path) or "").replace("replicas: 3", "replicas: 5")
        world.forge.commit({path: more}, "Serve more")
        await world.until(lambda: world.cluster.state()["pods"][5:], "two more pods")
        await world.message("Released v2 to production")
        assert await world.served("production") == [2, 2, 2]


async def test_cancelling_what_is_not_picked_up_reverts_it_through_git(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=APP.format(model=model)) as world:
        await world.agent.close()
        await stalled(world, 2)
        assert "Started" in await world.type("bob", "/promotions cancel 1")
        await world.until(lambda: world.pulls("merged")[1:], "the way back to be merged")
        assert '"1"' in world.pinned(f"manifests/{model}/production/deployment.yaml")


def private(world: StoryWorld, words: str) -> list[Any]:
    """Return the private answers with these words."""
    return [one for one in world.chat.state()["private"] if words in everything(one)]
