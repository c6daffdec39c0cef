"""StatefulSets, as Argo CD judges them, and as kstatus does where it is stricter.

https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/core.go
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.reasons.workloads import (
    ExtraPods,
    OnDelete,
    PodInTheWay,
    PodsCurrent,
    PodsExisting,
    PodsReady,
    PodsUpdated,
)
from bot.rules.kubernetes.kinds import pod as pod_kind
from bot.rules.kubernetes.kinds.kind import (
    NOT_OBSERVED,
    Answer,
    Kind,
    generation_observed,
    kubectl,
    replicas,
    rollout_restart,
)
from bot.rules.kubernetes.raw import at, is_true, mapping, number, owned_by, text


def _explain(obj: Json, _now: datetime | None) -> Answer:
    spec, status = mapping(obj, "spec"), mapping(obj, "status")
    wanted, updated = number(spec, "replicas", default=1), number(status, "updatedReplicas")
    if not generation_observed(obj) or number(status, "observedGeneration") == 0:
        return NOT_OBSERVED
    if (ready := number(status, "readyReplicas")) < wanted:
        return HealthStatus.PROGRESSING, PodsReady(count=ready, wanted=wanted)
    if text(spec, "updateStrategy", "type") == "OnDelete":
        return HealthStatus.HEALTHY, OnDelete()
    partition = _partition(obj)
    if partition and updated < wanted - partition:
        return HealthStatus.PROGRESSING, PodsUpdated(count=updated, wanted=wanted - partition, partition=partition)
    if not partition and text(status, "updateRevision") != text(status, "currentRevision"):
        return HealthStatus.PROGRESSING, PodsUpdated(count=updated, wanted=wanted)
    return HealthStatus.HEALTHY, PodsReady(count=ready, wanted=wanted)


def _partition(obj: Json) -> int:
    """Return the ordinal below which pods keep their revision."""
    return number(obj, "spec", "updateStrategy", "rollingUpdate", "partition")


def _wanted(obj: Json) -> int:
    return max(replicas(obj) - _partition(obj), 0)


def _doubt(obj: Json) -> Reason | None:
    """Return what kstatus waits for; with a partition it does not count the pods of the current revision."""
    if text(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return None
    wanted, pods, current = replicas(obj), *(number(obj, "status", f) for f in ("replicas", "currentReplicas"))
    if pods < wanted:
        return PodsExisting(count=pods, wanted=wanted)
    if pods > wanted:
        return ExtraPods(count=pods - wanted)
    partitioned = at(obj, "spec", "updateStrategy", "rollingUpdate", "partition") is not None
    return PodsCurrent(count=current, wanted=wanted) if current < wanted and not partitioned else None


def _to_do(workload: Json, pods: Sequence[Json]) -> Reason | None:
    """Return which pod to delete: with OnDelete any old one, else one that holds up every other.

    An `OrderedReady` set, which is the default, waits for each pod to be ready, also for one of a revision that is no
    longer wanted, as after a revert:
    https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback
    """
    old = [p for p in pods if owned_by(p, workload) and not _is_current(p, workload, None) and not _leaving(p)]
    if text(workload, "spec", "updateStrategy", "type") == "OnDelete":
        return OnDelete() if old else None
    if text(workload, "spec", "podManagementPolicy") == "Parallel":
        return None
    stuck = next((p for p in old if _is_stuck(p, workload)), None)
    if stuck is None:
        return None
    return PodInTheWay(pod=Name(text(stuck, "metadata", "name")), delete=kubectl("delete", {"kind": "Pod", **stuck}))


def _creates(workload: Json, pods: Sequence[Json]) -> bool:
    """Return whether a pod is missing, and an `OrderedReady` set waits for none of the others before it creates it."""
    parallel = text(workload, "spec", "podManagementPolicy") == "Parallel"
    return len(pods) < replicas(workload) and (parallel or all(is_true(p, "Ready") for p in pods))


def _is_stuck(pod: Json, workload: Json) -> bool:
    """Return whether an old pod will not become ready; one of the current revision may only be starting."""
    if is_true(pod, "Ready"):
        return False
    broken = pod_kind.KIND.explain(pod, None)[0] is HealthStatus.DEGRADED
    return broken or _revision(pod) != text(workload, "status", "currentRevision")


def _leaving(pod: Json) -> bool:
    return at(pod, "metadata", "deletionTimestamp") is not None


def _revision(pod: Json) -> str:
    return text(pod, "metadata", "labels", "controller-revision-hash")


def _is_current(pod: Json, workload: Json, _replicaset: Json | None) -> bool:
    return owned_by(pod, workload) and _revision(pod) == text(workload, "status", "updateRevision")


KIND: Final = Kind(
    group="apps",
    name="StatefulSet",
    resource="statefulsets",
    explain=_explain,
    observed=generation_observed,
    doubt=_doubt,
    to_do=_to_do,
    creates=_creates,
    restart=rollout_restart,
    wanted=_wanted,
    is_current=_is_current,
)
