"""Deployments, as Argo CD judges them, and as kstatus does where it is stricter.

https://github.com/argoproj/argo-cd/tree/master/gitops-engine/pkg/health
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/status/core.go
"""

from collections.abc import Sequence
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
from bot.rules.kubernetes.kinds.kind import (
    NOT_OBSERVED,
    Answer,
    Kind,
    generation_observed,
    kubectl,
    replicas,
    rollout_restart,
)
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import at, condition, flag, mapping, number, owned_by, text

HASH: Final = "pod-template-hash"
COMPLETE: Final = "NewReplicaSetAvailable"
REVISION: Final = "deployment.kubernetes.io/revision"


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


def _replicaset(workload: Json, replicasets: Sequence[Json]) -> Json | None:
    """Return the ReplicaSet of the current template.

    The template decides, as in the controller.  The revision decides only between ReplicaSets that have the same
    template, or of which none is known: with the strategy Recreate, the first status after a rollback still has the
    number of the old revision, and a manifest that was exported from a cluster may set a number for ever.
    https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/deployment/util/deployment_util.go
    """
    owned = [r for r in replicasets if owned_by(r, workload)]
    revision, template = _revision(workload), _template(workload)
    alike = [r for r in owned if template and _template(r) == template]
    unknown = [r for r in owned if not (template and _template(r)) and _revision(r) == revision]
    return next(iter(sorted(alike, key=lambda r: _revision(r) != revision) + unknown), None)


def _revision(obj: Json) -> str:
    return text(obj, "metadata", "annotations", REVISION)


def _template(obj: Json) -> Json:
    """Return the pod template without the label and the timestamp that the controller adds."""
    template = mapping(obj, "spec", "template")
    meta = {k: v for k, v in mapping(template, "metadata").items() if k != "creationTimestamp"}
    labels = {k: v for k, v in mapping(meta, "labels").items() if k != HASH}
    return {**template, "metadata": {**meta, "labels": labels}} if template else {}


KIND: Final = Kind(
    group="apps",
    name="Deployment",
    resource="deployments",
    between=("replicasets",),
    replicaset=_replicaset,
    explain=_explain,
    observed=generation_observed,
    doubt=_doubt,
    resume=_resume,
    restart=rollout_restart,
    wanted=replicas,
    is_current=_is_current,
)
