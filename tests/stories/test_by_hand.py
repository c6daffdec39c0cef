"""Somebody sets the pin in Git by hand: the version still becomes the release only through the gates."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.fixtures.story_world import StoryWorld, everything, manifests, story_world
from tests.stories.registry import Models

APP = """\
repository: acme/models-gitops
channel: "#ml-releases"
stages:
  staging: {{auto: true, approvals: 0, watch: 0s, timeout: 1m, may_freeze: anyone}}
  production:
    after: {{stage: staging}}
    approvals: 2
    approvers: ["@ml-release-captains"]
    rollback: {{approvals: 0, requesters: anyone}}
    watch: 0s
    timeout: 1m
models: {{{model}: {{}}}}
"""
BY_HAND = "it was set by hand"


def path(world: StoryWorld) -> str:
    return f"manifests/{world.model}/production/deployment.yaml"


def pin(world: StoryWorld, version: int, comment: str = "") -> str:
    """Write production's pin on the main branch, as a person with an editor does."""
    text = manifests(world.model, production=version)[path(world)] + comment
    return world.forge.commit({path(world): text}, f"pin v{version}")


async def asked(world: StoryWorld, version: int, *words: str) -> dict[str, Any]:
    """Ask for what Git pins already; return the message that proposes it."""
    await world.type("alice", f"/promote {world.model} production {version}")
    return await world.message(f"{world.model} v{version}", BY_HAND, *words)


async def approve(world: StoryWorld, message: Mapping[str, Any]) -> None:
    for captain in ("bob", "carol"):
        await world.react(captain, message)


async def test_a_pin_set_by_hand_is_released_once_it_is_approved(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=APP.format(model=model)) as world:
        commit = pin(world, 2)
        message = await asked(world, 2, "0 of 2 approvals")
        shown = everything(message)
        assert f"`{path(world)}` at `{commit[:7]}`" in shown
        assert "`accuracy`" in shown, "the versions are compared as always"
        await world.react("alice", message)
        await world.react("bob", message)
        await world.message(f"{model} v2", "1 of 2 approvals")
        assert await world.alias("production") == 1, "nothing is released yet"
        await world.react("carol", message)
        released = await world.message("Released v2 to production", "pinned by hand", "Approved by")
        assert released["ts"] == message["ts"]
        assert await world.alias("production") == 2
        assert not world.forge.state()["pulls"]


async def test_a_veto_leaves_the_pin_in_git_and_the_way_back_is_a_pull_request(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=APP.format(model=model)) as world:
        pin(world, 2)
        message = await asked(world, 2, "0 of 2 approvals")
        await world.react("bob", message, "x")
        await world.message(
            "Rejected", "Git still pins v2", f"To return to v1 through a pull request, type `/rollback {model}"
        )
        assert '"2"' in world.pinned(path(world))
        assert "Started: " in await world.type("alice", f"/rollback {model} production")
        await world.message("Released v1 to production")
        assert '"1"' in world.pinned(path(world))
        assert [pull["state"] for pull in world.forge.state()["pulls"]] == ["merged"]
        assert await world.alias("production") == 1


async def test_a_frozen_stage_holds_a_pin_set_by_hand_until_it_is_thawed(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=APP.format(model=model)) as world:
        await world.type("bob", "/freeze production")
        await world.message("froze `production`")
        pin(world, 2)
        await approve(world, await asked(world, 2, "0 of 2 approvals"))
        await world.message(f"{model} v2", "Waiting: `production` is frozen", BY_HAND)
        assert await world.alias("production") == 1
        await world.type("carol", "/freeze production off")
        await world.message("Released v2 to production")


async def test_a_pin_set_by_hand_does_not_jump_the_order_of_the_stages(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=3, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=APP.format(model=model)) as world:
        pin(world, 3)
        await approve(world, await asked(world, 3, "0 of 2 approvals"))
        await world.message(f"{model} v3", "Waiting: v3 must be the release on `staging` first", BY_HAND)
        await world.type("alice", f"/promote {model} staging 3")
        await world.message("Released v3 to staging")
        world.forge.commit({"README.md": "# Moved on\n"}, "Docs")  # wakes what waits; otherwise it is looked at later
        await world.message("Released v3 to production")


async def test_what_changes_in_git_meanwhile_is_checked_and_approved_again(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=APP.format(model=model)) as world:
        pin(world, 2)
        first = await asked(world, 2, "0 of 2 approvals")
        await world.react("bob", first)
        await world.message(f"{model} v2", "1 of 2 approvals")
        edited = pin(world, 2, "# more\n")
        again = await world.message(BY_HAND, f"at `{edited[:7]}`", "0 of 2 approvals")
        assert again["ts"] != first["ts"]
        await world.react("carol", first)  # says nothing about the file as it is now
        await world.message("this message shows an older change")

        pin(world, 1)
        proposed = await world.message(f"{model} v2", "pull request #1", "0 of 2 approvals")
        assert BY_HAND not in everything(proposed)
        assert "Git does not pin v2" in await world.type("alice", "/promotions 1")
        await approve(world, proposed)
        await world.message("Released v2 to production")
        assert [pull["state"] for pull in world.forge.state()["pulls"]] == ["merged"]


async def test_a_pin_set_while_the_pull_request_is_open_is_approved_as_it_stands(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=APP.format(model=model)) as world:
        await world.type("alice", f"/promote {model} production")
        proposed = await world.message(f"{model} v2", "pull request #1", "0 of 2 approvals")
        await world.react("bob", proposed)
        await world.message(f"{model} v2", "1 of 2 approvals")
        pin(world, 2)
        message = await world.message(f"{model} v2", BY_HAND, "0 of 2 approvals")
        assert [pull["state"] for pull in world.forge.state()["pulls"]] == ["closed"]
        await approve(world, message)
        await world.message("Released v2 to production")
        assert await world.alias("production") == 2
        assert world.loose_approvals() == set()


async def test_going_back_to_what_somebody_pinned_by_hand_waits_for_no_freeze(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=APP.format(model=model)) as world:
        pin(world, 2)
        await approve(world, await asked(world, 2, "0 of 2 approvals"))
        await world.message("Released v2 to production")
        await world.type("bob", "/freeze production")
        await world.message("froze `production`")
        pin(world, 1)
        assert "Started: " in await world.type("mallory", f"/rollback {model} production")
        await world.message("(rollback)", "Released v1 to production", "pinned by hand")
        assert await world.alias("production") == 1
        assert not world.forge.state()["pulls"]


async def test_a_rollback_takes_over_from_a_pin_that_waits_for_approval(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=APP.format(model=model)) as world:
        pin(world, 2)
        await asked(world, 2, "0 of 2 approvals")
        assert "replacing promotion 1 (v2)" in await world.type("bob", f"/rollback {model} production")
        await world.message("Released v1 to production", "back to v1, the last verified release")
        assert '"1"' in world.pinned(path(world))
