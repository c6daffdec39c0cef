"""What a controller has decided: the writes and the events, in order; and the conditions that statuses carry.

Not here: any decision (`deployments.py`, `replicasets.py`), or the writing itself (`controllers.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

from bot.domain.json import Json
from callboard_demo.cluster.objects import stamp
from callboard_demo.cluster.resources import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write: the object as it is to be."""

    verb: Literal["create", "update", "status", "delete"]
    resource: Resource
    value: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """One core/v1 event."""

    about: Json
    reason: str
    message: str
    warning: bool = False


Step: TypeAlias = Write | Say


@dataclass(slots=True)
class Plan:
    """Steps in their order, and when to look again though nothing has changed."""

    steps: list[Step] = field(default_factory=list)
    again_in: float | None = None
    """Seconds."""

    def look_again(self, seconds: float) -> None:
        """Ask for another look in so many seconds, unless one is asked for sooner."""
        self.again_in = seconds if self.again_in is None else min(self.again_in, seconds)


# ── conditions ───────────────────────────────────────────────────────────────────────────────────────


def condition(kind: str, status: str, reason: str, message: str, now: datetime) -> Json:
    """Return a condition as Deployments carry it."""
    at = stamp(now)
    times = {"lastUpdateTime": at, "lastTransitionTime": at}
    return {"type": kind, "status": status, **times, "reason": reason, "message": message}


def find(conditions: Sequence[Json], kind: str) -> Json | None:
    """Return the condition of a type."""
    return next((c for c in conditions if c["type"] == kind), None)


def without(conditions: Sequence[Json], kind: str) -> list[Json]:
    """Return the conditions less the one of a type."""
    return [c for c in conditions if c["type"] != kind]


def with_condition(conditions: Sequence[Json], new: Json) -> list[Json]:
    """Return the conditions with a new one set, as `SetDeploymentCondition` does: same status and reason, no change."""
    old = find(conditions, new["type"])
    if old and (old["status"], old["reason"]) == (new["status"], new["reason"]):
        return list(conditions)
    if old and old["status"] == new["status"]:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [*without(conditions, new["type"]), new]
