"""How one raw object is doing by its own word: the rules of Argo CD, kubectl and kstatus, kind by kind.

Not the verdict on a rollout: that is `bot.rules.kubernetes.health`, which also looks at the pods.  To add a kind, write
one file here that ends in its KIND, and name it in KINDS.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.kinds import (
    daemon_set,
    deployment,
    inference_service,
    pod,
    replica_set,
    rollout,
    stateful_set,
)
from bot.rules.kubernetes.kinds.kind import Answer, Kind, observed, owns
from bot.rules.kubernetes.raw import Odd, moment, name, text

KINDS: Final[tuple[Kind, ...]] = (
    deployment.KIND,
    stateful_set.KIND,
    daemon_set.KIND,
    replica_set.KIND,
    pod.KIND,
    rollout.KIND,
    inference_service.KIND,
)
_BY_GROUP_AND_NAME: Final[Mapping[tuple[str, str], Kind]] = {(kind.group, kind.name): kind for kind in KINDS}
_BY_NAME: Final[Mapping[str, Kind]] = {kind.name: kind for kind in KINDS}


def status_of(obj: Json, *, now: datetime | None = None) -> HealthStatus:
    """Return how the object is doing by its own word; UNKNOWN for a kind that is not known here.  Never raises."""
    return explain(obj, now=now)[0]


def explain(obj: Json, *, now: datetime | None = None) -> Answer:
    """Return how the object is doing, and why.  Never raises: an odd object is UNKNOWN, with what is odd about it.

    `now` is only for what takes time to count (a pod that finds no node); without it, it counts at once.
    """
    try:
        return _explain(obj, now)
    except Odd as odd:
        return HealthStatus.UNKNOWN, f"not as Kubernetes describes it: {odd}"


def _explain(obj: Json, now: datetime | None) -> Answer:
    group = text(obj, "apiVersion").rpartition("/")[0]
    kind = _BY_GROUP_AND_NAME.get((group, text(obj, "kind")))
    if kind is None:
        return HealthStatus.UNKNOWN, f"{name(obj)}: no rule for {text(obj, 'apiVersion') or 'no apiVersion'}"
    if moment(obj, "metadata", "deletionTimestamp") is not None:
        return HealthStatus.PROGRESSING, "being deleted"
    return kind.explain(obj, now)


def unobserved(obj: Json) -> bool:
    """Say whether the controller has yet to look at the latest spec (no status at all included)."""
    kind = _BY_NAME.get(text(obj, "kind"))
    return not (kind.observed if kind else observed)(obj)


def is_current(pod: Json, workload: Json, replicaset: Json | None) -> bool:
    """Say whether a pod is of the workload's new revision; `replicaset` is a Deployment's new one."""
    kind = _BY_NAME.get(text(workload, "kind"))
    return (kind.is_current if kind else owns)(pod, workload, replicaset)


def wanted(workload: Json, pods: int) -> int:
    """Return how many pods the workload asks for; where the kind says no number, as many as there are."""
    kind = _BY_NAME.get(text(workload, "kind"))
    return kind.wanted(workload) if kind and kind.wanted else pods
