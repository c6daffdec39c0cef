"""The pull request holds Callboard's own commit."""

from typing import Final

from bot.domain.promotion import Ruling, Verdict
from bot.domain.reason import Name
from bot.domain.reasons.approval import EditedByHand, OwnCommit
from bot.rules.release.decision import PullReview
from bot.rules.release.gates.gate import Gate, of_a_pull_request


@of_a_pull_request
def judge(review: PullReview) -> Ruling:
    """The pull request's branch holds Callboard's own commit: a branch edited by hand is not merged."""
    if review.pull.head == review.ours.head:
        return Ruling(verdict=Verdict.PASS, reason=OwnCommit())
    edited = EditedByHand(head=Name(review.pull.head[:7]), promotion=review.promotion.id)
    return Ruling(verdict=Verdict.WAIT, reason=edited)


GATE: Final = Gate(
    name="own commit",
    judge=judge,
    holds_rollbacks=True,
    overridable=False,
    may_expire=True,
    ends=None,
    ours=True,
)
