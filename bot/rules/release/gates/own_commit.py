"""The pull request holds Callboard's own commit."""

from typing import Final

from bot.domain.promotion import Promotion, Ruling, Verdict
from bot.rules.release.decision import Evidence
from bot.rules.release.gates.gate import Gate


def judge(seen: Evidence, it: Promotion) -> Ruling:
    """A branch edited by hand is never merged."""
    if seen.pull is None or seen.pull.head == it.record.head:
        return Ruling(verdict=Verdict.PASS, because="the branch holds exactly the change")
    because = (
        f"the branch was edited by hand (its head is {seen.pull.head[:7]}), and I merge only my own commit: "
        f"merge it yourself, or type `/promotions cancel {it.id}`"
    )
    return Ruling(verdict=Verdict.WAIT, because=because)


GATE: Final = Gate(
    name="own commit",
    demand="The pull request's branch holds Callboard's own commit: a branch edited by hand is not merged",
    judge=judge,
    holds_rollbacks=True,
    overridden=None,
    may_expire=True,
    ends=None,
    ours=True,
)
