"""Judge how a rollout is going, and why.  Pure: a snapshot and the time in, a verdict with its reason out.

The order of the checks is kubectl's and Argo CD's, with one addition: problems of the new pods, and of no others,
count too.  The verdict has no memory: the caller remembers for how long a cause has lasted, and `Health.patience` says
how long it must last before it counts.  To add a check, write one function from `RolloutState` to `Finding` or None and
name it in `CHECKS`.

"Rolled out" is not success: only watching for a while longer shows a crash after the start.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from bot.domain.cluster import Health, HealthStatus, Snapshot
from bot.domain.reason import Name, Reason
from bot.domain.reasons.health import (
    Deleting,
    NoProgress,
    Paused,
    PodFailing,
    PodsNotCreated,
    QuotaExceeded,
    ReplicaSetMissing,
)
from bot.rules.kubernetes.kinds import deployment, explain, kind_of, resume, unobserved
from bot.rules.kubernetes.kinds.counters import OVERDUE
from bot.rules.kubernetes.kinds.kind import NOT_OBSERVED, Answer
from bot.rules.kubernetes.quoting import quote
from bot.rules.kubernetes.raw import Malformed, at, condition, items, mapping, number, text
from bot.rules.kubernetes.state import RolloutState, read_state

NOT_CREATED: Final = timedelta(seconds=30)
"""How long pods must be refused (by a quota or by admission) before that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check has found; no later check is asked."""

    status: HealthStatus
    reason: Reason
    patience: timedelta = timedelta(0)
    culprit: str | None = None


def judge(snapshot: Snapshot, *, now: datetime, stage: str) -> Health:
    """Return how the rollout of one workload is going, and why.

    Never raises: a malformed object is UNKNOWN, and the reason names the wrong field.
    """
    try:
        state = read_state(snapshot, now, stage)
        found = next(finding for check in CHECKS if (finding := check(state)) is not None)
    except Malformed as error:
        return Health(status=HealthStatus.UNKNOWN, reason=error.reason)
    return Health(
        status=found.status,
        reason=found.reason,
        wanted=state.wanted,
        ready=state.ready,
        pods=state.pods,
        pin=state.pin,
        patience=found.patience,
        culprit=found.culprit,
    )


# ── the checks, in their order ───────────────────────────────────────────────────────────────────────


def _being_deleted(state: RolloutState) -> Finding | None:
    if at(state.workload, "metadata", "deletionTimestamp") is None:
        return None
    reason = Deleting(name=Name(text(state.workload, "metadata", "name")))
    return Finding(status=HealthStatus.PROGRESSING, reason=reason)


def _paused(state: RolloutState) -> Finding | None:
    if (command := resume(state.workload)) is None:
        return None
    name = Name(text(state.workload, "metadata", "name"))
    return Finding(status=HealthStatus.SUSPENDED, reason=Paused(name=name, resume=command))


def _not_observed(state: RolloutState) -> Finding | None:
    if not unobserved(state.workload):
        return None
    status, reason = NOT_OBSERVED
    return Finding(status=status, reason=reason)


def _no_progress(state: RolloutState) -> Finding | None:
    """Find a missed deadline only if it names the new ReplicaSet: after a rollback, the old one's is still there."""
    message = text(condition(state.workload, "Progressing"), "message")
    name = text(state.replicaset or {}, "metadata", "name")
    overdue = text(condition(state.workload, "Progressing"), "reason") == OVERDUE
    if not _is_deployment(state) or not overdue or not name or f'"{name}"' not in message:
        return None
    deadline = timedelta(seconds=number(state.workload, "spec", "progressDeadlineSeconds", default=600))
    reason = NoProgress(deadline=deadline, progress=state.progress, cause=_worst_trouble(state))
    return Finding(status=HealthStatus.DEGRADED, reason=reason, culprit=_pod_to_inspect(state))


def _pod_failing(state: RolloutState) -> Finding | None:
    worst = _worst_trouble(state)
    for pod, trouble in state.troubles[:1]:
        if worst is not None and trouble.patience is not None:
            culprit = pod.name if trouble.log_helps else None
            return Finding(status=HealthStatus.DEGRADED, reason=worst, patience=trouble.patience, culprit=culprit)
    return None


def _pods_not_created(state: RolloutState) -> Finding | None:
    failure = condition(state.replicaset or {}, "ReplicaFailure")
    if text(failure, "status") != "True":
        return None
    message = text(failure, "message")
    _, quota, rest = message.partition("exceeded quota: ")
    refused = PodsNotCreated(message=quote(message or text(failure, "reason")))
    reason: Reason = QuotaExceeded(message=quote(rest)) if quota else refused
    return Finding(status=HealthStatus.DEGRADED, reason=reason, patience=NOT_CREATED)


def _no_replicaset(state: RolloutState) -> Finding | None:
    if not _is_deployment(state) or state.replicaset is not None:
        return None
    reason = replace(state.progress, detail=ReplicaSetMissing())
    return Finding(status=HealthStatus.PROGRESSING, reason=reason)


def _by_counts(state: RolloutState) -> Finding:
    """Judge by the workload's counters and by the pods: they come from different watches, so both must agree."""
    status, explanation = _by_counters(state)
    if status not in {HealthStatus.HEALTHY, HealthStatus.PROGRESSING}:
        return Finding(status=status, reason=explanation)
    detail: Reason | None = _worst_trouble(state)
    if state.ready < state.wanted:
        return Finding(status=HealthStatus.PROGRESSING, reason=replace(state.progress, detail=detail))
    if detail is None and status is HealthStatus.PROGRESSING:
        detail = explanation
    return Finding(status=status, reason=replace(state.progress, detail=detail))


def _by_counters(state: RolloutState) -> Answer:
    """Ignore a deadline that `_no_progress` did not accept: it is another ReplicaSet's."""
    if not _is_deployment(state):
        return explain(state.workload, now=state.now)
    rest = [c for c in items(state.workload, "status", "conditions") if c.get("type") != "Progressing"]
    status = {**mapping(state.workload, "status"), "conditions": rest}
    return explain({**state.workload, "status": status}, now=state.now)


def _is_deployment(state: RolloutState) -> bool:
    return kind_of(state.workload) is deployment.KIND


def _worst_trouble(state: RolloutState) -> PodFailing | None:
    """Return the problem that counts soonest, and how many other new pods have one that counts then too."""
    for pod, trouble in state.troubles[:1]:
        more = sum(other.patience == trouble.patience for _, other in state.troubles) - 1
        return PodFailing(pod=Name(pod.name), trouble=trouble.reason, more=more)
    return None


def _pod_to_inspect(state: RolloutState) -> str | None:
    """Return the pod whose log may explain a stalled rollout: one that crashed, else one that is silently not ready."""
    crashed = [pod.name for pod, trouble in state.troubles if trouble.log_helps]
    silent = [pod.name for pod in state.pods if not pod.ready and pod.address and pod.trouble is None]
    return next(iter(crashed + silent), None)


Check: TypeAlias = Callable[[RolloutState], Finding | None]

CHECKS: Final[tuple[Check, ...]] = (
    _being_deleted,
    _paused,
    _not_observed,
    _no_progress,
    _pod_failing,
    _pods_not_created,
    _no_replicaset,
    _by_counts,  # the last: it always finds something
)
