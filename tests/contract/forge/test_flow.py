"""PyGithub, unmodified, goes the whole way against the forge: read, branch, commit, pull request, merge."""

import pytest
from github.PullRequest import PullRequest
from github.Repository import Repository

from tests.fixtures.forge_world import (
    AFTER,
    ALICE,
    BRANCH,
    FILES,
    RELEASE,
    Served,
    asking,
    propose,
    raw,
    refusal,
)

NEW = "stage: production\nversion: 7\n"


@pytest.mark.parametrize("lazy", [False, True])
async def test_a_change_goes_from_branch_to_main(served: Served, *, lazy: bool) -> None:
    def flow(repo: Repository) -> None:
        pull = repo.get_pull(propose(repo))
        assert (pull.mergeable, pull.mergeable_state, pull.changed_files, pull.commits) == (True, "clean", 1, 1)
        assert pull.user.login == "callboard[bot]"
        assert [(f.filename, f.status, f.additions, f.deletions) for f in pull.get_files()] == [
            (RELEASE, "modified", 1, 1)
        ]
        assert pull.merge(sha=pull.head.sha).merged
        assert repo.get_pull(pull.number).merged

    await asking(served, flow, lazy=lazy)
    assert served.forge.read(RELEASE) == AFTER
    assert [pull["state"] for pull in served.forge.state()["pulls"]] == ["merged"]


async def test_main_moving_on_keeps_the_other_file(served: Served) -> None:
    number = await asking(served, propose)
    served.forge.commit({"README.md": "# Changed by a person\n"}, "Docs")
    await asking(served, lambda repo: repo.get_pull(number).merge())
    assert (served.forge.read(RELEASE), served.forge.read("README.md")) == (AFTER, "# Changed by a person\n")


async def test_two_changes_of_one_file_in_different_places_both_stay(served: Served) -> None:
    lines = "".join(f"line {n}\n" for n in range(30))
    served.forge.commit({"long.yaml": lines}, "Long")
    number = await asking(served, lambda repo: propose(repo, {"long.yaml": lines.replace("line 2\n", "two\n")}))
    served.forge.commit({"long.yaml": lines.replace("line 27\n", "twenty-seven\n")}, "By hand")
    await asking(served, lambda repo: repo.get_pull(number).merge())
    assert served.forge.read("long.yaml") == lines.replace("line 2\n", "two\n").replace("line 27\n", "twenty-seven\n")


async def test_a_conflict_is_dirty_and_does_not_merge(served: Served) -> None:
    number = await asking(served, propose)
    head = served.forge.commit({RELEASE: NEW}, "By hand")
    pull = await asking(served, lambda repo: repo.get_pull(number))
    assert (pull.mergeable, pull.mergeable_state) == (False, "dirty")
    assert await refusal(served, lambda repo: repo.get_pull(number).merge()) == (405, "Pull Request is not mergeable")
    assert served.forge.head() == head


# ── a pull request follows its branch ─────────────────────────────────────────────────────────────────


async def test_the_head_is_where_the_branch_is(served: Served) -> None:
    number = await asking(served, propose)
    moved = served.forge.commit({RELEASE: NEW}, "More", branch=BRANCH)
    pull = await asking(served, lambda repo: repo.get_pull(number))
    assert (pull.head.sha, pull.commits) == (moved, 2)


async def test_deleting_the_branch_closes_the_pull_request(served: Served) -> None:
    number = await asking(served, propose)
    await raw(served, "DELETE", f"/git/refs/heads/{BRANCH}")
    pull = await asking(served, lambda repo: repo.get_pull(number))
    assert (pull.state, pull.merged, pull.mergeable is None) == ("closed", False, True)


async def test_a_branch_put_back_to_main_closes_the_pull_request(served: Served) -> None:
    number = await asking(served, propose)
    await raw(served, "PATCH", f"/git/refs/heads/{BRANCH}", {"sha": served.forge.head(), "force": True})
    assert (await asking(served, lambda repo: repo.get_pull(number))).state == "closed"


async def test_commits_that_reach_main_by_another_way_count_as_merged(served: Served) -> None:
    number = await asking(served, propose)
    await raw(served, "PATCH", "/git/refs/heads/main", {"sha": served.forge.head(BRANCH)})
    pull = await asking(served, lambda repo: repo.get_pull(number))
    assert (pull.merged, pull.merge_commit_sha) == (True, served.forge.head())


async def test_an_open_pull_request_names_a_trial_merge_that_is_in_no_branch(served: Served) -> None:
    number = await asking(served, propose)
    pull = await asking(served, lambda repo: repo.get_pull(number))
    assert pull.merge_commit_sha not in {None, served.forge.head(), served.forge.head(BRANCH)}


async def test_a_closed_pull_request_stays_where_it_was_and_can_be_opened_again(served: Served) -> None:
    def close(repo: Repository) -> PullRequest:
        pull = repo.get_pull(propose(repo))
        pull.edit(title="Another title", body="Another body", state="closed")
        return repo.get_pull(pull.number)

    closed = await asking(served, close)
    assert (closed.state, closed.title, closed.body) == ("closed", "Another title", "Another body")
    served.forge.commit({RELEASE: NEW}, "Later", branch=BRANCH)
    assert (await asking(served, lambda repo: repo.get_pull(1))).head.sha == closed.head.sha
    await asking(served, lambda repo: repo.get_pull(1).edit(state="open"))
    assert (await asking(served, lambda repo: repo.get_pull(1))).head.sha == served.forge.head(BRANCH)


