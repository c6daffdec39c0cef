"""Whether a revision contains a commit is asked of GitHub once for each pair."""

from time import monotonic

import pytest

from bot.clients.github import ancestry
from bot.clients.github.client import GitHub
from tests.fixtures.forge_world import RELEASE, Served, proposed

STRANGER = "1" * 40


async def test_a_revision_contains_itself_and_what_came_before(served: Served, github: GitHub) -> None:
    first = (await github.base()).commit
    second = served.forge.commit({"README.md": "later\n"}, "Later")
    before = len(served.forge.log)
    assert await github.contains(first, first)
    assert len(served.forge.log) == before, "GitHub need not be asked"
    assert await github.contains(second, first)
    assert not await github.contains(first, second)
    assert len(served.forge.log) - before == 2


async def test_the_answer_is_kept(served: Served, github: GitHub) -> None:
    first = (await github.base()).commit
    second = served.forge.commit({"README.md": "later\n"}, "Later")
    before = len(served.forge.log)
    for _ in range(3):
        assert await github.contains(second, first)
        assert not await github.contains(first, second)
    assert len(served.forge.log) - before == 2


async def test_a_commit_on_another_branch_is_not_contained(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    main = served.forge.commit({RELEASE: "stage: production\nversion: 9\n"}, "By hand")
    assert not await github.contains(main, pull.head)


async def test_the_merge_commit_and_its_time_are_known_once_it_is_merged(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    assert pull.merged_at is None
    merged = await github.merge(pull.number, pull.head)
    assert merged.merge_commit is not None
    assert merged.merged_at is not None
    assert merged.merged_at.utcoffset() is not None
    assert await github.contains((await github.base()).commit, merged.merge_commit)


async def test_a_commit_that_github_does_not_know_is_asked_about_again_later(
    served: Served, github: GitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await github.base()).commit
    before = len(served.forge.log)
    assert not await github.contains(STRANGER, first)
    assert not await github.contains(STRANGER, first)
    assert len(served.forge.log) - before == 1
    monkeypatch.setattr(ancestry, "monotonic", lambda: monotonic() + ancestry.UNKNOWN_FOR)
    assert not await github.contains(STRANGER, first)
    assert len(served.forge.log) - before == 2
