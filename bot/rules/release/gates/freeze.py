"""Nothing freezes the stage."""

from datetime import datetime
from typing import Final

from bot.domain.promotion import Ruling, Verdict
from bot.domain.reason import Name
from bot.domain.reasons.approval import NotFrozen
from bot.rules.release import freezes
from bot.rules.release.decision import Review
from bot.rules.release.gates.gate import Gate


def judge(review: Review) -> Ruling:
    """Neither `/freeze` nor a window of `freeze` holds the stage."""
    if review.freeze is None:
        return Ruling(verdict=Verdict.PASS, reason=NotFrozen(stage=Name(review.target.stage)))
    return Ruling(verdict=Verdict.WAIT, reason=freezes.frozen(review.freeze))


def ends(review: Review) -> datetime | None:
    """Return when the freeze ends; None: when somebody lifts it."""
    return review.freeze.until if review.freeze else None


GATE: Final = Gate(
    name="freeze",
    judge=judge,
    holds_rollbacks=False,
    overridable=True,
    may_expire=False,  # nobody here can help it: an approved promotion goes on after the weekend
    ends=ends,
    ours=True,
)
