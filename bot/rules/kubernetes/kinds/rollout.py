"""Argo Rollouts, as Argo CD judges them: https://github.com/argoproj/argo-cd/tree/master/resource_customizations."""

from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.kinds.counters import OVERDUE, counted
from bot.rules.kubernetes.kinds.kind import NOT_SEEN, Answer, Kind, replicas
from bot.rules.kubernetes.raw import flag, items, mapping, number, text, whole


def _explain(obj: Json, _now: datetime | None) -> Answer:
    if not _observed(obj):
        return NOT_SEEN
    if phase := text(obj, "status", "phase"):
        return _PHASES.get(phase, HealthStatus.UNKNOWN), text(obj, "status", "message") or phase
    return _legacy_rollout(obj)


_PHASES: Final = {
    "Healthy": HealthStatus.HEALTHY,
    "Progressing": HealthStatus.PROGRESSING,
    "Degraded": HealthStatus.DEGRADED,
    "Paused": HealthStatus.SUSPENDED,
}


def _observed(obj: Json) -> bool:
    """Up to v0.9 observedGeneration is a hash, which may happen to be all digits: then it is far too large."""
    if not mapping(obj, "status"):
        return False
    observed = whole(text(obj, "status", "observedGeneration"))
    if observed is not None and observed < number(obj, "metadata", "generation"):
        return False
    of_workload = text(obj, "metadata", "annotations", "rollout.argoproj.io/workload-generation")
    return not of_workload or text(obj, "status", "workloadObservedGeneration") == of_workload


def _legacy_rollout(obj: Json) -> Answer:
    for seen in items(obj, "status", "conditions"):
        aborted = text(seen, "type") == "Progressing" and text(seen, "reason") in {OVERDUE, "RolloutAborted"}
        if aborted or text(seen, "type") == "InvalidSpec":
            return HealthStatus.DEGRADED, text(seen, "message")
    if items(obj, "status", "pauseConditions") or flag(obj, "spec", "paused"):
        return HealthStatus.SUSPENDED, "paused"
    current = text(obj, "status", "currentPodHash")
    if not current:
        return NOT_SEEN
    canary = mapping(obj, "spec", "strategy").get("canary") is not None
    answer = counted(obj if canary else _only_new(obj))
    stable = text(obj, "status", "stableRS") or text(obj, "status", "canary", "stableRS")
    active = stable if canary else text(obj, "status", "blueGreen", "activeSelector")
    if answer[0] is HealthStatus.HEALTHY and active and active != current:
        return HealthStatus.PROGRESSING, "the new pods do not have all of the traffic yet"
    return answer


def _only_new(obj: Json) -> Json:
    """Blue-green keeps its old pods for a while after the switch: they are no reason to wait."""
    status = mapping(obj, "status")
    return {**obj, "status": {**status, "replicas": min(number(status, "replicas"), number(status, "updatedReplicas"))}}


def _is_current(pod: Json, workload: Json, _replicaset: Json | None) -> bool:
    mark = mapping(pod, "metadata", "labels").get("rollouts-pod-template-hash")
    return mark == text(workload, "status", "currentPodHash")


KIND: Final = Kind(
    group="argoproj.io", name="Rollout", explain=_explain, observed=_observed, wanted=replicas, is_current=_is_current
)
