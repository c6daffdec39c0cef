"""Where GitHub says no, the forge says no in the same words, and nothing has changed."""

from collections.abc import Callable

import pytest
from github import GithubException, InputGitTreeElement
from github.Repository import Repository

from tests.contract.forge.openapi import COMPLAINTS
from tests.fixtures.forge_world import (
    AFTER,
    ALICE,
    APP,
    BRANCH,
    FILES,
    RELEASE,
    Served,
    asking,
    propose,
    raw,
    refusal,
    said,
)

NOWHERE = "0123456789012345678901234567890123456789"


R, C, T = "/git/refs", "/git/commits", "/git/trees"
BLOB = {"mode": "100644", "type": "blob"}


@pytest.fixture
async def served(served: Served) -> Served:
    await asking(served, propose)
    return served


def _pull(head: str = BRANCH, base: str = "main", title: str = "T") -> Callable[[Repository], object]:
    return lambda repo: repo.create_pull(base, head, title=title, body="")


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        pytest.param(_pull(), f"Validation Failed | A pull request already exists for acme:{BRANCH}.", id="twice"),
        pytest.param(_pull("no-such"), "Validation Failed | head invalid", id="unknown-head"),
        pytest.param(_pull(f"mallory:{BRANCH}"), "Validation Failed | head invalid", id="head-of-another-owner"),
        pytest.param(_pull(base="no-such"), "Validation Failed | base invalid", id="unknown-base"),
        pytest.param(_pull(title=""), "Validation Failed | title missing_field", id="no-title"),
    ],
)
async def test_a_pull_request_that_cannot_be_opened(
    served: Served, ask: Callable[[Repository], object], answer: str
) -> None:
    assert await refusal(served, ask) == (422, answer)
    assert len(served.forge.state()["pulls"]) == 1


async def test_a_pull_request_without_commits_is_refused(served: Served) -> None:
    head = served.forge.head() or ""
    await asking(served, lambda repo: repo.create_git_ref("refs/heads/same", head))
    told = "Validation Failed | No commits between main and same"
    assert await refusal(served, _pull("same")) == (422, told)


@pytest.mark.parametrize(
    ("asked", "body", "answer"),
    [
        pytest.param(
            f"POST {R}", {"ref": f"refs/heads/{BRANCH}", "sha": "HEAD"}, "Reference already exists", id="twice"
        ),
        pytest.param(f"POST {R}", {"ref": "refs/heads/new", "sha": NOWHERE}, "Object does not exist", id="no-object"),
        pytest.param(f"POST {R}", {"ref": "main", "sha": "HEAD"}, "Reference name must", id="not-a-full-name"),
        pytest.param(
            f"POST {R}", {"ref": f"refs/heads/{BRANCH}/x", "sha": "HEAD"}, "update failed", id="under-a-branch"
        ),
        pytest.param(f"PATCH {R}/heads/{BRANCH}", {"sha": "HEAD"}, "Update is not a fast forward", id="backwards"),
        pytest.param(f"PATCH {R}/heads/{BRANCH}", {"sha": NOWHERE}, "Object does not exist", id="to-nowhere"),
        pytest.param(f"PATCH {R}/heads/none", {"sha": "HEAD"}, "Reference does not exist", id="move-none"),
        pytest.param(f"DELETE {R}/heads/none", None, "Reference does not exist", id="delete-none"),
        pytest.param(f"POST {C}", {"message": "m", "tree": NOWHERE}, "Tree SHA does not exist", id="no-tree"),
        pytest.param(f"POST {C}", {"message": "m", "tree": "TREE", "parents": [NOWHERE]}, "Parent SHA", id="no-parent"),
        pytest.param(f"POST {C}", {"tree": "TREE", "parents": []}, "Invalid request", id="no-message"),
        pytest.param(f"POST {T}", {"base_tree": NOWHERE, "tree": [{}]}, "base_tree is not a valid", id="no-base-tree"),
        pytest.param(f"POST {T}", {"tree": []}, "Invalid tree info", id="empty"),
        pytest.param(f"POST {T}", {"tree": [{"path": "a", "mode": "7", "content": ""}]}, "valid tree.mode", id="mode"),
        pytest.param(f"POST {T}", {"tree": [{"path": "../a", **BLOB, "content": ""}]}, "malformed path", id="path"),
        pytest.param(f"POST {T}", {"tree": [{"path": "a", **BLOB, "sha": NOWHERE}]}, "is not a valid", id="no-blob"),
        pytest.param("POST /git/blobs", {"content": "*", "encoding": "base64"}, "not valid Base64", id="blob"),
    ],
)
async def test_git_data_that_does_not_hold_together(
    served: Served, asked: str, body: dict[str, object] | None, answer: str
) -> None:
    head = served.forge.head() or ""
    commit = served.forge.hub.git.commit(head)
    method, _, path = asked.partition(" ")
    known = {"HEAD": head, "TREE": str(commit.tree.id) if commit else ""}
    sent = {key: known.get(str(value), value) for key, value in body.items()} if body else None
    with pytest.raises(GithubException) as caught:
        await raw(served, method, path, sent)
    status, told = said(caught.value)
    assert (status, answer in told) == (422, True), told


