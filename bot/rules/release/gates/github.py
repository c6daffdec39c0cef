"""GitHub would let anybody merge the pull request."""

from typing import Final

from bot.domain.promotion import Ruling, Verdict
from bot.domain.reasons.approval import GitHubReady, GitHubWithholds
from bot.rules.release.decision import PullReview
from bot.rules.release.gates.gate import Gate, of_a_pull_request


@of_a_pull_request
def judge(review: PullReview) -> Ruling:
    """GitHub would let anybody merge it: no required check or review is missing."""
    if review.withheld:
        reason = GitHubWithholds(number=review.pull.number, missing=review.withheld)
        return Ruling(verdict=Verdict.WAIT, reason=reason)
    return Ruling(verdict=Verdict.PASS, reason=GitHubReady())


GATE: Final = Gate(
    name="GitHub",
    judge=judge,
    holds_rollbacks=True,
    overridable=False,
    may_expire=True,
    ends=None,
    ours=False,
)
