"""The client for GitHub, against the forge: what each method leaves there and costs, and that it may be repeated."""

from collections import Counter
from typing import Any

import pytest

from bot.clients.github.client import GitHub
from bot.clients.github.requester import Refused
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import github as reasons
from bot.domain.repository import PullState
from callboard_demo.forge.records import Comment
from tests.fixtures.forge_world import BRANCH, FILES, RELEASE, TITLE, Served, proposed
from tests.fixtures.raising import raising

FOLDER = "manifests/iris-classifier/production"
AFTER = {RELEASE: "stage: production\nversion: 2\n"}


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_folder_is_its_manifests_and_no_deeper(github: GitHub) -> None:
    texts = await github.folder(FOLDER, await github.base())
    assert texts == {path: text for path, text in FILES.items() if path.startswith(FOLDER)}
    assert await github.folder("manifests", await github.base()) == {}


async def test_a_path_that_is_a_file_is_that_file(github: GitHub) -> None:
    assert await github.folder(RELEASE, await github.base()) == {RELEASE: FILES[RELEASE]}


async def test_what_is_missing_is_left_out(github: GitHub) -> None:
    base = await github.base()
    assert await github.folder("no/such", base) == {}
    assert await github.files([RELEASE, "no/such.yaml"], base) == {RELEASE: FILES[RELEASE]}


async def test_files_are_read_as_they_stood_at_the_base(served: Served, github: GitHub) -> None:
    base = await github.base()
    served.forge.commit({RELEASE: "later\n"}, "Later")
    assert await github.files([RELEASE], base) == {RELEASE: FILES[RELEASE]}


async def test_a_second_reading_asks_for_nothing_but_the_base(served: Served, github: GitHub) -> None:
    await github.folder(FOLDER, await github.base())
    before = len(served.forge.log)
    base = await github.base()
    await github.folder(FOLDER, base)
    await github.files([RELEASE], base)
    assert len(served.forge.log) - before == 1


async def test_a_moved_base_costs_one_listing_and_what_changed(served: Served, github: GitHub) -> None:
    await github.folder(FOLDER, await github.base())
    served.forge.commit({RELEASE: "stage: production\nversion: 9\n"}, "By hand")
    before = len(served.forge.log)
    assert (await github.folder(FOLDER, await github.base()))[RELEASE] == "stage: production\nversion: 9\n"
    assert len(served.forge.log) - before == 3


async def test_a_large_file_is_read_whole(served: Served, github: GitHub) -> None:
    text = "# " + "x" * 1_200_000
    served.forge.commit({"big.yaml": text}, "Big")
    assert await github.files(["big.yaml"], await github.base()) == {"big.yaml": text}


async def test_odd_names_are_read_and_written_as_they_are(served: Served, github: GitHub) -> None:
    odd = "manifests/ä b#1?%2F/release.yaml"
    served.forge.commit({odd: "version: 1\n"}, "Odd")
    base = await github.base()
    assert await github.files([odd], base) == {odd: "version: 1\n"}
    branch = "callboard/a%2Fb/stage#1"
    pull = await github.propose(branch, base, {odd: "version: 2\n"}, TITLE, "Why.")
    await github.propose(branch, base, {odd: "version: 3\n"}, TITLE, "Why.")
    assert served.forge.read(odd, branch) == "version: 3\n"
    await github.close_pull(pull.number, None)
    await github.delete_branch(branch)
    assert served.forge.head(branch) is None


async def test_a_file_that_is_no_text_is_named(served: Served, github: GitHub) -> None:
    served.forge.hub.commit({"manifests/x/latin.yaml": b"\xe9\n"}, "Latin 1", branch="main", by="somebody")
    with raising(Permanent, reasons.NotText(path=Name("manifests/x/latin.yaml"))):
        await github.folder("manifests/x", await github.base())


# ── proposing ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_proposal_is_one_commit_on_the_base_with_exactly_the_files(served: Served, github: GitHub) -> None:
    base = await github.base()
    pull = await github.propose(BRANCH, base, AFTER, TITLE, "Why.")
    commit = served.forge.hub.git.commit(pull.head)
    assert commit is not None
    assert [str(parent) for parent in commit.parent_ids] == [base.commit]
    assert {path: data.decode() for path, data in served.forge.files(BRANCH).items()} == {**FILES, **AFTER}
    assert (pull.number, pull.state, pull.head) == (1, PullState.OPEN, served.forge.head(BRANCH))
    assert pull.url == f"{served.url}/acme/models-gitops/pull/1"


