"""Nobody who may stop the promotion objects to it."""

from typing import Final

from bot.domain.promotion import Ruling, Verdict
from bot.domain.reason import users
from bot.domain.reasons.approval import NoVeto, Vetoed
from bot.rules.release.decision import Review
from bot.rules.release.gates import votes
from bot.rules.release.gates.gate import Gate


def judge(review: Review) -> Ruling:
    """No approver, nor the requester, reacted with ❌."""
    against = votes.vetoes(review)
    if against:
        return Ruling(verdict=Verdict.BLOCK, reason=Vetoed(people=users(against)))
    return Ruling(verdict=Verdict.PASS, reason=NoVeto())


GATE: Final = Gate(
    name="veto",
    judge=judge,
    holds_rollbacks=True,
    overridable=False,
    may_expire=True,
    ends=None,
    ours=True,
)
