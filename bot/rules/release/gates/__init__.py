"""May this promotion go ahead?  Pure: evidence in, rulings out.

All gates are asked, so that people see everything that is missing at once; the verdict is the worst of them.  Expiry,
the next look, overrides and the documentation read a gate's traits.

To add a gate, write one file here that ends in its GATE, and name it in GATES.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from bot.domain.promotion import Ruling, Verdict
from bot.domain.reason import Reason
from bot.domain.reasons.lifecycle import HeldTooLong, NobodyDecided
from bot.rules.release.decision import PATIENTLY, SHORTLY, Review
from bot.rules.release.gates import approvals, base_branch, cluster, freeze, github, own_commit, soak, vetoes
from bot.rules.release.gates.gate import Gate

GATES: Final[tuple[Gate, ...]] = (
    vetoes.GATE,
    approvals.GATE,
    soak.GATE,
    freeze.GATE,
    cluster.GATE,
    own_commit.GATE,
    base_branch.GATE,
    github.GATE,
)


def judge(review: Review) -> tuple[Ruling, ...]:
    """Ask every gate."""
    return tuple(gate.ask(review) for gate in GATES)


def verdict(rulings: Iterable[Ruling]) -> Verdict:
    """Return the worst verdict: a promotion is as ready as its least ready gate."""
    return max((r.verdict for r in rulings), default=Verdict.PASS)


def consent(review: Review) -> tuple[Ruling, ...]:
    """Ask the gates that are ours: all but what GitHub itself still wants."""
    return tuple(gate.ask(review) for gate in GATES if gate.ours)


def blocked(review: Review) -> Ruling | None:
    """Return the ruling of the first gate that will never pass."""
    return next((ruling for ruling in judge(review) if ruling.verdict is Verdict.BLOCK), None)


def expired(review: Review) -> Reason | None:
    """Return what a promotion whose time is over still lacks; None where it outlasts all that holds it up."""
    if approvals.GATE.ask(review).verdict is not Verdict.PASS:
        return NobodyDecided()
    missing = (gate.ask(review) for gate in GATES if gate.may_expire)
    held = next((ruling.reason for ruling in missing if ruling.verdict is not Verdict.PASS), None)
    return HeldTooLong(held=held) if held is not None else None


def ends(review: Review) -> list[datetime]:
    """Return the moments to come at which a gate that holds the promotion up may pass by itself."""
    waiting = (gate.ends for gate in GATES if gate.ends is not None and gate.ask(review).verdict is Verdict.WAIT)
    moments = (end(review) for end in waiting)
    return [moment for moment in moments if moment is not None and moment > review.now]


def patience(review: Review) -> timedelta:
    """Return when to ask again without a wake-up: people may take days, and each look costs requests."""
    if review.voters.unsure is not None:
        return SHORTLY
    return min([PATIENTLY, *(end - review.now for end in ends(review))])


def overridable() -> tuple[str, ...]:
    """Return the names of the gates that an override passes, in alphabetical order."""
    return tuple(sorted(gate.name for gate in GATES if gate.overridable))
