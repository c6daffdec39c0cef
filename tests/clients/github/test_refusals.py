"""GitHub's refusals to merge, told apart by its words: who can mend each, and what people are told to do."""

from dataclasses import replace

import pytest

from bot.clients.github.refusals import another_way, unmerged
from bot.domain.errors import Permanent, Temporary
from bot.domain.repository import Pull, PullState

HEAD = "a" * 40
OPEN = Pull(number=7, url="https://github.test/pull/7", state=PullState.OPEN, head=HEAD, base="main", mergeable=True)
RULES = "Repository rule violations found\n\n"

TIME_MENDS = {
    "Head branch was modified. Review and try the merge again.": "somebody pushed to its branch",
    "Base branch was modified. Review and try the merge again.": "tried again",
    'Required status check "ci/test" is expected.': "when the required checks have passed",
    'Required status check "ci/test" is pending.': "when the required checks have passed",
    "2 of 2 required status checks are in progress.": "when the required checks have passed",
    'Required status check "ci/test" is failing.': "mend the check that fails",
    "2 of 5 required status checks have not succeeded: 1 expected and 1 failing.": "mend the check that fails",
    f'{RULES}Required status check "ci/test" is expected.\n\n': "when the required checks have passed",
    "At least 1 approving review is required by reviewers with write access.": "review it on GitHub",
    "Waiting on code owner review from acme/ml.": "review it on GitHub",
    "Changes have been requested on this pull request.": "approve or dismiss",
    f"{RULES}A conversation must be resolved before this pull request can be merged.": "conversations",
    "Pull Request is still a draft": "ready for review",
    "Head branch is out of date with the base branch.": "made again on the main branch",
    "Pull Request is not mergeable": "look at the pull request there",
    "Something that GitHub never said before": "look at the pull request there",
}
OPERATORS_MEND = {
    f"{RULES}Changes must be made through the merge queue\n\n": "merge queue",
    "Cannot change this locked branch": "unlock the branch",
    "You're not authorized to push to this branch.": "let Callboard's account push",
    f"{RULES}Commits must have verified signatures.": "GitHub App",
}


@pytest.mark.parametrize("reason", TIME_MENDS)
def test_what_time_can_mend_is_tried_again_and_people_know_what_to_do(reason: str) -> None:
    error = unmerged(reason, OPEN, HEAD)
    assert isinstance(error, Temporary)
    assert TIME_MENDS[reason] in str(error)
    assert " ".join(reason.split()) in str(error)


@pytest.mark.parametrize("reason", OPERATORS_MEND)
def test_what_an_operator_must_mend_is_told_to_the_operator(reason: str) -> None:
    error = unmerged(reason, OPEN, HEAD)
    assert isinstance(error, Permanent)
    assert OPERATORS_MEND[reason] in str(error)


@pytest.mark.parametrize(
    ("pull", "told"),
    [
        pytest.param({"state": PullState.CLOSED}, "somebody closed it", id="closed"),
        pytest.param({"head": "b" * 40}, "somebody pushed to its branch", id="another-head"),
        pytest.param({"mergeable": False}, "conflicts with the main branch", id="conflict"),
    ],
)
def test_how_the_pull_request_stands_says_more_than_githubs_words(pull: dict[str, object], told: str) -> None:
    stands = replace(OPEN, **pull)  # type: ignore[arg-type]
    error = unmerged("Pull Request is not mergeable", stands, HEAD)
    assert isinstance(error, Temporary)
    assert told in str(error)


@pytest.mark.parametrize(
    "reason",
    [
        "Merge commits are not allowed on this repository.",
        "Squash merges are not allowed on this repository.",
        "Rebase merges are not allowed on this branch.",
        f"{RULES}This branch must not contain merge commits.",
    ],
)
def test_a_way_that_is_not_allowed_makes_room_for_the_next(reason: str) -> None:
    assert another_way(reason)
    assert not any(another_way(other) for other in (*TIME_MENDS, *OPERATORS_MEND))
