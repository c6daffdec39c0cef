"""Servers that are not Callboard's: a release is verified as far as they tell, and its message says how."""

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
  production: {{approvals: 0, approvers: ["@ml-release-captains"], watch: 0s, timeout: 3s{more}}}
models: {{{model}: {{}}}}
"""
SILENT = Behaviour(pages={})
"""A server of the team's own, which does not say what it serves."""


def mlserver(model: str, version: str = "{version}") -> Behaviour:
    """Return the behaviour of an MLServer whose versions are the registry's."""
    index = [{"name": model, "version": version, "state": "READY", "reason": ""}]
    return Behaviour(pages={"/v2/repository/index": index})


async def promoted(world: StoryWorld, version: int, *words: str) -> Mapping[str, Any]:
    """Request a version, and wait for its message to have these words."""
    await world.type("alice", f"/promote {world.model} production {version}")
    return await world.message(f"{world.model} v{version}", "production", *words)


async def test_a_server_that_names_no_version_is_verified_by_its_rollout(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1})
    text, own = APP.format(model=model, more=""), {"1": SILENT, "2": SILENT}
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text, behaviours=own) as world:
        await promoted(
            world, 2, "Released v2 to production", "The pods do not say which version they serve; verified by rollout."
        )
        assert await world.alias("production") == 2


async def test_a_server_that_named_the_live_version_has_to_name_the_new_one(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=3, aliases={"production": 1})
    text = APP.format(model=model, more="")
    servers = {"1": mlserver(model), "2": mlserver(model), "3": mlserver(model, "2")}
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text, behaviours=servers) as world:
        await promoted(world, 2, "Released v2", "Every new pod names v2 (Open Inference Protocol).")
        stalled = await promoted(world, 3, "Stalled", "its server names `2`", "Keep waiting")
        assert "Nothing is rolled back" not in everything(stalled)
        assert "nothing is rolled back" in everything(stalled), "auto only confirms"
        await world.chat.click(user="bob", ts=stalled["ts"], action_id="accept")
        await world.message("Released v3 to production", "accepted it without verification")


async def test_a_method_that_the_policy_names_can_fail_a_release(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=3, aliases={"production": 1})
    more = ', verify: {path: /info, field: /model/version, equals: "v{version}"}'
    text = APP.format(model=model, more=more)
    info = Behaviour(pages={"/info": {"model": {"version": "v{version}"}}})
    servers = {"1": info, "2": info, "3": Behaviour(pages={"/info": {"model": {"version": "v2"}}})}
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text, behaviours=servers) as world:
        await promoted(world, 2, "Released v2", "Every new pod answers as v2 at `/info`.")
        await promoted(world, 3, "Failed: pod", "names `v2`, not v3")
        await world.message("Released v2 to production", "rollback")


async def test_pods_behind_a_firewall_are_asked_through_the_api_server(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1})
    text, walls = APP.format(model=model, more=""), {version: Behaviour(firewalled=True) for version in "12"}
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text, behaviours=walls) as world:
        await promoted(world, 2, "Released v2 to production", "Every new pod serves v2.")


async def test_pods_that_nobody_can_ask_are_verified_by_their_rollout(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1})
    text, walls = APP.format(model=model, more=""), {version: Behaviour(firewalled=True) for version in "12"}
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text, behaviours=walls) as world:
        world.cluster.forbid("get", "pods/proxy")
        await promoted(world, 2, "Released v2 to production", "verified by rollout")
