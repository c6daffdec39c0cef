"""CronJobs, as Argo CD judges them: https://github.com/argoproj/argo-cd/tree/master/resource_customizations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reason import Command
from bot.domain.reasons.workloads import CronJobSuspended, LastRun, NeverScheduled
from bot.rules.kubernetes.kinds.kind import NOT_OBSERVED, Answer, Kind, set_false
from bot.rules.kubernetes.raw import at, flag, items, mapping, moment, owned_by, text


def _explain(obj: Json, _now: datetime | None) -> Answer:
    if flag(obj, "spec", "suspend"):
        return HealthStatus.SUSPENDED, CronJobSuspended()
    if not _observed(obj):
        return NOT_OBSERVED
    scheduled, succeeded = moment(obj, "status", "lastScheduleTime"), moment(obj, "status", "lastSuccessfulTime")
    if scheduled is None:
        return HealthStatus.HEALTHY, NeverScheduled()
    if succeeded is None or items(obj, "status", "active"):
        return HealthStatus.HEALTHY, LastRun(succeeded=None)  # it may have failed, but only its Job would tell
    healthy = succeeded >= scheduled
    return HealthStatus.HEALTHY if healthy else HealthStatus.DEGRADED, LastRun(succeeded=healthy)


def _observed(obj: Json) -> bool:
    """Return whether there is a status: it stays empty until the first run, and has no observed generation."""
    return at(obj, "status") is not None


def _resume(obj: Json) -> Command | None:
    return set_false(obj, "suspend") if flag(obj, "spec", "suspend") else None


def _pod_spec(obj: Json) -> Json:
    return mapping(obj, "spec", "jobTemplate", "spec", "template", "spec")


def _last_run(workload: Json, jobs: Sequence[Json]) -> Json | None:
    its = [job for job in jobs if owned_by(job, workload)]
    return max(its, key=lambda job: text(job, "metadata", "creationTimestamp"), default=None)


def _is_current(pod: Json, _workload: Json, job: Json | None) -> bool:
    return job is not None and owned_by(pod, job)


KIND: Final = Kind(
    group="batch",
    name="CronJob",
    resource="cronjobs",
    between=("jobs",),
    pod_spec=_pod_spec,
    replicaset=_last_run,
    is_current=_is_current,
    explain=_explain,
    observed=_observed,
    resume=_resume,
)
