"""Between the channel and GitHub: the required approval, checks, and people who act on GitHub itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from callboard_demo.forge.merging import Wish, merge
from callboard_demo.forge.records import PullRecord
from callboard_demo.forge.refused import Refused
from tests.fixtures.story_world import APP, StoryWorld, everything, manifests, story_world
from tests.stories.registry import Models

OURS = "callboard/approval"
CI = "ci/test"


async def asked(world: StoryWorld) -> dict[str, Any]:
    """Ask for v2 on production; return its message."""
    await world.type("alice", f"/promote {world.model} production")
    return await world.message(f"{world.model} v2", "production", "2 approvals")


async def approve(world: StoryWorld, card: Mapping[str, Any]) -> None:
    await world.react("bob", card)
    await world.react("carol", card)


async def says(world: StoryWorld, state: str, why: str) -> None:
    """Wait until a pull request's head says of the approval what it should."""

    def look() -> list[dict[str, Any]]:
        checks = [check for pull in world.forge.state()["pulls"] for check in pull["checks"]]
        return [c for c in checks if (c["name"], c["state"]) == (OURS, state) and why in c["description"]]

    await world.until(look, f"{OURS} is {state}: {why}")


def branch(world: StoryWorld) -> str:
    return f"callboard/{world.model}/production"


def path(world: StoryWorld) -> str:
    return f"manifests/{world.model}/production/deployment.yaml"


