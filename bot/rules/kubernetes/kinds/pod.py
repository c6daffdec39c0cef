"""Pods, as Argo CD judges them, and kstatus where it is stricter.

https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/core.go
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.kinds.kind import NOT_SEEN, Answer, Kind, has_status
from bot.rules.kubernetes.raw import condition, items, mapping, moment, text

SCHEDULING: Final = timedelta(seconds=15)
"""How long a pod may look for a node before it is said (kstatus' ScheduleWindow)."""


def _explain(obj: Json, now: datetime | None) -> Answer:
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

KIND: Final = Kind(group="", name="Pod", explain=_explain, observed=has_status)
