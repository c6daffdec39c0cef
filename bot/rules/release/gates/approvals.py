"""Enough of the right people approve exactly this change."""

from typing import Final

from bot.domain.promotion import Kind, Ruling, Verdict
from bot.domain.reason import users
from bot.domain.reasons.approval import ApprovalsEnough, ApprovalsMissing, ApproversUnknown
from bot.rules.release.decision import Review
from bot.rules.release.gates import votes
from bot.rules.release.gates.gate import Gate


def judge(review: Review) -> Ruling:
    """As many approvers as `approvals` says reacted with ✅ to exactly this change."""
    needed = _needed(review)
    given = len(votes.approvals(review))
    if given >= needed:
        return Ruling(verdict=Verdict.PASS, reason=ApprovalsEnough(given=given, needed=needed))
    if review.voters.unsure is not None:
        return Ruling(verdict=Verdict.WAIT, reason=ApproversUnknown(cause=review.voters.unsure))
    approvers = users(review.policy.approvers)
    return Ruling(verdict=Verdict.WAIT, reason=ApprovalsMissing(given=given, needed=needed, approvers=approvers))


def _needed(review: Review) -> int:
    if review.promotion.kind is Kind.PROMOTE:
        return review.policy.approvals
    return 0 if review.promotion.automatic else review.policy.rollback_approvals


GATE: Final = Gate(
    name="approvals",
    judge=judge,
    holds_rollbacks=True,
    overridable=False,
    may_expire=True,
    ends=None,
    ours=True,
)
