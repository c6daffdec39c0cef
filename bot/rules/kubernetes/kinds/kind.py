"""What a kind of workload is: how to read an object's own status, and what follows from the kind alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.health import ChangeNotObserved
from bot.rules.kubernetes.raw import mapping, number, owned_by

Answer: TypeAlias = tuple[HealthStatus, Reason]
"""A status, and why."""

NOT_OBSERVED: Final[Answer] = (HealthStatus.PROGRESSING, ChangeNotObserved())


def observed(obj: Json) -> bool:
    """Return whether the controller has processed the latest spec, by its generation."""
    generation = number(obj, "metadata", "generation")
    return generation <= number(obj, "status", "observedGeneration") and bool(mapping(obj, "status"))


def has_status(obj: Json) -> bool:
    """Return whether there is a status at all, for kinds that do not publish an observed generation."""
    return bool(mapping(obj, "status"))


def replicas(obj: Json) -> int:
    """Return how many pods the spec asks for."""
    return number(obj, "spec", "replicas", default=1)


def owns(pod: Json, workload: Json, _replicaset: Json | None) -> bool:
    """Return whether the workload is the pod's controller."""
    return owned_by(pod, workload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind.  The defaults also serve kinds that have no file here."""

    group: str
    """Its API group; empty for the core group."""
    name: str
    explain: Callable[[Json, datetime | None], Answer]
    """How an object of this kind is doing.  The time is only for what counts after a while."""
    observed: Callable[[Json], bool] = observed
    """Whether the controller has processed the latest spec."""
    wanted: Callable[[Json], int] | None = None
    """How many pods it asks for; None where the spec has no number."""
    is_current: Callable[[Json, Json, Json | None], bool] = owns
    """Whether a pod is of the new revision, of (pod, workload, its new ReplicaSet)."""
