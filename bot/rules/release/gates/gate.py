"""What a gate is: one demand on a promotion, and how it behaves in every place that has to know it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from bot.domain.promotion import Fact, FactKind, Kind, Promotion, Ruling, Verdict
from bot.rules.release.decision import Evidence
from bot.rules.wording.blocks import mention
from bot.rules.wording.escape import quoted

Judge: TypeAlias = Callable[[Evidence, Promotion], Ruling]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One demand.  No trait has a default, so that whoever writes a gate decides each."""

    name: str
    """Its name in the documentation."""
    demand: str
    """What it demands, for docs/configuration.md."""
    judge: Judge
    """Rules on the demand.  Pure; it reads no clock, no network and no settings."""
    holds_rollbacks: bool
    """False: a return to an earlier version passes without being judged."""
    overridden: str | None
    """What `--override` goes on in spite of: "a freeze".  None: nobody may override it."""
    may_expire: bool
    """False: an approved promotion outlasts it, however long it waits."""
    ends: Callable[[Evidence, Promotion], datetime | None] | None
    """When waiting may end by itself, which is when to look again; None: only something that happens can end it."""
    ours: bool
    """False: GitHub's own demand, which our word at the pull request's head does not repeat."""

    def ask(self, seen: Evidence, it: Promotion) -> Ruling:
        """Return the ruling, an override included."""
        if it.kind is Kind.ROLLBACK and not self.holds_rollbacks:
            return Ruling(verdict=Verdict.PASS, because="going back is never held up")
        ruling = self.judge(seen, it)
        word = _override(seen) if self.overridden is not None and ruling.verdict is Verdict.WAIT else None
        if word is None:
            return ruling
        because = f"{ruling.because}; overridden by {mention(word.by)} ({quoted(word.reason)})"
        return Ruling(verdict=Verdict.PASS, because=because)


def _override(seen: Evidence) -> Fact | None:
    """Return the word of somebody who may override what holds the promotion up."""
    return next((f for f in seen.facts if f.kind is FactKind.OVERRIDE and f.by in seen.overriders), None)
