"""GitHub's refusals to merge, distinguished by its text: who can fix each, and the reason that people get."""

from dataclasses import replace

import pytest

from bot.clients.github.refusals import other_method_may_work, unmerged
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Reason, Said
from bot.domain.reasons import github as reasons
from bot.domain.repository import Pull, PullState

HEAD = "a" * 40
OPEN = Pull(number=7, url="https://github.test/pull/7", state=PullState.OPEN, head=HEAD, base="main", mergeable=True)
RULES = "Repository rule violations found\n\n"

TIME_MENDS = {
    "Head branch was modified. Review and try the merge again.": reasons.HeadMoved(),
    "Base branch was modified. Review and try the merge again.": reasons.BaseMoved(),
    'Required status check "ci/test" is expected.': reasons.ChecksPending(),
    'Required status check "ci/test" is pending.': reasons.ChecksPending(),
    "2 of 2 required status checks are in progress.": reasons.ChecksPending(),
    'Required status check "ci/test" is failing.': reasons.ChecksFailing(),
    "2 of 5 required status checks have not succeeded: 1 expected and 1 failing.": reasons.ChecksFailing(),
    f'{RULES}Required status check "ci/test" is expected.\n\n': reasons.ChecksPending(),
    "At least 1 approving review is required by reviewers with write access.": reasons.ReviewRequired(),
    "Waiting on code owner review from acme/ml.": reasons.ReviewRequired(),
    "Changes have been requested on this pull request.": reasons.ChangesRequested(),
    f"{RULES}A conversation must be resolved before this pull request can be merged.": reasons.ConversationsOpen(),
    "Pull Request is still a draft": reasons.Draft(),
    "Head branch is out of date with the base branch.": reasons.OutOfDate(),
    "Pull Request is not mergeable": reasons.UnknownObstacle(),
    "Something that GitHub never said before": reasons.UnknownObstacle(),
}
OPERATORS_MEND = {
    f"{RULES}Changes must be made through the merge queue\n\n": reasons.MergeQueue(),
    "Cannot change this locked branch": reasons.BranchLocked(),
    "You're not authorized to push to this branch.": reasons.PushNotAllowed(),
    f"{RULES}Commits must have verified signatures.": reasons.SignatureRequired(),
}


def not_merged(words: str, cause: Reason) -> Reason:
    return reasons.NotMerged(number=7, said=Said(" ".join(words.split())), cause=cause)


@pytest.mark.parametrize("words", TIME_MENDS)
def test_a_failure_that_may_pass_is_retried_and_people_learn_what_to_do(words: str) -> None:
    error = unmerged(words, OPEN, HEAD)
    assert isinstance(error, Temporary)
    assert error.reason == not_merged(words, TIME_MENDS[words])


@pytest.mark.parametrize("words", OPERATORS_MEND)
def test_an_error_that_an_operator_must_fix_is_reported_to_the_operator(words: str) -> None:
    error = unmerged(words, OPEN, HEAD)
    assert isinstance(error, Permanent)
    assert error.reason == not_merged(words, OPERATORS_MEND[words])


@pytest.mark.parametrize(
    ("pull", "cause"),
    [
        pytest.param({"state": PullState.CLOSED}, reasons.Closed(), id="closed"),
        pytest.param({"head": "b" * 40}, reasons.HeadMoved(), id="another-head"),
        pytest.param({"mergeable": False}, reasons.Conflicting(), id="conflict"),
    ],
)
def test_the_pull_requests_state_explains_more_than_githubs_message(pull: dict[str, object], cause: Reason) -> None:
    stands = replace(OPEN, **pull)  # type: ignore[arg-type]  # fields by name
    error = unmerged("Pull Request is not mergeable", stands, HEAD)
    assert isinstance(error, Temporary)
    assert error.reason == not_merged("Pull Request is not mergeable", cause)


@pytest.mark.parametrize(
    "words",
    [
        "Merge commits are not allowed on this repository.",
        "Squash merges are not allowed on this repository.",
        "Rebase merges are not allowed on this branch.",
        f"{RULES}This branch must not contain merge commits.",
    ],
)
def test_a_way_that_is_not_allowed_makes_room_for_the_next(words: str) -> None:
    assert other_method_may_work(words)
    assert not any(other_method_may_work(other) for other in (*TIME_MENDS, *OPERATORS_MEND))
