"""What a kind of object is: its own word on how it is doing, and what follows from the kind alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.raw import mapping, number, owned_by

Answer: TypeAlias = tuple[HealthStatus, str]
"""A status, and the sentence that explains it."""

NOT_SEEN: Final[Answer] = (HealthStatus.PROGRESSING, "Kubernetes has yet to look at the latest change")


def observed(obj: Json) -> bool:
    """Say whether the controller has looked at the latest spec, by its generation."""
    generation = number(obj, "metadata", "generation")
    return generation <= number(obj, "status", "observedGeneration") and bool(mapping(obj, "status"))


def has_status(obj: Json) -> bool:
    """Say whether there is a status at all, for kinds that do not say which generation it is of."""
    return bool(mapping(obj, "status"))


def replicas(obj: Json) -> int:
    """Return how many pods the spec asks for."""
    return number(obj, "spec", "replicas", default=1)


def owns(pod: Json, workload: Json, _replicaset: Json | None) -> bool:
    """Say whether the workload is the pod's controller."""
    return owned_by(pod, workload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind.  What is left out is as for a kind that nobody wrote a rule for."""

    group: str
    """Its API group; empty for the core."""
    name: str
    explain: Callable[[Json, datetime | None], Answer]
    """How an object of it is doing.  The time is only for what takes time to count."""
    observed: Callable[[Json], bool] = observed
    """Whether the controller has looked at the latest spec."""
    wanted: Callable[[Json], int] | None = None
    """How many pods it asks for; None: it says no number."""
    is_current: Callable[[Json, Json, Json | None], bool] = owns
    """Whether a pod is of the new revision, of (pod, workload, its new ReplicaSet)."""
