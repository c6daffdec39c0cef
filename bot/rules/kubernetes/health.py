"""Judge how a rollout is going, and why.  Pure: a snapshot and the time in, a verdict with its reason out.

The order of the checks is kubectl's and Argo CD's, with one addition: problems of the new pods, and of no others,
count too.  A cause that may pass by itself is told at once, but fails a rollout only together with the workload's own
deadline.  HEALTHY is only what every published rule calls so.

The verdict has no memory: the caller remembers for how long a cause has lasted, and `Health.patience` says how long it
must last before it counts.  To add a check, write one function from `RolloutState` to `Finding` or None and name it in
`CHECKS`.

"Rolled out" is not success: only watching for a while longer shows a crash after the start.  During that time the pods
of the moment when the rollout was complete are judged (`only`): what an autoscaler does since is no rollout.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from bot.domain.cluster import Health, HealthStatus, Snapshot
from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.reasons.health import (
    Deleting,
    NextRun,
    NoNode,
    NoPodLeft,
    NoProgress,
    Paused,
    ReplicaSetMissing,
    ScaledToZero,
)
from bot.rules.kubernetes import ended
from bot.rules.kubernetes.causes import causes, together
from bot.rules.kubernetes.configmaps import older
from bot.rules.kubernetes.kinds import (
    cron_job,
    daemon_set,
    deployment,
    doubt,
    explain,
    kind_of,
    model_status,
    resume,
    scaled_to_zero,
    unobserved,
)
from bot.rules.kubernetes.kinds.counters import OVERDUE
from bot.rules.kubernetes.kinds.kind import NOT_OBSERVED, Answer
from bot.rules.kubernetes.quoting import quote_name
from bot.rules.kubernetes.raw import Malformed, at, condition, items, mapping, number, text
from bot.rules.kubernetes.refusals import Refusal, pods_refused, replicaset_refused
from bot.rules.kubernetes.state import RolloutState, read_state
from bot.rules.kubernetes.workloads import pin_of

NOT_CREATED: Final = timedelta(seconds=30)
"""How long pods must be refused (by a quota or by admission) before that counts."""
QUOTA_RETRY: Final = timedelta(minutes=5)
"""The same where a controller reports a quota by events: it tries again after pauses that double, so that it may not
have noticed yet that there is room."""
RECOVERY: Final = timedelta(minutes=1)
"""How long a missed deadline must stand before it counts: a rollout that is late may still succeed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check has found; no later check is asked."""

    status: HealthStatus
    reason: Reason
    patience: timedelta = timedelta(0)
    culprit: str | None = None


Check: TypeAlias = Callable[[RolloutState], Finding | None]


def judge(snapshot: Snapshot, *, now: datetime, stage: str, only: Collection[str] | None = None) -> Health:
    """Return how the rollout of one workload is going, and why.

    With `only`, the pods with these names are judged, and no others: not the workload's counters, nor pods that came
    later.  Those that are gone are no failure; the rollout is progressing again once none of them is left.

    Never raises: a malformed object is UNKNOWN, and the reason names the wrong field.
    """
    try:
        state = read_state(snapshot, now, stage, only)
        checks = CHECKS if only is None else CHECKS_OF_PODS
        found = next(finding for check in checks if (finding := check(state)) is not None)
        lasting = _lasting(state, checks) if found.status is HealthStatus.DEGRADED else ()
        about_model = model_status(state.workload)
    except Malformed as error:
        return Health(status=HealthStatus.UNKNOWN, reason=error.reason)
    return Health(
        status=found.status,
        reason=found.reason,
        wanted=state.wanted,
        ready=state.ready,
        pods=state.pods,
        pin=state.pin,
        pending=state.pending,
        patience=found.patience,
        lasting=lasting,
        culprit=found.culprit,
        model_status=about_model,
    )


def _lasting(state: RolloutState, checks: Sequence[Check]) -> tuple[Reason, ...]:
    """Return every cause for which the rollout is DEGRADED, or would be without the others."""
    of_pods = [trouble.reason for _, trouble in state.troubles if trouble.patience is not None]
    found = [finding for check in checks if (finding := check(state)) is not None]
    return tuple(dict.fromkeys([*of_pods, *(f.reason for f in found if f.status is HealthStatus.DEGRADED)]))


# ── the checks, in their order ───────────────────────────────────────────────────────────────────────


def _being_deleted(state: RolloutState) -> Finding | None:
    if at(state.workload, "metadata", "deletionTimestamp") is None:
        return None
    return Finding(status=HealthStatus.PROGRESSING, reason=Deleting(name=_name(state)))


def _paused(state: RolloutState) -> Finding | None:
    if (command := resume(state.workload)) is None:
        return None
    return Finding(status=HealthStatus.SUSPENDED, reason=Paused(name=_name(state), resume=command))


def _scaled_to_zero(state: RolloutState) -> Finding | None:
    if not scaled_to_zero(state.workload):
        return None
    return Finding(status=HealthStatus.SUSPENDED, reason=ScaledToZero(name=_name(state)))


def _replicaset_refused(state: RolloutState) -> Finding | None:
    """Find a ReplicaSet that cannot be created; the change is not counted as observed until it can."""
    refusal = replicaset_refused(state.workload) if _is_deployment(state) and state.replicaset is None else None
    return _refused(refusal, state, may_pass=refusal.may_pass) if refusal is not None else None


def _not_observed(state: RolloutState) -> Finding | None:
    if not unobserved(state.workload) and not state.behind:
        return None
    if (refused := _refused_by_events(state)) is not None:
        return refused
    status, reason = NOT_OBSERVED
    return Finding(status=status, reason=state.refused.reason if state.refused else reason)


def _no_node(state: RolloutState) -> Finding | None:
    if kind_of(state.workload) is not daemon_set.KIND or state.wanted > 0:
        return None
    return Finding(status=HealthStatus.SUSPENDED, reason=NoNode(name=_name(state)))


def _last_run(state: RolloutState) -> Finding | None:
    """Judge a CronJob that pins a version by its last run, if that is of this version already.

    Its Job counts the pods that failed.
    """
    if kind_of(state.workload) is not cron_job.KIND or state.pin is None:
        return None
    run, stage, configmaps = state.replicaset, state.stage, state.configmaps
    before = run is None or older(run, state.workload, stage, configmaps)
    if run is None or before or pin_of(run, stage, configmaps) != state.pin:
        schedule = quote_name(text(state.workload, "spec", "schedule"))
        return Finding(status=HealthStatus.PROGRESSING, reason=NextRun(name=_name(state), schedule=schedule))
    if (refused := _refused_by_events(state)) is not None:
        return refused
    status, reason = explain(run, now=state.now)
    culprit = next((text(pod, "metadata", "name") for pod in state.failed), None)
    return Finding(status=status, reason=reason, culprit=culprit)


def _no_progress(state: RolloutState) -> Finding | None:
    """Find a missed deadline, unless every pod is ready by now.

    It counts only if it names the new ReplicaSet: after a rollback, the old one's is still there.
    """
    progressing = condition(state.workload, "Progressing")
    name = text(state.replicaset or {}, "metadata", "name")
    mine = bool(name) and f'"{name}"' in text(progressing, "message")
    updated = number(state.workload, "status", "updatedReplicas")
    recovered = min(state.ready, updated) >= state.wanted
    if not _is_deployment(state) or text(progressing, "reason") != OVERDUE or not mine or recovered:
        return None
    deadline = timedelta(seconds=number(state.workload, "spec", "progressDeadlineSeconds", default=600))
    reason = NoProgress(deadline=deadline, progress=state.progress, cause=_cause(state))
    return Finding(status=HealthStatus.DEGRADED, reason=reason, patience=RECOVERY, culprit=_pod_to_inspect(state))


def _pod_failing(state: RolloutState) -> Finding | None:
    reason = together(causes(state.troubles))
    for pod, trouble in state.troubles[:1]:
        if reason is not None and trouble.patience is not None:
            culprit = pod.name if trouble.log_helps else None
            return Finding(status=HealthStatus.DEGRADED, reason=reason, patience=trouble.patience, culprit=culprit)
    return None


def _pods_not_created(state: RolloutState) -> Finding | None:
    refusal = pods_refused(state.replicaset or {})
    if refusal is None or refusal.may_pass or (refusal.quota and _frees_quota(state)):
        return None  # `_by_counts` tells people of it
    return _refused(refusal, state, may_pass=False)


def _refused_by_events(state: RolloutState) -> Finding | None:
    refusal = state.refused
    if refusal is None or refusal.may_pass or (refusal.quota and state.leaving):
        return None  # as above
    patience = QUOTA_RETRY if refusal.quota else NOT_CREATED
    return Finding(status=HealthStatus.DEGRADED, reason=refusal.reason, patience=patience)


def _no_replicaset(state: RolloutState) -> Finding | None:
    if not _is_deployment(state) or state.replicaset is not None:
        return None
    refusal = pods_refused(state.workload)  # which ReplicaSet's it is, is not known
    reason = replace(state.progress, detail=refusal.reason if refusal is not None else ReplicaSetMissing())
    return Finding(status=HealthStatus.PROGRESSING, reason=reason)


def _node_stopped(state: RolloutState) -> Finding | None:
    """Find a complete rollout of which a pod has ended with its node, and is about to be replaced elsewhere.

    It is as complete as it was: the pods that are left are ready, and the lost one says nothing about the version.
    """
    progressing, status = condition(state.workload, "Progressing"), mapping(state.workload, "status")
    complete = (text(progressing, "status"), text(progressing, "reason")) == ("True", deployment.COMPLETE)
    updated = number(status, "updatedReplicas")
    gone = sum(map(ended.with_its_node, state.failed))
    only_these_miss = 0 < state.ready == len(state.pods) < state.wanted <= state.ready + gone
    if not (_is_deployment(state) and complete and only_these_miss) or updated != number(status, "replicas"):
        return None
    reason = replace(state.progress, detail=ended.explain(state.failed))
    return Finding(status=HealthStatus.HEALTHY, reason=reason)


def _by_pods(state: RolloutState) -> Finding:
    """Judge by the pods that the caller named, of which none fails."""
    if not state.pods:
        return Finding(status=HealthStatus.PROGRESSING, reason=NoPodLeft())
    status = HealthStatus.HEALTHY if state.ready == len(state.pods) else HealthStatus.PROGRESSING
    return Finding(status=status, reason=replace(state.progress, detail=together(causes(state.troubles))))


def _by_counts(state: RolloutState) -> Finding:
    """Judge by the workload's counters and by the pods: they come from different watches, so both must agree."""
    status, explanation = _by_counters(state)
    if status not in {HealthStatus.HEALTHY, HealthStatus.PROGRESSING}:
        overdue = text(condition(state.workload, "Progressing"), "reason") == OVERDUE
        return Finding(status=status, reason=explanation, patience=RECOVERY if overdue else timedelta(0))
    detail = _cause(state) or together(causes(state.troubles))
    if state.ready < state.wanted:
        return Finding(status=HealthStatus.PROGRESSING, reason=replace(state.progress, detail=detail))
    if detail is None and status is HealthStatus.PROGRESSING:
        detail = explanation
    return Finding(status=status, reason=replace(state.progress, detail=detail))