async def test_from_base_to_pull_request_costs_five_requests_and_one_a_file(served: Served, github: GitHub) -> None:
    base = await github.base()
    files = await github.files([RELEASE], base)
    await github.propose(BRANCH, base, {RELEASE: files[RELEASE].replace("1", "2")}, TITLE, "Why.")
    assert [(asked.method, asked.template.removeprefix("/repos/{owner}/{repo}")) for asked in served.forge.log] == [
        ("GET", "/branches/{branch}"),
        ("GET", "/contents/{path}"),
        ("POST", "/git/trees"),
        ("POST", "/git/commits"),
        ("POST", "/git/refs"),
        ("POST", "/pulls"),
    ]


async def test_proposing_twice_is_proposing_once(served: Served, github: GitHub) -> None:
    first, again = await proposed(github), await proposed(github)
    assert (again.number, again.head) == (first.number, first.head)
    assert len(served.forge.state()["pulls"]) == 1


async def test_a_new_change_moves_the_branch_and_keeps_the_pull_request(served: Served, github: GitHub) -> None:
    first = await proposed(github)
    served.forge.commit({"README.md": "moved on\n"}, "Docs")
    second = await github.propose(BRANCH, await github.base(), AFTER, "Another title", "Another body")
    assert (second.number, second.head != first.head) == (first.number, True)
    [pull] = served.forge.state()["pulls"]
    assert (pull["head_sha"], pull["title"], pull["body"]) == (second.head, "Another title", "Another body")


async def test_a_pull_request_says_into_which_branch_it_goes(served: Served, github: GitHub) -> None:
    base = await github.base()
    pull = await proposed(github)
    assert (base.branch, pull.base) == ("main", "main")
    served.forge.hub.move("refs/heads/release-1", base.commit, by="somebody")
    served.forge.hub.edit(served.forge.hub.pull(1), {"base": "release-1"}, by="somebody")
    assert (await github.pull(1)).base == "release-1"
    merged = await github.merge(1, pull.head)
    assert (merged.state, merged.base) == (PullState.MERGED, "release-1")
    assert served.forge.head() == base.commit


async def test_a_retargeted_pull_request_does_not_count_as_the_proposal(served: Served, github: GitHub) -> None:
    await proposed(github)
    served.forge.hub.move("refs/heads/release-1", served.forge.head(), by="somebody")
    served.forge.hub.edit(served.forge.hub.pull(1), {"base": "release-1"}, by="somebody")
    again = await proposed(github)
    assert (again.number, again.base) == (2, "main")


async def test_a_branch_edited_by_hand_is_replaced(served: Served, github: GitHub) -> None:
    first = await proposed(github)
    served.forge.commit({RELEASE: "sneaky\n"}, "By hand", branch=BRANCH)
    again = await proposed(github)
    assert served.forge.read(RELEASE, BRANCH) == AFTER[RELEASE]
    assert again.number == first.number


async def test_after_a_merge_the_left_branch_serves_again(served: Served, github: GitHub) -> None:
    first = await proposed(github)
    await github.merge(first.number, first.head)
    second = await proposed(github, {RELEASE: "stage: production\nversion: 3\n"})
    assert (second.number, second.state) == (2, PullState.OPEN)


async def test_a_change_that_changes_nothing_is_refused(github: GitHub) -> None:
    with raising(Permanent, reasons.NothingToPropose):
        await proposed(github, {RELEASE: FILES[RELEASE]})


async def test_a_branch_name_that_git_forbids_is_refused(github: GitHub) -> None:
    with raising(Refused, reasons.Refused) as caught:
        await github.propose("callboard/a b/production", await github.base(), AFTER, TITLE, "Why.")
    assert caught.value.status == 422


def not_merged(words: str, cause: Reason) -> Reason:
    return reasons.NotMerged(number=1, said=Said(words), cause=cause)


# ── merging ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_merge_says_which_commit_it_made(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    merged = await github.merge(pull.number, pull.head)
    assert (merged.state, merged.merge_commit) == (PullState.MERGED, served.forge.head())
    assert served.forge.read(RELEASE) == AFTER[RELEASE]


async def test_an_open_pull_request_has_no_merge_commit(github: GitHub) -> None:
    pull = await proposed(github)
    assert (await github.pull(pull.number)).merge_commit is None  # though GitHub names its trial merge there


