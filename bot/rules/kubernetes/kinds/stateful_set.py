"""StatefulSets, as Argo CD judges them, and as kstatus does where it is stricter.

https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/core.go
"""

from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.workloads import ExtraPods, OnDelete, PodsCurrent, PodsExisting, PodsReady, PodsUpdated
from bot.rules.kubernetes.kinds.kind import NOT_OBSERVED, Answer, Kind, generation_observed, replicas
from bot.rules.kubernetes.raw import at, mapping, number, owned_by, text


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


def _is_current(pod: Json, workload: Json, _replicaset: Json | None) -> bool:
    revision = text(pod, "metadata", "labels", "controller-revision-hash")
    return owned_by(pod, workload) and revision == text(workload, "status", "updateRevision")


KIND: Final = Kind(
    group="apps",
    name="StatefulSet",
    resource="statefulsets",
    explain=_explain,
    observed=generation_observed,
    doubt=_doubt,
    wanted=_wanted,
    is_current=_is_current,
)
