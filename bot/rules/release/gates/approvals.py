"""Enough of the right people approve exactly this change."""

from typing import Final

from bot.domain.promotion import Kind, Promotion, Ruling, Verdict
from bot.rules.release.decision import Evidence
from bot.rules.release.gates import votes
from bot.rules.release.gates.gate import Gate
from bot.rules.wording.escape import bare


def judge(seen: Evidence, it: Promotion) -> Ruling:
    """Enough of the right people agree to exactly this change."""
    needed = _needed(seen, it)
    given = votes.approvals(seen, it)
    if len(given) >= needed:
        return Ruling(verdict=Verdict.PASS, because=f"{len(given)} of {needed} approvals")
    if seen.unsure is not None:
        return Ruling(verdict=Verdict.WAIT, because=f"Slack cannot say who may approve: {bare(seen.unsure)}")
    who = f" from {', '.join(seen.policy.approvers)}" if seen.policy.approvers else ""
    return Ruling(verdict=Verdict.WAIT, because=f"{len(given)} of {needed} approvals{who}: react with ✅")


def _needed(seen: Evidence, it: Promotion) -> int:
    if it.kind is Kind.PROMOTE:
        return seen.policy.approvals
    return 0 if it.automatic else seen.policy.rollback_approvals


GATE: Final = Gate(
    name="approvals",
    demand="As many approvers as `approvals` says reacted with ✅ to exactly this change",
    judge=judge,
    holds_rollbacks=True,
    overridden=None,
    may_expire=True,
    ends=None,
    ours=True,
)
