"""What has changed in a cluster, told in the terms by which targets find their workloads."""

from dataclasses import dataclass, field
from typing import TypeAlias

from bot.domain.target import Place, Target

Serves: TypeAlias = tuple[str, str]
"""MODEL_NAME and MODEL_STAGE of a container."""


@dataclass(slots=True, kw_only=True)
class Touched:
    """The workloads of one namespace that have changed, or own what has.  Mutable."""

    whole: bool = False
    """Everything may have changed: it was listed, or is no longer current."""
    workloads: set[str] = field(default_factory=set)
    """By name."""
    serving: set[Serves] = field(default_factory=set)

    def __bool__(self) -> bool:
        """Return whether anything has changed."""
        return self.whole or bool(self.workloads) or bool(self.serving)

    def concerns(self, target: Target, place: Place | None) -> bool:
        """Return whether a target's workload is among them."""
        named = place is not None and place.workload in self.workloads
        return self.whole or named or (target.model, target.stage) in self.serving
