"""Deployments, as Argo CD judges them, and as kstatus does where it is stricter.

https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/core.go
"""

from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Command, Reason
from bot.domain.reasons.told import Told
from bot.domain.reasons.workloads import (
    Condition,
    DeadlineExceeded,
    ExtraPods,
    PodsExisting,
    PodsReady,
    RolloutPaused,
)
from bot.rules.kubernetes.kinds.counters import OVERDUE, counted
from bot.rules.kubernetes.kinds.kind import NOT_OBSERVED, Answer, Kind, generation_observed, kubectl, replicas
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import at, condition, flag, mapping, number, owned_by, text

HASH: Final = "pod-template-hash"
COMPLETE: Final = "NewReplicaSetAvailable"


def _explain(obj: Json, _now: datetime | None) -> Answer:
    if flag(obj, "spec", "paused"):
        return HealthStatus.SUSPENDED, RolloutPaused()
    if not generation_observed(obj):
        return NOT_OBSERVED
    progressing = condition(obj, "Progressing")
    if text(progressing, "reason") == OVERDUE:
        message = quote(text(progressing, "message"))
        return HealthStatus.DEGRADED, Told(text=message) if message else DeadlineExceeded()
    return counted(obj)


def _doubt(obj: Json) -> Reason | None:
    """Return what kstatus waits for: as many pods as wanted, no more, all ready, and both conditions True.

    A missing condition says nothing.  A deadline that was missed is no doubt once every pod is available: the
    controller leaves it until the next rollout.
    """
    wanted, status = replicas(obj), mapping(obj, "status")
    pods, ready = number(status, "replicas"), number(status, "readyReplicas")
    if pods < wanted:
        return PodsExisting(count=pods, wanted=wanted)
    if pods > wanted:
        return ExtraPods(count=pods - wanted)
    if ready < wanted:
        return PodsReady(count=ready, wanted=wanted)
    return _condition_in_doubt(obj)


def _condition_in_doubt(obj: Json) -> Reason | None:
    progressing, available = condition(obj, "Progressing"), condition(obj, "Available")
    finished = (text(progressing, "status"), text(progressing, "reason")) == ("True", COMPLETE)
    has_deadline = at(obj, "spec", "progressDeadlineSeconds") is not None
    if progressing and has_deadline and not finished and text(progressing, "reason") != OVERDUE:
        return _told(progressing)
    return _told(available) if available and text(available, "status") != "True" else None


def _told(found: Json) -> Condition:
    message = text(found, "message") or text(found, "reason") or text(found, "status")
    return Condition(type=quote_name(text(found, "type")), message=quote(message))


def _resume(obj: Json) -> Command | None:
    return kubectl("rollout resume", obj) if flag(obj, "spec", "paused") else None


def _is_current(pod: Json, _workload: Json, replicaset: Json | None) -> bool:
    if replicaset is None:
        return False
    mark = text(replicaset, "metadata", "labels", HASH)
    return owned_by(pod, replicaset) and (not mark or text(pod, "metadata", "labels", HASH) == mark)


KIND: Final = Kind(
    group="apps",
    name="Deployment",
    explain=_explain,
    observed=generation_observed,
    doubt=_doubt,
    resume=_resume,
    wanted=replicas,
    is_current=_is_current,
)