# ── three ways of merging ─────────────────────────────────────────────────────────────────────────────


async def merged(served: Served, method: str) -> list[str]:
    """Merge a two-commit pull request onto a main that moved on; return main's history since the seed, newest first."""
    await asking(served, propose)
    served.forge.commit({f"{RELEASE}.bak": "more\n"}, "More", branch=BRANCH, author="alice")
    served.forge.commit({"README.md": "# Moved on\n"}, "Docs")
    await asking(served, lambda repo: repo.get_pull(1).merge(merge_method=method))
    assert (served.forge.read(RELEASE), served.forge.read("README.md")) == (AFTER, "# Moved on\n")
    head = served.forge.head()
    assert head is not None
    return [commit.message for commit in served.forge.hub.git.log(head)][:-1]


async def test_a_merge_commit_has_both_parents_and_githubs_words(served: Served) -> None:
    history = await merged(served, "merge")
    assert history[0] == f"Merge pull request #1 from acme/{BRANCH}\n\nRelease iris-classifier 2 to production"
    assert set(history[1:]) == {"Docs", "More", "Release 2"}


async def test_a_squash_is_one_commit_that_lists_the_others(served: Served) -> None:
    squashed = "Release iris-classifier 2 to production (#1)\n\n* Release 2\n\n* More"
    assert await merged(served, "squash") == [squashed, "Docs"]


async def test_a_rebase_makes_each_commit_again(served: Served) -> None:
    assert await merged(served, "rebase") == ["More", "Release 2", "Docs"]


async def test_words_for_the_merge_are_taken(served: Served) -> None:
    await asking(served, propose)
    await asking(served, lambda repo: repo.get_pull(1).merge(commit_title="Title", commit_message="Text"))
    assert await asking(served, lambda repo: repo.get_branch("main").commit.commit.message) == "Title\n\nText"


async def test_updating_a_branch_brings_main_into_it(served: Served) -> None:
    await asking(served, propose)
    served.forge.commit({"README.md": "# Moved on\n"}, "Docs")
    assert await asking(served, lambda repo: repo.get_pull(1).update_branch())
    assert served.forge.read("README.md", BRANCH) == "# Moved on\n"
    assert await asking(served, lambda repo: repo.compare("main", BRANCH).behind_by) == 0


# ── around a pull request ─────────────────────────────────────────────────────────────────────────────


async def test_labels_comments_and_reviews_are_kept(served: Served) -> None:
    await asking(served, propose)
    await asking(served, lambda repo: repo.get_pull(1).add_to_labels("release", "iris"))
    await asking(served, lambda repo: repo.get_pull(1).create_issue_comment("Look."), token=ALICE)
    await asking(served, lambda repo: repo.get_pull(1).create_review(body="Good.", event="APPROVE"), token=ALICE)
    pull = await asking(served, lambda repo: repo.get_pull(1))
    comments = await asking(
        served, lambda repo: [(c.user.login, c.body) for c in repo.get_pull(1).get_issue_comments()]
    )
    reviews = await asking(served, lambda repo: [(r.user.login, r.state) for r in repo.get_pull(1).get_reviews()])
    assert [label.name for label in pull.labels] == ["release", "iris"]
    assert (pull.comments, comments, reviews) == (1, [("alice", "Look.")], [("alice", "APPROVED")])


async def test_lists_are_filtered_and_come_in_pages(served: Served) -> None:
    def many(repo: Repository) -> None:
        for n in range(35):
            propose(repo, {RELEASE: f"version: {n + 10}\n"}, f"callboard/m{n}/production")
        repo.get_pull(3).edit(state="closed")

    await asking(served, many)

    def numbers(repo: Repository, **asked: str) -> list[int]:
        return [pull.number for pull in repo.get_pulls(**asked)]

    assert await asking(served, numbers) == [n for n in range(35, 0, -1) if n != 3]
    assert await asking(served, lambda repo: numbers(repo, state="closed")) == [3]
    assert await asking(served, lambda repo: numbers(repo, state="all", direction="asc")) == list(range(1, 36))
    assert await asking(served, lambda repo: numbers(repo, head="acme:callboard/m7/production")) == [8]
    assert await asking(served, lambda repo: numbers(repo, head="else:callboard/m7/production")) == []
    assert await asking(served, lambda repo: numbers(repo, base="other")) == []
    assert await asking(served, lambda repo: repo.get_pulls(state="all").totalCount) == 35


async def test_the_diff_is_what_the_head_changed_since_it_left_main(served: Served) -> None:
    await asking(served, propose)
    served.forge.commit({"README.md": "# Moved on\n"}, "Docs")
    changed = [
        line for line in served.forge.diff(1).splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}
    ]
    assert changed == ["-version: 1", "+version: 2"]
    assert {path: text.decode() for path, text in served.forge.files(BRANCH).items()} == {**FILES, RELEASE: AFTER}