async def test_merging_twice_is_merging_once(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    first = await github.merge(pull.number, pull.head)
    main = served.forge.head()
    assert await github.merge(pull.number, pull.head) == first
    assert served.forge.head() == main


async def test_another_head_than_the_approved_is_not_merged(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    served.forge.commit({RELEASE: "sneaky\n"}, "By hand", branch=BRANCH)
    main = served.forge.head()
    with raising(
        Temporary, not_merged("Head branch was modified. Review and try the merge again.", reasons.HeadMoved())
    ):
        await github.merge(pull.number, pull.head)
    assert served.forge.head() == main


async def test_a_conflict_is_reported_and_merges_nothing(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    served.forge.commit({RELEASE: "stage: production\nversion: 7\n"}, "By hand")
    with raising(Temporary, not_merged("Pull Request is not mergeable", reasons.Conflicting())):
        await github.merge(pull.number, pull.head)
    assert (await github.pull(pull.number)).mergeable is False


async def test_a_base_that_moves_at_that_moment_is_tried_later(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    served.forge.hub.base_races = 1
    with raising(
        Temporary, not_merged("Base branch was modified. Review and try the merge again.", reasons.BaseMoved())
    ):
        await github.merge(pull.number, pull.head)
    assert (await github.merge(pull.number, pull.head)).state is PullState.MERGED


async def test_a_missing_check_is_named(served: Served, github: GitHub) -> None:
    served.forge.protect("main", checks=["ci/test"])
    pull = await proposed(github)
    with raising(Temporary, not_merged('Required status check "ci/test" is expected.', reasons.ChecksPending())):
        await github.merge(pull.number, pull.head)


@pytest.mark.parametrize(
    ("protection", "kind", "cause"),
    [
        pytest.param({"locked": True}, Permanent, reasons.BranchLocked(), id="locked"),
        pytest.param({"queued": True}, Permanent, reasons.MergeQueue(), id="queue"),
        pytest.param({"approvals": 1}, Temporary, reasons.ReviewRequired(), id="review"),
        pytest.param({"checks": ["a", "b"]}, Temporary, reasons.ChecksPending(), id="checks"),
    ],
)
async def test_a_refusal_says_who_can_act(
    served: Served, github: GitHub, protection: dict[str, Any], kind: type[Permanent | Temporary], cause: Reason
) -> None:
    served.forge.protect("main", **protection)
    pull = await proposed(github)
    with raising(kind, reasons.NotMerged) as caught:
        await github.merge(pull.number, pull.head)
    assert isinstance(caught.value.reason, reasons.NotMerged)
    assert (caught.value.reason.number, caught.value.reason.cause) == (1, cause)


async def test_a_pull_request_that_somebody_closed_is_not_merged(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    served.forge.hub.edit(served.forge.hub.pull(1), {"state": "closed"}, by="dave")
    with raising(Temporary, not_merged("Pull Request is not mergeable", reasons.Closed())):
        await github.merge(pull.number, pull.head)


@pytest.mark.parametrize("method", ["squash", "rebase"])
async def test_the_way_of_merging_is_the_one_that_the_repository_allows(
    served: Served, github: GitHub, method: str
) -> None:
    served.forge.hub.methods = {method}
    pull = await proposed(github)
    merged = await github.merge(pull.number, pull.head)
    assert (merged.merge_commit, served.forge.read(RELEASE)) == (served.forge.head(), AFTER[RELEASE])


async def test_a_repository_that_allows_no_merging_needs_an_operator(served: Served, github: GitHub) -> None:
    served.forge.hub.methods = set()
    pull = await proposed(github)
    with raising(Permanent, reasons.NoMergeMethod()):
        await github.merge(pull.number, pull.head)


# ── ending and telling ────────────────────────────────────────────────────────────────────────────────


async def test_closing_twice_leaves_one_comment(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    for _ in range(2):
        await github.close_pull(pull.number, "Vetoed by bob.")
        await github.delete_branch(BRANCH)
    [shown] = served.forge.state()["pulls"]
    assert (shown["state"], len(shown["comments"]), served.forge.head(BRANCH)) == ("closed", 1, None)


async def test_a_merged_pull_request_stays_merged_when_closed(github: GitHub) -> None:
    pull = await proposed(github)
    await github.merge(pull.number, pull.head)
    await github.close_pull(pull.number, "Too late.")
    assert (await github.pull(pull.number)).state is PullState.MERGED


async def test_a_comment_is_made_once_for_each_key(served: Served, github: GitHub) -> None:
    pull = await proposed(github)
    records = served.forge.hub.records
    there = records.pull(pull.number)
    assert there is not None
    there.comments += [Comment(id=records.next_id(), user="alice", body="Look.") for _ in range(100)]  # a whole page
    await github.comment(pull.number, "Look.", "key-100")
    before = Counter(asked.method for asked in served.forge.log)["POST"]
    await github.comment(pull.number, "Look.", "key-100")
    assert Counter(asked.method for asked in served.forge.log)["POST"] == before
