"""Callboard can follow the rollout in the cluster that app.yaml names."""

from typing import Final

from bot.domain.promotion import Ruling, Verdict
from bot.domain.reasons.approval import ClusterUnusable, ClusterUsable
from bot.rules.release.decision import LATER, Review
from bot.rules.release.gates.gate import Gate


def judge(review: Review) -> Ruling:
    """The kubeconfig and the context that `cluster` names exist, so that Callboard can follow the rollout."""
    if review.unusable is not None:
        return Ruling(verdict=Verdict.WAIT, reason=ClusterUnusable(cause=review.unusable))
    return Ruling(verdict=Verdict.PASS, reason=ClusterUsable())


GATE: Final = Gate(
    name="cluster",
    judge=judge,
    holds_rollbacks=False,
    overridable=True,
    may_expire=True,
    ends=lambda review: review.now + LATER,
    ours=True,
)
