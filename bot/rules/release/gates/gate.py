"""What a gate is: one demand on a promotion, and how it behaves in every place that has to know it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import TypeAlias

from bot.domain.promotion import Fact, FactKind, Kind, Ruling, Verdict
from bot.domain.reason import Said, User
from bot.domain.reasons.approval import NothingToMerge, Overridden, RollbacksPass
from bot.rules.release.decision import PullReview, Review

Judge: TypeAlias = Callable[[Review], Ruling]


def of_a_pull_request(judge: Callable[[PullReview], Ruling]) -> Judge:
    """Return the same demand, which passes where Git holds the pin already: it is about a pull request."""

    @wraps(judge)
    def ask(review: Review) -> Ruling:
        if isinstance(review, PullReview):
            return judge(review)
        return Ruling(verdict=Verdict.PASS, reason=NothingToMerge())

    return ask


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One demand.  No trait has a default, so that a new gate has to decide each."""

    name: str
    """Its name in the documentation."""
    judge: Judge
    """Rules on the demand.  Pure; it reads no clock, network or settings.  Its docstring says what it demands."""
    holds_rollbacks: bool
    """False: a return to an earlier version passes without being judged."""
    overridable: bool
    """`--override` passes it, where somebody gives it who may; False: nobody may."""
    may_expire: bool
    """False: an approved promotion outlasts it, however long it waits."""
    ends: Callable[[Review], datetime | None] | None
    """When waiting may end by itself, which is when to look again; asked only while the gate waits.

    None: only something that happens can end it.
    """
    ours: bool
    """False: GitHub's own demand, which the status at the pull request's head does not repeat."""

    @property
    def demand(self) -> str:
        """Return what it demands, for docs/configuration.md."""
        return (self.judge.__doc__ or "").rstrip(".")

    def ask(self, review: Review) -> Ruling:
        """Return the ruling, an override included."""
        if review.promotion.kind is Kind.ROLLBACK and not self.holds_rollbacks:
            return Ruling(verdict=Verdict.PASS, reason=RollbacksPass())
        ruling = self.judge(review)
        fact = _override(review) if self.overridable and ruling.verdict is Verdict.WAIT else None
        if fact is None:
            return ruling
        overridden = Overridden(held=ruling.reason, by=User(fact.by), note=Said(fact.reason))
        return Ruling(verdict=Verdict.PASS, reason=overridden)


def _override(review: Review) -> Fact | None:
    """Return the fact that somebody who may do so overrode what holds the promotion up."""
    return next((f for f in review.facts if f.kind is FactKind.OVERRIDE and f.by in review.voters.overriders), None)
