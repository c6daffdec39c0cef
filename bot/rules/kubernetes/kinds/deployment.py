"""Deployments, as Argo CD judges them: https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health."""

from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Command
from bot.domain.reasons.told import Told
from bot.domain.reasons.workloads import DeadlineExceeded, RolloutPaused
from bot.rules.kubernetes.kinds.counters import OVERDUE, counted
from bot.rules.kubernetes.kinds.kind import NOT_OBSERVED, Answer, Kind, generation_observed, kubectl, replicas
from bot.rules.kubernetes.quoting import quote
from bot.rules.kubernetes.raw import condition, flag, owned_by, text

HASH: Final = "pod-template-hash"


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
    resume=_resume,
    wanted=replicas,
    is_current=_is_current,
)
