"""A controller's plan: writes and events in order.  Also helpers for the conditions of a status.

Not here: the decisions (`deployments.py`, `replicasets.py`) and the writing (`controllers.py`).
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
    """One write: the object to store."""

    verb: Literal["create", "update", "status", "delete"]
    resource: Resource
    value: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One core/v1 event to report."""

    about: Json
    reason: str
    message: str
    warning: bool = False


Step: TypeAlias = Write | Report


@dataclass(slots=True)
class Plan:
    """Steps in order, and when to reconcile again even if nothing has changed."""

    steps: list[Step] = field(default_factory=list)
    again_in: float | None = None
    """Seconds."""

    def requeue(self, seconds: float) -> None:
        """Request another pass in so many seconds, unless one is due sooner."""
        self.again_in = seconds if self.again_in is None else min(self.again_in, seconds)


# ── conditions ────────────────────────────────────────────────────────────────────────────────────────


def condition(kind: str, status: str, reason: str, message: str, now: datetime) -> Json:
    """Return a condition as Deployments carry it."""
    at = stamp(now)
    times = {"lastUpdateTime": at, "lastTransitionTime": at}
    return {"type": kind, "status": status, **times, "reason": reason, "message": message}


def find(conditions: Sequence[Json], kind: str) -> Json | None:
    """Return the condition of this type."""
    return next((c for c in conditions if c["type"] == kind), None)


def without(conditions: Sequence[Json], kind: str) -> list[Json]:
    """Return the conditions without the one of this type."""
    return [c for c in conditions if c["type"] != kind]


def with_condition(conditions: Sequence[Json], new: Json) -> list[Json]:
    """Return the conditions with a new one, as `SetDeploymentCondition` does: same status and reason, no change."""
    old = find(conditions, new["type"])
    if old and (old["status"], old["reason"]) == (new["status"], new["reason"]):
        return list(conditions)
    if old and old["status"] == new["status"]:
        new = {**new, "lastTransitionTime": old["lastTransitionTime"]}
    return [*without(conditions, new["type"]), new]