async def test_contents_are_replaced_only_by_who_knows_them(served: Served) -> None:
    old = (await raw(served, "GET", f"/contents/{RELEASE}"))["sha"]
    served.forge.commit({RELEASE: AFTER}, "By hand")
    assert (await refusal(served, lambda repo: repo.update_file(RELEASE, "m", "text", old)))[0] == 409
    assert (await refusal(served, lambda repo: repo.create_file(RELEASE, "m", "text")))[0] == 422
    assert (await refusal(served, lambda repo: repo.create_file("x", "m", "text", branch="none")))[0] == 404
    assert served.forge.read(RELEASE) == AFTER


async def test_a_commit_that_does_not_exist_is_refused(served: Served) -> None:
    assert (await refusal(served, lambda repo: repo.get_commit("none")))[0] == 422
    assert (await refusal(served, lambda repo: repo.get_git_commit(NOWHERE)))[0] == 404
    assert (await refusal(served, lambda repo: repo.get_git_tree(NOWHERE)))[0] == 404
    assert (await refusal(served, lambda repo: repo.get_git_blob(NOWHERE)))[0] == 404
    assert (await refusal(served, lambda repo: repo.get_contents("none")))[0] == 404
    assert (await refusal(served, lambda repo: repo.get_branch("none")))[0] == 404
    assert (await refusal(served, lambda repo: repo.get_pull(99)))[0] == 404


async def test_refs_are_moved_at_the_address_that_github_has(served: Served) -> None:
    """PyGithub's lazy refs send PATCH to `/git/ref/…`, where GitHub has only GET."""
    sent = {"sha": served.forge.head(), "force": True}
    with pytest.raises(GithubException) as caught:
        await raw(served, "PATCH", f"/git/ref/heads/{BRANCH}", sent)
    assert said(caught.value) == (404, "Not Found")
    assert [told for told in COMPLAINTS if "PATCH" in told]  # and the check says that there is no such operation
    COMPLAINTS.clear()


# ── merging ───────────────────────────────────────────────────────────────────────────────────────────


async def refused_merge(served: Served, **how: str) -> tuple[int, str]:
    main = served.forge.head()
    with pytest.raises(GithubException) as caught:
        await raw(served, "PUT", "/pulls/1/merge", how)
    assert served.forge.head() == main
    return said(caught.value)


async def test_another_head_than_the_reviewed_does_not_merge(served: Served) -> None:
    reviewed = served.forge.head(BRANCH) or ""
    served.forge.commit({RELEASE: "sneaky\n"}, "By hand", branch=BRANCH)
    told = "Head branch was modified. Review and try the merge again."
    assert await refused_merge(served, sha=reviewed) == (409, told)


