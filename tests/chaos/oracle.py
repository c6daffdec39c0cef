"""How a storm must end, derived only from what people do and how pods behave.  It imports nothing from the bot."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Fate(StrEnum):
    """What people and pods do with one new version."""

    APPROVED = "approved"
    TAKEN_BACK = "approved, and rolled back later"
    VETOED = "vetoed"
    CANCELLED = "cancelled"
    FORGOTTEN = "asked for and forgotten, until the next one is asked for"
    BREAKS_ON_STAGING = "its pods die on staging"
    BREAKS_ON_PRODUCTION = "its pods die on production"


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One promotion, and how it ends."""

    stage: str
    version: int
    back: bool = False
    word: str = "Released"


@dataclass(slots=True, kw_only=True)
class Model:
    """One model, as people understand it: its first versions run already."""

    newest: int = 2
    proven: dict[str, list[int]] = field(default_factory=lambda: {"staging": [2], "production": [1]})
    """The way back, on each stage; the last one is live."""
    ends: list[End] = field(default_factory=list)
    moves: list[tuple[str, int]] = field(default_factory=list)
    """Each move of an alias, in order."""
    forgotten: int | None = None

    def live(self, stage: str) -> int:
        """Return what a stage serves in the end."""
        return self.proven[stage][-1]

    def add(self, fate: Fate) -> None:
        """Live through one more version."""
        self.newest += 1
        if self._released("staging", breaks=fate is Fate.BREAKS_ON_STAGING):
            self._ask_for_production(fate)

    def _ask_for_production(self, fate: Fate) -> None:
        if self.forgotten is not None:
            self.ends[self.forgotten] = replace(self.ends[self.forgotten], word="Superseded")
            self.forgotten = None
        if fate in ENDINGS:
            self.ends.append(End(stage="production", version=self.newest, word=ENDINGS[fate]))
            self.forgotten = len(self.ends) - 1 if fate is Fate.FORGOTTEN else None
        elif self._released("production", breaks=fate is Fate.BREAKS_ON_PRODUCTION) and fate is Fate.TAKEN_BACK:
            self.proven["production"].pop()
            self._back("production")
            self.moves.append(("production", self.live("production")))

    def _released(self, stage: str, *, breaks: bool) -> bool:
        self.ends.append(End(stage=stage, version=self.newest, word="Failed" if breaks else "Released"))
        if breaks:
            self._back(stage)
            return False
        self.proven[stage].append(self.newest)
        self.moves.append((stage, self.newest))
        return True

    def _back(self, stage: str) -> None:
        self.ends.append(End(stage=stage, version=self.live(stage), back=True))


ENDINGS = {Fate.VETOED: "Rejected", Fate.CANCELLED: "Cancelled", Fate.FORGOTTEN: "waits"}
MERGED, CLOSED = {"Released", "Failed"}, {"Rejected", "Cancelled"}


def foretold(fates: Sequence[Fate]) -> Model:
    """Return what becomes of a model whose new versions meet these fates."""
    model = Model()
    for fate in fates:
        model.add(fate)
    return model


def pulls(models: Iterable[Model]) -> Counter[str]:
    """Return how many pull requests there are in each state: one that takes over another's place keeps its own."""
    words = [end.word for model in models for end in model.ends]
    counted = {
        "merged": sum(word in MERGED for word in words),
        "closed": sum(word in CLOSED for word in words),
        "open": words.count("waits"),
    }
    return Counter({state: number for state, number in counted.items() if number})
