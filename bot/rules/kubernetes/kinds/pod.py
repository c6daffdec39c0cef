"""Pods, as Argo CD judges them, and as kstatus does where it is stricter.

https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/core.go
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.pods import (
    ContainerWaiting,
    NotScheduled,
    PodCompleted,
    PodFailed,
    PodNotReady,
    PodReady,
    PodStarting,
    RunsToCompletion,
)
from bot.domain.reasons.told import Told
from bot.domain.reasons.workloads import Phase
from bot.rules.kubernetes.kinds.kind import NOT_OBSERVED, Answer, Kind, has_status
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import condition, is_true, items, mapping, moment, text

SCHEDULING: Final = timedelta(seconds=15)
"""How long a pod may wait for a node before people are told (kstatus' ScheduleWindow)."""

IGNORE_RESTART_POLICY: Final = "argocd.argoproj.io/ignore-restart-policy"


def _explain(obj: Json, now: datetime | None) -> Answer:
    restarts = _always_restarts(obj)
    waiting = [mapping(s, "state", "waiting") for s in items(obj, "status", "containerStatuses")] if restarts else []
    for reason, message in ((text(w, "reason"), text(w, "message")) for w in waiting):
        if reason.startswith("Err") or reason.endswith(("Error", "BackOff")):
            return HealthStatus.DEGRADED, ContainerWaiting(reason=quote_name(reason), message=quote(message))
    phase = text(obj, "status", "phase")
    rule = _POD_PHASES.get(phase)
    return rule(obj, now) if rule else (HealthStatus.UNKNOWN, Phase(phase=quote_name(phase)))


def _always_restarts(pod: Json) -> bool:
    anyway = text(pod, "metadata", "annotations", IGNORE_RESTART_POLICY) == "true"
    return anyway or text(pod, "spec", "restartPolicy") in {"", "Always"}


def _pending(pod: Json, now: datetime | None) -> Answer:
    scheduled, created = condition(pod, "PodScheduled"), moment(pod, "metadata", "creationTimestamp")
    if text(scheduled, "status") != "False" or text(scheduled, "reason") != "Unschedulable":
        return HealthStatus.PROGRESSING, PodStarting()
    young = now is not None and created is not None and now - created < SCHEDULING
    status = HealthStatus.PROGRESSING if young else HealthStatus.DEGRADED
    return status, NotScheduled(message=quote(text(scheduled, "message")))


def _running(pod: Json, _now: datetime | None) -> Answer:
    if not _always_restarts(pod):
        return HealthStatus.PROGRESSING, RunsToCompletion()
    if is_true(pod, "Ready"):
        return HealthStatus.HEALTHY, PodReady()
    restarted = any(mapping(s, "lastState", "terminated") for s in items(pod, "status", "containerStatuses"))
    return (HealthStatus.DEGRADED if restarted else HealthStatus.PROGRESSING), PodNotReady(restarted=restarted)


def _failed(pod: Json, _now: datetime | None) -> Answer:
    """Argo CD and kstatus differ: Argo CD says Degraded; kstatus says Current if the pod has completed."""
    completed = text(condition(pod, "Ready"), "reason") == "PodCompleted"
    message = quote(text(pod, "status", "message") or text(pod, "status", "reason"))
    status = HealthStatus.HEALTHY if completed else HealthStatus.DEGRADED
    return status, Told(text=message) if message else PodFailed()


Rule: TypeAlias = Callable[[Json, datetime | None], Answer]

_POD_PHASES: Final[Mapping[str, Rule]] = {
    "": lambda _pod, _now: NOT_OBSERVED,
    "Pending": _pending,
    "Running": _running,
    "Succeeded": lambda _pod, _now: (HealthStatus.HEALTHY, PodCompleted()),
    "Failed": _failed,
}


def _doubt(obj: Json) -> Reason | None:
    """Return a failure: kstatus counts a pod that has failed as current, Argo CD does not."""
    return PodFailed() if text(obj, "status", "phase") == "Failed" else None


def _spec(obj: Json) -> Json:
    return mapping(obj, "spec")


KIND: Final = Kind(
    group="", name="Pod", resource="pods", explain=_explain, observed=has_status, doubt=_doubt, pod_spec=_spec
)