async def test_a_base_that_moves_at_that_moment_does_not_merge(served: Served) -> None:
    served.forge.hub.base_races = 1
    assert await refused_merge(served) == (405, "Base branch was modified. Review and try the merge again.")


async def test_what_is_not_open_does_not_merge(served: Served) -> None:
    await asking(served, lambda repo: repo.get_pull(1).merge())
    assert await refused_merge(served) == (405, "Pull Request is not mergeable")


async def test_a_way_that_is_not_allowed_does_not_merge(served: Served) -> None:
    served.forge.hub.methods = {"squash"}
    assert await refused_merge(served) == (405, "Merge commits are not allowed on this repository.")
    assert await refused_merge(served, merge_method="rebase") == (
        405,
        "Rebase merges are not allowed on this repository.",
    )


async def test_a_rebase_that_conflicts_does_not_merge(served: Served) -> None:
    served.forge.commit({RELEASE: "stage: other\nversion: 9\n"}, "By hand")
    assert (await refused_merge(served, merge_method="rebase"))[0] == 405


async def test_a_draft_does_not_merge(served: Served) -> None:
    draft = {"title": "D", "head": "draft", "base": "main", "draft": True}
    served.forge.commit({"README.md": "draft\n"}, "Draft", branch="draft")
    await raw(served, "POST", "/pulls", draft)
    assert await refusal(served, lambda repo: repo.get_pull(2).merge()) == (405, "Pull Request is still a draft")


async def test_required_checks_and_approvals_come_first(served: Served) -> None:
    served.forge.protect("main", checks=["ci/test"], approvals=1)
    sha = served.forge.head(BRANCH) or ""

    async def state() -> str:
        return await asking(served, lambda repo: repo.get_pull(1).mergeable_state)

    assert await refused_merge(served) == (405, 'Required status check "ci/test" is expected.')
    await asking(served, lambda repo: repo.get_commit(sha).create_status("failure", context="ci/test"))
    assert await refused_merge(served) == (405, 'Required status check "ci/test" is failing.')
    assert await state() == "blocked"
    await asking(served, lambda repo: repo.get_commit(sha).create_status("success", context="ci/test"))
    assert "approving review is required" in (await refused_merge(served))[1]
    await asking(served, lambda repo: repo.get_pull(1).create_review(event="APPROVE"), token=ALICE)
    assert await state() == "clean"
    assert (await asking(served, lambda repo: repo.get_pull(1).merge())).merged


@pytest.mark.parametrize(
    ("states", "told"),
    [
        pytest.param([None, None], "2 of 2 required status checks are expected.", id="none-came"),
        pytest.param(["success", "failure"], "1 of 2 required status checks have not succeeded: 1 failing.", id="one"),
        pytest.param(
            [None, "pending"], "2 of 2 required status checks have not succeeded: 1 expected and 1 pending.", id="mixed"
        ),
    ],
)
async def test_several_required_checks_are_counted_and_not_named(
    served: Served, states: list[str | None], told: str
) -> None:
    served.forge.protect("main", checks=["a", "b"])
    for context, state in zip("ab", states, strict=True):
        if state is not None:
            served.forge.report(context, state, branch=BRANCH)
    assert await refused_merge(served) == (405, told)


async def test_a_branch_that_is_locked_or_queued_does_not_merge(served: Served) -> None:
    served.forge.protect("main", locked=True)
    assert await refused_merge(served) == (405, "Cannot change this locked branch")
    served.forge.protect("main", queued=True)
    assert "Changes must be made through the merge queue" in (await refused_merge(served))[1]


