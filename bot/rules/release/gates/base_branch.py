"""The pull request goes into the branch that the cluster follows."""

from typing import Final

from bot.domain.promotion import Ruling, Verdict
from bot.domain.reason import Name
from bot.domain.reasons.approval import Retargeted, TargetsMain
from bot.rules.release.decision import PullReview
from bot.rules.release.gates.gate import Gate, of_a_pull_request


@of_a_pull_request
def judge(review: PullReview) -> Ruling:
    """The pull request goes into the main branch: one that somebody retargeted is not merged."""
    pull, main = review.pull, review.manifest.base.branch
    if pull.base == main:
        return Ruling(verdict=Verdict.PASS, reason=TargetsMain())
    moved = Retargeted(number=pull.number, to=Name(pull.base), main=Name(main), promotion=review.promotion.id)
    return Ruling(verdict=Verdict.WAIT, reason=moved)


GATE: Final = Gate(
    name="base branch",
    judge=judge,
    holds_rollbacks=True,
    overridable=False,
    may_expire=True,
    ends=None,
    ours=True,
)
