"""GitHub would let anybody merge the pull request."""

from typing import Final

from bot.domain.promotion import Promotion, Ruling, Verdict
from bot.rules.release.decision import Evidence
from bot.rules.release.gates.gate import Gate
from bot.rules.wording.escape import bare


def judge(seen: Evidence, it: Promotion) -> Ruling:
    """No required check or review is missing."""
    if seen.withheld:
        missing = "; ".join(map(bare, seen.withheld))
        because = f"GitHub does not let #{it.record.pull} be merged yet: {missing}"
        return Ruling(verdict=Verdict.WAIT, because=because)
    return Ruling(verdict=Verdict.PASS, because="GitHub asks for nothing more")


GATE: Final = Gate(
    name="GitHub",
    demand="GitHub would let anybody merge it: no required check or review is missing",
    judge=judge,
    holds_rollbacks=True,
    overridden=None,
    may_expire=True,
    ends=None,
    ours=False,
)
