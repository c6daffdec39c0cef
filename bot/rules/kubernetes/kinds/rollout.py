"""Argo Rollouts, as Argo CD judges them: https://github.com/argoproj/argo-cd/tree/master/resource_customizations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Command
from bot.domain.reasons.told import Told
from bot.domain.reasons.workloads import Phase, RolloutPaused, TrafficNotSwitched
from bot.rules.kubernetes.kinds.counters import OVERDUE, counted
from bot.rules.kubernetes.kinds.kind import (
    NOT_OBSERVED,
    Answer,
    Borrowed,
    Kind,
    in_namespace,
    replicas,
    set_false,
    told,
)
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import flag, items, mapping, number, text, whole

HASH: Final = "rollouts-pod-template-hash"
WORKLOAD_GENERATION: Final = "rollout.argoproj.io/workload-generation"


def _explain(obj: Json, _now: datetime | None) -> Answer:
    if not _observed(obj):
        return NOT_OBSERVED
    if phase := text(obj, "status", "phase"):
        message = quote(text(obj, "status", "message"))
        reason = Told(text=message) if message else Phase(phase=quote_name(phase))
        return _PHASES.get(phase, HealthStatus.UNKNOWN), reason
    return _legacy_rollout(obj)


_PHASES: Final = {
    "Healthy": HealthStatus.HEALTHY,
    "Progressing": HealthStatus.PROGRESSING,
    "Degraded": HealthStatus.DEGRADED,
    "Paused": HealthStatus.SUSPENDED,
}


def _observed(obj: Json) -> bool:
    """Return whether the controller has processed the latest spec.

    Up to v0.9 observedGeneration is a hash.  If that happens to be all digits, it is larger than any generation.
    """
    if not mapping(obj, "status"):
        return False
    observed = whole(text(obj, "status", "observedGeneration"))
    if observed is not None and observed < number(obj, "metadata", "generation"):
        return False
    of_workload = text(obj, "metadata", "annotations", WORKLOAD_GENERATION)
    return not of_workload or text(obj, "status", "workloadObservedGeneration") == of_workload


def _legacy_rollout(obj: Json) -> Answer:
    for found in items(obj, "status", "conditions"):
        kind = text(found, "type")
        aborted = kind == "Progressing" and text(found, "reason") in {OVERDUE, "RolloutAborted"}
        if aborted or kind == "InvalidSpec":
            return HealthStatus.DEGRADED, told(found)
    if items(obj, "status", "pauseConditions") or flag(obj, "spec", "paused"):
        return HealthStatus.SUSPENDED, RolloutPaused()
    current = text(obj, "status", "currentPodHash")
    if not current:
        return NOT_OBSERVED
    canary = mapping(obj, "spec", "strategy").get("canary") is not None
    answer = counted(obj if canary else _only_new(obj))
    stable = text(obj, "status", "stableRS") or text(obj, "status", "canary", "stableRS")
    active = stable if canary else text(obj, "status", "blueGreen", "activeSelector")
    if answer[0] is HealthStatus.HEALTHY and active and active != current:
        return HealthStatus.PROGRESSING, TrafficNotSwitched()
    return answer


def _only_new(obj: Json) -> Json:
    """Return the object without its old pods: blue-green keeps them for a while after the switch."""
    status = mapping(obj, "status")
    return {**obj, "status": {**status, "replicas": min(number(status, "replicas"), number(status, "updatedReplicas"))}}


def _resume(obj: Json) -> Command | None:
    """Return a patch: the plugin of Argo Rollouts has no command for it; its `promote` may skip a step as well."""
    return set_false(obj, "paused") if flag(obj, "spec", "paused") else None


def _restart(obj: Json) -> Command:
    """Return the command of the plugin, which sets `restartAt`: https://argo-rollouts.readthedocs.io/en/stable/features/restart/."""
    name = quote_name(text(obj, "metadata", "name"))
    return Command(" ".join(["kubectl", "argo", "rollouts", "restart", name]) + in_namespace(obj))


def _replicaset(workload: Json, replicasets: Sequence[Json]) -> Json | None:
    return next((r for r in replicasets if _is_current(r, workload, None)), None)


def _is_current(obj: Json, workload: Json, _replicaset: Json | None) -> bool:
    """Return whether a pod or ReplicaSet has the mark of the new revision."""
    mark = text(workload, "status", "currentPodHash")
    return bool(mark) and mapping(obj, "metadata", "labels").get(HASH) == mark


def _referred(obj: Json) -> str:
    """Return the name of the Deployment in which the template is; Argo scales it down.

    https://argo-rollouts.readthedocs.io/en/stable/migrating/#reference-deployment-from-rollout
    """
    reference = mapping(obj, "spec", "workloadRef")
    of_deployment = (text(reference, "apiVersion"), text(reference, "kind")) == ("apps/v1", "Deployment")
    return text(reference, "name") if of_deployment else ""


def _complete(obj: Json, deployment: Json) -> Json:
    """Return the Rollout with the template, and with the generation of the Deployment that Argo has to observe.

    Argo copies that generation into the annotation, but only once it has noticed the change.
    https://github.com/argoproj/argo-rollouts/blob/master/rollout/templateref.go
    """
    meta, generation = mapping(obj, "metadata"), str(number(deployment, "metadata", "generation"))
    annotations = {**mapping(meta, "annotations"), WORKLOAD_GENERATION: generation}
    template = mapping(deployment, "spec", "template")
    spec = {**mapping(obj, "spec"), "template": template}
    return {**obj, "metadata": {**meta, "annotations": annotations}, "spec": spec}


KIND: Final = Kind(
    group="argoproj.io",
    name="Rollout",
    resource="rollouts",
    version="v1alpha1",
    between=("replicasets",),
    borrowed=Borrowed(resource="deployments", name=_referred, complete=_complete),
    replicaset=_replicaset,
    explain=_explain,
    observed=_observed,
    resume=_resume,
    restart=_restart,
    wanted=replicas,
    is_current=_is_current,
)