async def test_a_protected_main_takes_what_is_approved_and_has_passed_its_checks(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        world.forge.protect("main", checks=[OURS, "ci/test"])
        card = await asked(world)
        await says(world, "pending", "0 of 2 approvals")

        world.forge.report("ci/test", "pending", branch=branch(world))
        await approve(world, card)
        await says(world, "success", "approved in Slack")
        waiting = await world.message("GitHub does not allow #1 to be merged yet", "the check `ci/test` is pending")
        assert waiting["ts"] == card["ts"]

        await world.chat.react(user="carol", ts=card["ts"], emoji="white_check_mark", remove=True)
        await says(world, "pending", "1 of 2 approvals")
        world.forge.report("ci/test", "failure", branch=branch(world))
        await world.react("carol", card)
        await world.message("the check `ci/test` failed")
        assert [pull["number"] for pull in world.pulls()] == [1]

        world.forge.report("ci/test", "success", branch=branch(world))
        await world.message("Released v2 to production")
        assert [pull["number"] for pull in world.pulls("merged")] == [1]


async def test_a_refused_merge_is_retried_and_a_draft_waits_for_people(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        card = await asked(world)
        world.forge.hub.pull(1).draft = True
        await approve(world, card)
        await world.message("GitHub does not allow #1 to be merged yet: it is a draft")
        world.forge.hub.base_races = 1  # the main branch moves at the very moment
        world.forge.hub.pull(1).draft = False
        world.forge.report("lint", "success", branch=branch(world))  # any event makes Callboard look
        await world.message("Released v2 to production")
        assert (world.forge.hub.base_races, [pull["number"] for pull in world.pulls("merged")]) == (0, [1])


async def test_a_manual_merge_is_followed_and_reported_as_unapproved(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        card = await asked(world)
        merge(world.forge.hub, world.forge.hub.pull(1), Wish(by="dave"))
        done = await world.message(
            "Released v2 to production", "Merged by hand on GitHub, not approved through Callboard"
        )
        assert done["ts"] == card["ts"]
        story = await world.type("alice", "/promotions 1")
        assert "merged by hand on GitHub, not approved through Callboard" in story


async def test_a_pull_request_closed_by_hand_ends_the_promotion(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        card = await asked(world)
        world.forge.hub.edit(world.forge.hub.pull(1), {"state": "closed"}, by="dave")
        told = await world.message("Rejected", "pull request #1 was closed")
        assert told["ts"] == card["ts"]
        assert '"1"' in world.pinned(path(world))
        assert "Started: " in await world.type("alice", f"/promote {model} production"), "the target is free again"


async def test_a_branch_that_somebody_pushed_to_is_never_merged_by_callboard(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        world.forge.protect("main", checks=[OURS])
        card = await asked(world)
        await world.react("bob", card)
        sneaky = world.forge.read(path(world), branch(world)) or ""
        world.forge.commit({path(world): sneaky.replace('"2"', '"9"')}, "Sneaky", branch=branch(world), author="dave")
        await world.react("carol", card)
        told = await world.message("the branch was edited by hand", "/promotions cancel 1")
        assert told["ts"] == card["ts"]
        await says(world, "pending", "edited by hand")
        assert [pull["number"] for pull in world.pulls()] == [1]
        await world.type("alice", "/promotions cancel 1")
        await world.message("Cancelled")
        assert [pull["number"] for pull in world.pulls("closed")] == [1]
        assert '"1"' in world.pinned(path(world))


async def test_approvals_stay_when_the_main_branch_moves_and_the_change_is_the_same(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        world.forge.protect("main", checks=[OURS], strict=True)
        card = await asked(world)
        await world.react("bob", card)
        await world.message("1 of 2 approvals")
        before = world.pulls()[0]["head_sha"]
        text = world.forge.read(path(world)) or ""
        world.forge.commit({"README.md": "# Moved on\n"}, "Docs")
        world.forge.commit({path(world): f"{text}# A remark.\n"}, "Remark")
        world.forge.commit({path(world): text}, "Without the remark")  # before anybody looked
        await world.react("carol", card)
        done = await world.message("Released v2 to production")
        assert done["ts"] == card["ts"]
        [merged] = world.pulls("merged")
        assert merged["head_sha"] != before, "it was made again on the main branch as it is now"
        asked_for = {asked.template for asked in world.forge.log}
        assert "/repos/{owner}/{repo}/rules/branches/{branch}" not in asked_for, "nothing was missing at any moment"
        assert world.forge.read("README.md") == "# Moved on\n"


async def test_another_change_on_a_moved_main_takes_a_new_message_and_new_approvals(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        card = await asked(world)
        await approve_one_and_see(world, card)
        text = manifests(model)[path(world)].replace("replicas: 3", "replicas: 4")
        world.forge.commit({path(world): text}, "One more")
        newer = await world.until(
            lambda: [m for m in world.messages(f"{model} v2", "0 of 2 approvals") if m["ts"] != card["ts"]],
            "a new message",
        )
        old = await world.message("shows an older change", f"/p{newer['ts'].replace('.', '')}")
        assert old["ts"] == card["ts"]
        await world.react("carol", card)  # says nothing about the newer change
        assert "0 of 2 approvals" in everything(await world.message(f"{model} v2", "production", "0 of 2"))
        await approve(world, newer)
        await world.message("Released v2 to production")
        assert "replicas: 4" in (world.forge.read(path(world)) or "")
        assert [pull["number"] for pull in world.pulls("merged")] == [1]


async def approve_one_and_see(world: StoryWorld, card: Mapping[str, Any]) -> None:
    await world.react("bob", card)
    await world.message("1 of 2 approvals")


# ── what was stopped cannot be merged past the protection ─────────────────────────────────────────────


async def held_back(world: StoryWorld) -> tuple[Mapping[str, Any], str]:
    """Let a promotion be approved while CI still runs; return its message and the commit that was approved."""
    world.forge.protect("main", checks=[OURS, CI])
    card = await asked(world)
    world.forge.report(CI, "pending", branch=branch(world))
    await approve(world, card)
    await says(world, "success", "approved in Slack")
    return card, world.forge.head(branch(world)) or ""


def attack(world: StoryWorld, pull: PullRecord) -> None:
    """Merge a pull request by hand when nothing but Callboard's word is asked for; GitHub must refuse."""
    world.forge.protect("main", checks=[OURS])
    before = world.forge.head()
    with pytest.raises(Refused, match=f'Required status check "{OURS}" is failing'):
        merge(world.forge.hub, pull, Wish(by="dave"))
    assert world.forge.head() == before


async def test_an_approved_commit_that_was_pushed_over_and_vetoed_is_merged_by_no_other_pull_request(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        card, approved = await held_back(world)
        world.forge.commit({"README.md": "On top\n"}, "On top", branch=branch(world), author="dave")
        await says(world, "pending", "edited by hand")
        await world.react("carol", card, "x")
        await world.message("Rejected: vetoed")

        hub = world.forge.hub
        hub.move("refs/heads/daves", approved, by="dave")
        attack(world, hub.open(head="daves", base="main", title="T", body=None, draft=False, by="dave"))
        assert '"1"' in world.pinned(path(world))


async def test_an_approved_pull_request_that_was_closed_is_not_merged_when_it_is_opened_again_in_a_freeze(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        card, _ = await held_back(world)
        hub, pull = world.forge.hub, world.forge.hub.pull(1)
        hub.edit(pull, {"state": "closed"}, by="dave")
        told = await world.message("Rejected", "pull request #1 was closed")
        assert told["ts"] == card["ts"]
        await world.type("bob", "/freeze production")
        await world.message("froze `production`")
        hub.edit(pull, {"state": "open"}, by="dave")
        attack(world, pull)
        await says(world, "failure", "pull request #1 was closed")


async def test_a_freeze_and_its_end_change_the_status_at_the_head(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        await held_back(world)
        await world.type("bob", "/freeze production")
        await says(world, "pending", "production is frozen")
        await world.type("bob", "/freeze production off")
        await says(world, "success", "approved in Slack")
        world.forge.report(CI, "success", branch=branch(world))
        await world.message("Released v2 to production")


async def test_a_pull_request_that_was_retargeted_waits_until_it_is_set_back(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        hub, main = world.forge.hub, world.forge.head() or ""
        hub.move("refs/heads/release-1", main, by="dave")
        card, _ = await held_back(world)
        hub.edit(hub.pull(1), {"base": "release-1"}, by="dave")
        await says(world, "pending", "somebody retargeted #1 to release-1")
        told = await world.message("set its base branch to `main` again on GitHub", "/promotions cancel 1")
        assert told["ts"] == card["ts"]
        world.forge.report(CI, "success", branch=branch(world))
        hub.edit(hub.pull(1), {"base": "main"}, by="dave")
        await world.message("Released v2 to production")
        assert world.forge.head("release-1") == main


async def test_a_merge_into_another_branch_is_no_release_and_leaves_nothing_approved(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        hub = world.forge.hub
        hub.move("refs/heads/release-1", world.forge.head(), by="dave")
        card, approved = await held_back(world)
        hub.edit(hub.pull(1), {"base": "release-1"}, by="dave")
        merge(hub, hub.pull(1), Wish(by="dave"))
        told = await world.message("Rejected", "merged into `release-1` instead of `main`", "To request it again")
        assert told["ts"] == card["ts"]
        await says(world, "failure", "merged into release-1")
        hub.move("refs/heads/daves", approved, by="dave")
        attack(world, hub.open(head="daves", base="main", title="T", body=None, draft=False, by="dave"))
        assert "Started: " in await world.type("alice", f"/promote {model} production"), "the target is free again"


async def test_a_veto_between_two_tries_to_merge_counts(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url) as world:
        card = await asked(world)
        world.forge.hub.base_races = 10**6  # the main branch moves whenever somebody tries
        await approve(world, card)
        await world.message("the main branch changed at that moment; Callboard tries again")
        await world.react("carol", card, "x")
        world.forge.hub.base_races = 0
        told = await world.message("Rejected: vetoed")
        assert told["ts"] == card["ts"]
        assert world.pulls("merged") == []
        assert not [one for one in world.chat.state()["private"] if "too late" in everything(one)]


async def test_a_newer_version_revokes_what_was_approved_of_the_older_one(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=3, aliases={"production": 1, "staging": 3})
    text = APP.replace("after: {{stage: staging}}, ", "").format(model=model, manifests="manifests/{model}/{stage}")
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text) as world:
        world.forge.protect("main", checks=[OURS, CI])
        await world.type("alice", f"/promote {model} production 2")
        await approve(world, await world.message(f"{model} v2", "production", "2 approvals"))
        await says(world, "success", "approved in Slack")
        approved = world.forge.head(branch(world)) or ""
        await world.type("alice", f"/promote {model} production 3")
        await world.message(f"{model} v3", "0 of 2 approvals")
        hub = world.forge.hub
        hub.move("refs/heads/daves", approved, by="dave")
        attack(world, hub.open(head="daves", base="main", title="T", body=None, draft=False, by="dave"))
