"""Nothing freezes the stage."""

from datetime import datetime
from typing import Final

from bot.domain.promotion import Promotion, Ruling, Verdict
from bot.rules.release import freezes
from bot.rules.release.decision import Evidence
from bot.rules.release.gates.gate import Gate


def judge(seen: Evidence, it: Promotion) -> Ruling:
    """Nothing holds new releases of the stage up."""
    if seen.freeze is None:
        return Ruling(verdict=Verdict.PASS, because=f"{it.pair.stage} is not frozen")
    return Ruling(verdict=Verdict.WAIT, because=freezes.because(seen.freeze))


def ends(seen: Evidence, _it: Promotion) -> datetime | None:
    """Return when the freeze ends; None: when somebody ends it."""
    return seen.freeze.until if seen.freeze else None


GATE: Final = Gate(
    name="freeze",
    demand="Neither `/freeze` nor a window of `freeze` holds the stage",
    judge=judge,
    holds_rollbacks=False,
    overridden="a freeze",
    may_expire=False,  # nobody here can help it: an approved promotion goes on after the weekend
    ends=ends,
    ours=True,
)
