"""Nobody who may stop the promotion objects to it."""

from typing import Final

from bot.domain.promotion import Promotion, Ruling, Verdict
from bot.rules.release.decision import Evidence
from bot.rules.release.gates import votes
from bot.rules.release.gates.gate import Gate


def judge(seen: Evidence, it: Promotion) -> Ruling:
    """One veto is enough to stop a promotion, whoever approves it."""
    against = votes.vetoes(seen, it)
    if against:
        return Ruling(verdict=Verdict.BLOCK, because=f"vetoed by {', '.join(f'<@{by}>' for by in against)}")
    return Ruling(verdict=Verdict.PASS, because="nobody objects")


GATE: Final = Gate(
    name="veto",
    demand="No approver, nor the requester, reacted with ❌",
    judge=judge,
    holds_rollbacks=True,
    overridden=None,
    may_expire=True,
    ends=None,
    ours=True,
)