# ── what the checks ask ──────────────────────────────────────────────────────────────────────────────


def _by_counters(state: RolloutState) -> Answer:
    """Return what the object says of itself, by every published rule.

    A deadline that `_no_progress` did not accept is ignored: it is another ReplicaSet's, or every pod is ready since.
    """
    workload = _without_deadline(state.workload) if _is_deployment(state) else state.workload
    status, reason = explain(workload, now=state.now)
    if status is not HealthStatus.HEALTHY or (waiting := doubt(workload)) is None:
        return status, reason
    failed = text(state.workload, "status", "phase") == "Failed"  # a pod: it never becomes healthy
    return HealthStatus.DEGRADED if failed else HealthStatus.PROGRESSING, waiting


def _without_deadline(workload: Json) -> Json:
    rest = [c for c in items(workload, "status", "conditions") if c.get("reason") != OVERDUE]
    return {**workload, "status": {**mapping(workload, "status"), "conditions": rest}}


def _refused(refusal: Refusal, state: RolloutState, *, may_pass: bool) -> Finding:
    if may_pass:
        return Finding(status=HealthStatus.PROGRESSING, reason=replace(state.progress, detail=refusal.reason))
    return Finding(status=HealthStatus.DEGRADED, reason=refusal.reason, patience=NOT_CREATED)


