"""A status at a commit counts for every pull request that contains it, whatever its number, base branch or history."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from github.Repository import Repository

from tests.contract.forge.openapi import COMPLAINTS
from tests.fixtures.forge_world import AFTER, APP, BRANCH, RELEASE, Served, asking, propose, raw, refusal, serving

CHECK = "callboard/approval"
OTHER = "release-1"
NEW = "stage: production\nversion: 7\n"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    """Yield a forge with a pull request to a protected main, and another branch that main has left behind."""
    async with serving(tmp_path) as world:
        await asking(world, propose)
        world.forge.hub.move(f"refs/heads/{OTHER}", world.forge.head(), by="alice")
        world.forge.commit({"README.md": "# Moved on\n"}, "Docs")
        world.forge.protect("main", checks=[CHECK])
        yield world


async def state(served: Served, number: int) -> str:
    return await asking(served, lambda repo: repo.get_pull(number).mergeable_state)


async def second(served: Served) -> int:
    """Open another pull request of the very commit that the first one holds."""
    served.forge.hub.move("refs/heads/another", served.forge.head(BRANCH), by="alice")
    return await asking(served, lambda repo: repo.create_pull("main", "another", title="T", body="").number)


async def retarget(served: Served, base: str, number: int = 1) -> None:
    await asking(served, lambda repo: repo.get_pull(number).edit(base=base))


async def reported(served: Served, word: str) -> None:
    sha = served.forge.head(BRANCH) or ""
    await asking(served, lambda repo: repo.get_commit(sha).create_status(word, context=CHECK))


# ── one commit, several pull requests ─────────────────────────────────────────────────────────────────


async def test_a_required_status_of_the_commit_counts_for_every_pull_request_of_it(served: Served) -> None:
    number = await second(served)
    await reported(served, "success")
    assert [await state(served, each) for each in (1, number)] == ["clean", "clean"]
    await reported(served, "failure")
    assert [await state(served, each) for each in (1, number)] == ["blocked", "blocked"]


async def test_a_required_check_run_of_the_commit_does_so_too(served: Served) -> None:
    number, head = await second(served), served.forge.head(BRANCH)
    run = {"name": CHECK, "head_sha": head, "conclusion": "success"}
    made = await raw(served, "POST", "/check-runs", run, token=APP)
    assert await state(served, number) == "clean"
    await raw(served, "PATCH", f"/check-runs/{made['id']}", {"conclusion": "failure"}, token=APP)
    assert await state(served, number) == "blocked"


async def test_a_commit_keeps_its_status_when_its_branch_moves_on(served: Served) -> None:
    await reported(served, "success")
    number = await second(served)
    served.forge.commit({RELEASE: NEW}, "On top", branch=BRANCH)
    assert [await state(served, each) for each in (1, number)] == ["blocked", "clean"]
    assert (await asking(served, lambda repo: repo.get_pull(number).merge())).merged
    assert served.forge.read(RELEASE) == AFTER


async def test_all_pull_requests_of_a_commit_are_merged_with_it(served: Served) -> None:
    await reported(served, "success")
    number = await second(served)
    await asking(served, lambda repo: repo.get_pull(number).merge())
    assert [pull["state"] for pull in served.forge.state()["pulls"]] == ["merged", "merged"]


# ── another base branch ───────────────────────────────────────────────────────────────────────────────


async def test_a_pull_request_goes_into_the_base_branch_that_it_has_then(served: Served) -> None:
    main = served.forge.head()
    await retarget(served, OTHER)
    assert await state(served, 1) == "clean", "the other branch asks for nothing"
    await asking(served, lambda repo: repo.get_pull(1).merge(sha=served.forge.head(BRANCH) or ""))
    pull = await asking(served, lambda repo: repo.get_pull(1))
    assert (pull.merged, pull.base.ref) == (True, OTHER)
    assert (served.forge.head(), served.forge.read(RELEASE, OTHER)) == (main, AFTER)


async def test_a_retargeted_pull_request_keeps_its_head_and_can_come_back(served: Served) -> None:
    await reported(served, "success")
    await retarget(served, OTHER)
    await retarget(served, "main")
    pull = await asking(served, lambda repo: repo.get_pull(1))
    assert (pull.base.ref, pull.head.sha, pull.mergeable_state) == ("main", served.forge.head(BRANCH), "clean")


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ("no-such", "Proposed base branch 'no-such' was not found"),
        (BRANCH, f"There are no new commits between base branch '{BRANCH}' and head branch '{BRANCH}'"),
    ],
)
async def test_a_base_branch_that_it_cannot_have_is_refused(served: Served, base: str, told: str) -> None:
    assert await refusal(served, lambda repo: repo.get_pull(1).edit(base=base)) == (422, f"Validation Failed | {told}")


async def test_one_pull_request_for_each_base_branch_of_a_branch(served: Served) -> None:
    await retarget(served, OTHER)
    again = await asking(served, lambda repo: repo.create_pull("main", BRANCH, title="T", body="").number)
    assert again == 2
    told = f"Validation Failed | A pull request already exists for base branch 'main' and head branch '{BRANCH}'"
    assert await refusal(served, lambda repo: repo.get_pull(1).edit(base="main")) == (422, told)


async def test_a_closed_pull_request_keeps_its_base_branch(served: Served) -> None:
    await asking(served, lambda repo: repo.get_pull(1).edit(state="closed"))
    told = (422, "Validation Failed | Cannot change the base branch of a closed pull request.")
    assert await refusal(served, lambda repo: repo.get_pull(1).edit(base=OTHER)) == told
    assert await refusal(served, lambda repo: repo.get_pull(1).edit(base=OTHER, state="open")) == told


# ── opened again ──────────────────────────────────────────────────────────────────────────────────────


def _close(repo: Repository) -> None:
    repo.get_pull(1).edit(state="closed")


def _reopen(repo: Repository) -> None:
    repo.get_pull(1).edit(state="open")


async def test_a_pull_request_that_is_opened_again_finds_what_stood_at_its_commit(served: Served) -> None:
    await reported(served, "success")
    await asking(served, _close)
    await asking(served, _reopen)
    assert await state(served, 1) == "clean"


async def test_a_branch_that_was_forced_while_it_was_closed_is_not_opened_again(served: Served) -> None:
    await asking(served, _close)
    served.forge.hub.move(f"refs/heads/{BRANCH}", served.forge.head(), by="alice")
    told = f"Validation Failed | state cannot be changed. The {BRANCH} branch was force-pushed or recreated."
    assert await refusal(served, _reopen) == (422, told)


async def test_a_branch_that_is_gone_or_has_another_pull_request_is_not_opened_again(served: Served) -> None:
    await asking(served, _close)
    await asking(served, lambda repo: repo.create_pull("main", BRANCH, title="T", body=""))
    assert "There is already an open pull request" in (await refusal(served, _reopen))[1]
    await raw(served, "DELETE", f"/git/refs/heads/{BRANCH}")
    assert f"The {BRANCH} branch has been deleted." in (await refusal(served, _reopen))[1]
    assert COMPLAINTS == []