async def test_whether_it_merges_is_worked_out_behind_the_scenes(served: Served) -> None:
    served.forge.hub.undecided = 1

    def look(repo: Repository) -> tuple[bool | None, str]:
        pull = repo.get_pull(1)
        return pull.mergeable, pull.mergeable_state

    assert await asking(served, look) == (None, "unknown")
    assert await asking(served, look) == (True, "clean")


async def test_a_status_says_no_more_than_github_keeps(served: Served) -> None:
    sha = served.forge.head(BRANCH) or ""
    assert (await refusal(served, lambda repo: repo.get_commit(sha).create_status("success", "", "." * 141)))[0] == 422
    COMPLAINTS.clear()  # GitHub answers so without describing it


async def test_changes_that_are_asked_for_block(served: Served) -> None:
    served.forge.protect("main", approvals=1)
    review = {"event": "REQUEST_CHANGES", "body": "No."}
    await raw(served, "POST", "/pulls/1/reviews", review, token=ALICE)
    assert await refused_merge(served) == (405, "Changes have been requested on this pull request.")


async def test_a_head_behind_a_strict_base_does_not_merge(served: Served) -> None:
    served.forge.protect("main", strict=True)
    served.forge.commit({"README.md": "# Moved on\n"}, "Docs")
    assert await asking(served, lambda repo: repo.get_pull(1).mergeable_state) == "behind"
    assert (await refused_merge(served))[0] == 405


async def test_a_check_that_is_not_required_only_makes_it_unstable(served: Served) -> None:
    sha = served.forge.head(BRANCH) or ""
    await asking(served, lambda repo: repo.create_check_run("lint", sha, status="in_progress"), token=APP)
    assert await asking(served, lambda repo: repo.get_pull(1).mergeable_state) == "unstable"
    assert (await asking(served, lambda repo: repo.get_pull(1).merge())).merged


async def test_a_protected_branch_is_changed_by_pull_requests_only(served: Served) -> None:
    served.forge.protect("main", approvals=1)
    head = {"sha": served.forge.head(BRANCH)}
    with pytest.raises(GithubException) as caught:
        await raw(served, "PATCH", "/git/refs/heads/main", head)
    assert caught.value.status == 422
    assert (await refusal(served, lambda repo: repo.create_file("x", "m", "text")))[0] == 409
    assert {path: text.decode() for path, text in served.forge.files().items()} == FILES


# ── the rest ──────────────────────────────────────────────────────────────────────────────────────────


async def test_nobody_approves_their_own_pull_request(served: Served) -> None:
    told = "Unprocessable Entity | Review Can not approve your own pull request"
    assert await refusal(served, lambda repo: repo.get_pull(1).create_review(event="APPROVE")) == (422, told)


async def test_a_merged_pull_request_is_not_opened_again(served: Served) -> None:
    await asking(served, lambda repo: repo.get_pull(1).merge())
    assert (await refusal(served, lambda repo: repo.get_pull(1).edit(state="open")))[0] == 422


async def test_an_update_of_another_head_or_with_nothing_new_is_refused(served: Served) -> None:
    assert not await asking(served, lambda repo: repo.get_pull(1).update_branch())
    served.forge.commit({"README.md": "# Moved on\n"}, "Docs")
    assert not await asking(served, lambda repo: repo.get_pull(1).update_branch(NOWHERE))
    assert await asking(served, lambda repo: repo.get_pull(1).update_branch(served.forge.head(BRANCH) or ""))


async def test_a_tree_may_be_given_as_its_commit_and_lose_a_file(served: Served) -> None:
    def remove(repo: Repository) -> str:
        head = repo.get_branch("main").commit.sha
        elements = [InputGitTreeElement("README.md", "100644", "blob", sha=None)]
        return repo.create_git_tree(elements, base_tree=repo.get_git_tree(head)).sha

    tree = served.forge.hub.git.tree(await asking(served, remove))
    assert tree is not None
    assert {path for path, _ in served.forge.hub.git.blobs(tree)} == FILES.keys() - {"README.md"}
