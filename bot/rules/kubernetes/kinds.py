"""How one raw object is doing by its own word: the rules of Argo CD, kubectl and kstatus, kind by kind.

Not the verdict on a rollout: that is `bot.rules.kubernetes.health`, which also looks at the pods.  To add a kind, write
one function from the object to `Answer` and name it in `KINDS`.

Sources, each rule in the order of its source:
- https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health (Deployment, StatefulSet, DaemonSet, Pod)
- https://github.com/argoproj/argo-cd/tree/master/resource_customizations (Rollout, InferenceService)
- https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/core.go (ReplicaSet; Pod where stricter)
- https://github.com/kubernetes/kubectl/blob/master/pkg/polymorphichelpers/rollout_status.go (the words)
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.raw import Odd, condition, flag, items, mapping, moment, name, number, text, whole

Answer: TypeAlias = tuple[HealthStatus, str]
"""A status, and the sentence that explains it."""

SCHEDULING: Final = timedelta(seconds=15)
"""How long a pod may look for a node before it is said (kstatus' ScheduleWindow)."""
OVERDUE: Final = "ProgressDeadlineExceeded"


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
    kind = KINDS.get((group, text(obj, "kind")))
    if kind is None:
        return HealthStatus.UNKNOWN, f"{name(obj)}: no rule for {text(obj, 'apiVersion') or 'no apiVersion'}"
    if moment(obj, "metadata", "deletionTimestamp") is not None:
        return HealthStatus.PROGRESSING, "being deleted"
    return kind(obj, now)


def unobserved(obj: Json) -> bool:
    """Say whether the controller has yet to look at the latest spec (no status at all included)."""
    match text(obj, "kind"):
        case "Rollout":
            return not _rollout_observed(obj)
        case "Pod" | "InferenceService":  # older ones do not say
            return not mapping(obj, "status")
        case _:
            generation = number(obj, "metadata", "generation")
            return generation > number(obj, "status", "observedGeneration") or not mapping(obj, "status")


def counted(obj: Json) -> Answer:
    """Return what a Deployment's counters say: kubectl's order, which is Argo CD's too."""
    wanted, status = number(obj, "spec", "replicas", default=1), mapping(obj, "status")
    updated, available = number(status, "updatedReplicas"), number(status, "availableReplicas")
    if updated < wanted:
        return HealthStatus.PROGRESSING, f"{updated} of {wanted} new pods exist"
    if (old := number(status, "replicas") - updated) > 0:
        return HealthStatus.PROGRESSING, f"{old} old {_pods(old)} still to end"
    if available < updated:
        return HealthStatus.PROGRESSING, f"{available} of {updated} new pods are available"
    return HealthStatus.HEALTHY, f"{available} of {wanted} pods are available"


def _pods(count: int) -> str:
    return "pod" if count == 1 else "pods"


NOT_SEEN: Final[Answer] = (HealthStatus.PROGRESSING, "Kubernetes has yet to look at the latest change")


def _deployment(obj: Json, _now: datetime | None) -> Answer:
    if flag(obj, "spec", "paused"):
        return HealthStatus.SUSPENDED, "paused"
    if unobserved(obj):
        return NOT_SEEN
    progressing = condition(obj, "Progressing")
    if text(progressing, "reason") == OVERDUE:
        return HealthStatus.DEGRADED, text(progressing, "message") or "the progress deadline is exceeded"
    return counted(obj)


def _stateful_set(obj: Json, _now: datetime | None) -> Answer:
    spec, status = mapping(obj, "spec"), mapping(obj, "status")
    wanted, updated = number(spec, "replicas", default=1), number(status, "updatedReplicas")
    if unobserved(obj) or number(status, "observedGeneration") == 0:
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


def _daemon_set(obj: Json, _now: datetime | None) -> Answer:
    status = mapping(obj, "status")
    if unobserved(obj):
        return NOT_SEEN
    if text(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return HealthStatus.HEALTHY, "pods are renewed when somebody deletes them (OnDelete)"
    wanted = number(status, "desiredNumberScheduled")
    for field, word in (("updatedNumberScheduled", "new"), ("numberAvailable", "available"), ("numberReady", "ready")):
        if (have := number(status, field)) < wanted:
            return HealthStatus.PROGRESSING, f"{have} of {wanted} pods are {word}"
    return HealthStatus.HEALTHY, f"{wanted} of {wanted} pods are ready"


def _replica_set(obj: Json, _now: datetime | None) -> Answer:
    failure = condition(obj, "ReplicaFailure")
    if unobserved(obj):
        return NOT_SEEN
    if text(failure, "status") == "True":  # kstatus' answer: a quota may be raised; `judge` says when it has lasted
        return HealthStatus.PROGRESSING, text(failure, "message") or "pods cannot be created"
    wanted = number(obj, "spec", "replicas", default=1)
    for field, word in (("fullyLabeledReplicas", "labelled"), ("availableReplicas", "available")):
        if (have := number(obj, "status", field)) < wanted:
            return HealthStatus.PROGRESSING, f"{have} of {wanted} pods are {word}"
    return HealthStatus.HEALTHY, f"{wanted} of {wanted} pods are available"


def _pod(obj: Json, now: datetime | None) -> Answer:
    waiting = [mapping(s, "state", "waiting") for s in items(obj, "status", "containerStatuses")] if _lasts(obj) else []
    for reason, message in ((text(w, "reason"), text(w, "message")) for w in waiting):
        if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
            return HealthStatus.DEGRADED, f"{reason}: {message}" if message else reason
    phase = text(obj, "status", "phase")
    rule = _POD_PHASES.get(phase)
    return rule(obj, now) if rule else (HealthStatus.UNKNOWN, f"phase {phase}")


def _lasts(pod: Json) -> bool:
    anyway = text(pod, "metadata", "annotations", "argocd.argoproj.io/ignore-restart-policy") == "true"
    return anyway or text(pod, "spec", "restartPolicy") in {"", "Always"}


def _pending(pod: Json, now: datetime | None) -> Answer:
    scheduled, created = condition(pod, "PodScheduled"), moment(pod, "metadata", "creationTimestamp")
    if text(scheduled, "status") != "False" or text(scheduled, "reason") != "Unschedulable":
        return HealthStatus.PROGRESSING, "not running yet"
    said = f"not scheduled: {text(scheduled, 'message') or 'no node takes it'}"
    young = now is not None and created is not None and now - created < SCHEDULING
    return (HealthStatus.PROGRESSING if young else HealthStatus.DEGRADED), said


def _running(pod: Json, _now: datetime | None) -> Answer:
    if not _lasts(pod):
        return HealthStatus.PROGRESSING, "runs until it is done"
    if text(condition(pod, "Ready"), "status") == "True":
        return HealthStatus.HEALTHY, "ready"
    if any(mapping(s, "lastState", "terminated") for s in items(pod, "status", "containerStatuses")):
        return HealthStatus.DEGRADED, "not ready, and restarted before"
    return HealthStatus.PROGRESSING, "running, not ready yet"


def _ended(pod: Json, _now: datetime | None) -> Answer:
    """Of two minds: Argo CD says Degraded, kstatus says completed, although not with success."""
    completed = text(condition(pod, "Ready"), "reason") == "PodCompleted"
    said = text(pod, "status", "message") or text(pod, "status", "reason") or "has ended without success"
    return (HealthStatus.HEALTHY if completed else HealthStatus.DEGRADED), said


Rule: TypeAlias = Callable[[Json, datetime | None], Answer]

_POD_PHASES: Final[Mapping[str, Rule]] = {
    "": lambda _pod, _now: NOT_SEEN,
    "Pending": _pending,
    "Running": _running,
    "Succeeded": lambda _pod, _now: (HealthStatus.HEALTHY, "has run to its end"),
    "Failed": _ended,
}


def _rollout(obj: Json, _now: datetime | None) -> Answer:
    if unobserved(obj):
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


def _rollout_observed(obj: Json) -> bool:
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


def _inference_service(obj: Json, _now: datetime | None) -> Answer:
    conditions = items(obj, "status", "conditions")
    said = _first_unready(conditions)
    transition = text(obj, "status", "modelStatus", "transitionStatus")
    if transition not in {"", "UpToDate", "InProgress"}:
        failure = text(obj, "status", "modelStatus", "lastFailureInfo", "message")
        return HealthStatus.DEGRADED, f"{transition}: {failure or said}"
    if text(condition(obj, "Stopped"), "status") == "True":
        return HealthStatus.SUSPENDED, "stopped"
    if transition == "InProgress" or not conditions or said:
        return HealthStatus.PROGRESSING, said or transition or NOT_SEEN[1]
    return HealthStatus.HEALTHY, "every condition is True"


def _first_unready(conditions: list[Json]) -> str:
    """Return the sentence of `Ready`, else of the first condition that is not True; empty where all are."""
    unready = [c for c in conditions if text(c, "status") != "True" and text(c, "type") != "Stopped"]
    for seen in sorted(unready, key=lambda c: text(c, "type") != "Ready"):
        return f"{text(seen, 'type')}: {text(seen, 'message') or text(seen, 'reason') or text(seen, 'status')}"
    return ""


KINDS: Final[Mapping[tuple[str, str], Rule]] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): _replica_set,
    ("", "Pod"): _pod,
    ("argoproj.io", "Rollout"): _rollout,
    ("serving.kserve.io", "InferenceService"): _inference_service,
}
"""By API group and kind."""