def _frees_quota(state: RolloutState) -> bool:
    """Return whether the quota has room, or is about to: a pod is leaving, or there are fewer pods than before.

    The ReplicaSet tries again after growing pauses, so that its condition lasts for a while after the pod is gone.
    https://github.com/kubernetes/kubernetes/issues/98656
    """
    return state.leaving or number(state.workload, "status", "replicas") < state.wanted


def _cause(state: RolloutState) -> Reason | None:
    """Return why not every pod is ready yet: what people must do, refused pods, problems of unready and ended ones."""
    refusal = pods_refused(state.replicaset or {})
    found = causes([(pod, trouble) for pod, trouble in state.troubles if not pod.ready])
    loop = ended.explain(state.failed) if state.ready < state.wanted and (not found or len(state.failed) > 1) else None
    refused = refusal or state.refused
    first = [r for r in (state.to_do, refused.reason if refused else None, state.pending) if r is not None]
    return together([*first, *found, *([loop] if loop else [])])


def _is_deployment(state: RolloutState) -> bool:
    return kind_of(state.workload) is deployment.KIND


def _name(state: RolloutState) -> Name:
    return Name(text(state.workload, "metadata", "name"))


def _pod_to_inspect(state: RolloutState) -> str | None:
    """Return the pod whose log may explain a stalled rollout: one that crashed, else one that is silently not ready."""
    crashed = [pod.name for pod, trouble in state.troubles if trouble.log_helps and not pod.ready]
    silent = [pod.name for pod in state.pods if not pod.ready and pod.address and pod.trouble is None]
    return next(iter(crashed + silent), None)


CHECKS: Final[tuple[Check, ...]] = (
    _being_deleted,
    _paused,
    _scaled_to_zero,
    _replicaset_refused,
    _not_observed,
    _no_node,
    _last_run,
    _no_progress,
    _pod_failing,
    _pods_not_created,
    _refused_by_events,
    _no_replicaset,
    _node_stopped,
    _by_counts,  # the last: it always finds something
)
CHECKS_OF_PODS: Final[tuple[Check, ...]] = (
    _being_deleted,
    _pod_failing,
    _by_pods,  # the last: it always finds something
)
"""The checks of the pods that the caller named: whether the workload is paused or was scaled does not matter then."""
