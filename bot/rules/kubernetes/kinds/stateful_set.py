"""StatefulSets, as Argo CD judges them: https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health."""

from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.kinds.kind import NOT_SEEN, Answer, Kind, observed, replicas
from bot.rules.kubernetes.raw import mapping, number, owned_by, text


def _explain(obj: Json, _now: datetime | None) -> Answer:
    spec, status = mapping(obj, "spec"), mapping(obj, "status")
    wanted, updated = number(spec, "replicas", default=1), number(status, "updatedReplicas")
    if not observed(obj) or number(status, "observedGeneration") == 0:
        return NOT_SEEN
    if (ready := number(status, "readyReplicas")) < wanted:
        return HealthStatus.PROGRESSING, f"{ready} of {wanted} pods are ready"
    if text(spec, "updateStrategy", "type") == "OnDelete":
        return HealthStatus.HEALTHY, "pods are renewed when somebody deletes them (OnDelete)"
    partition = number(spec, "updateStrategy", "rollingUpdate", "partition")
    if partition and updated < wanted - partition:
        return HealthStatus.PROGRESSING, f"{updated} of {wanted - partition} pods are new (partition {partition})"
    if not partition and text(status, "updateRevision") != text(status, "currentRevision"):
        return HealthStatus.PROGRESSING, f"{updated} of {wanted} pods are new"
    return HealthStatus.HEALTHY, f"{ready} of {wanted} pods are ready"


def _is_current(pod: Json, workload: Json, _replicaset: Json | None) -> bool:
    revision = text(pod, "metadata", "labels", "controller-revision-hash")
    return owned_by(pod, workload) and revision == text(workload, "status", "updateRevision")


KIND: Final = Kind(group="apps", name="StatefulSet", explain=_explain, wanted=replicas, is_current=_is_current)
