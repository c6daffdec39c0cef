"""The pull request goes into the branch that the cluster follows."""

from typing import Final

from bot.domain.promotion import Promotion, Ruling, Verdict
from bot.rules.release.decision import Evidence
from bot.rules.release.gates.gate import Gate
from bot.rules.wording.escape import quoted


def judge(seen: Evidence, it: Promotion) -> Ruling:
    """What was approved is a change of the main branch: a retargeted pull request is never merged."""
    if seen.pull is None or seen.base is None or seen.pull.base == seen.base.branch:
        return Ruling(verdict=Verdict.PASS, because="it goes into the main branch")
    main = quoted(seen.base.branch, 80)
    because = (
        f"somebody retargeted #{seen.pull.number} to {quoted(seen.pull.base, 80)}, "
        f"and only a merge into {main} is approved: set its base branch to {main} again on GitHub, "
        f"or type `/promotions cancel {it.id}`"
    )
    return Ruling(verdict=Verdict.WAIT, because=because)


GATE: Final = Gate(
    name="base branch",
    demand="The pull request goes into the main branch: one that somebody retargeted is not merged",
    judge=judge,
    holds_rollbacks=True,
    overridden=None,
    may_expire=True,
    ends=None,
    ours=True,
)
