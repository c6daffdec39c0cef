"""How one raw object is doing by its own status: the rules of Argo CD, kubectl and kstatus, kind by kind.

This is not the verdict on a rollout: `bot.rules.kubernetes.health` gives that, and also judges the pods.  To add a
kind, write one file here that ends in its KIND, and name it in KINDS.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.domain.cluster import HealthStatus, ModelStatus
from bot.domain.json import Json
from bot.domain.reason import Command, Name, Reason
from bot.domain.reasons.health import Deleting
from bot.domain.reasons.workloads import NoHealthRule
from bot.domain.target import Place
from bot.rules.kubernetes.kinds import (
    cron_job,
    daemon_set,
    deployment,
    inference_service,
    job,
    pod,
    replica_set,
    rollout,
    stateful_set,
)
from bot.rules.kubernetes.kinds.kind import Answer, Kind, owns, replicas, template_spec
from bot.rules.kubernetes.raw import Malformed, moment, text

KINDS: Final[tuple[Kind, ...]] = (
    deployment.KIND,
    stateful_set.KIND,
    daemon_set.KIND,
    replica_set.KIND,
    pod.KIND,
    rollout.KIND,
    inference_service.KIND,
    job.KIND,
    cron_job.KIND,
)
_BY_GROUP_AND_NAME: Final[Mapping[tuple[str, str], Kind]] = {(kind.group, kind.name): kind for kind in KINDS}


RESOURCES: Final[Mapping[str, Kind]] = {kind.resource: kind for kind in KINDS}
"""Each kind by its plural name in the API."""


def named(group: str, name: str) -> Kind | None:
    """Return a kind by its API group and name; None without a rule for it."""
    return _BY_GROUP_AND_NAME.get((group, name))


def followed(place: Place | None) -> Kind:
    """Return the kind of the workload at a place; a Deployment, where the manifests do not contain it."""
    kind = named(*place.kind) if place is not None and place.kind is not None else None
    return kind or deployment.KIND


def kind_of(obj: Json) -> Kind | None:
    """Return the kind of an object; None without a rule for it, as for a Volcano Job, which is not a batch/v1 Job."""
    group = text(obj, "apiVersion").rpartition("/")[0]
    return _BY_GROUP_AND_NAME.get((group, text(obj, "kind")))


def status_of(obj: Json, *, now: datetime | None = None) -> HealthStatus:
    """Return how the object is doing by its own status; UNKNOWN for a kind without a rule.  Never raises."""
    return explain(obj, now=now)[0]


def explain(obj: Json, *, now: datetime | None = None) -> Answer:
    """Return how the object is doing, and why.  Never raises: a malformed object is UNKNOWN, with the wrong field.

    `now` is only for what counts after a while (a pod without a node); without it, that counts at once.
    """
    try:
        return _explain(obj, now)
    except Malformed as error:
        return HealthStatus.UNKNOWN, error.reason


def _explain(obj: Json, now: datetime | None) -> Answer:
    kind = kind_of(obj)
    if kind is None:
        return HealthStatus.UNKNOWN, _no_rule(obj)
    if moment(obj, "metadata", "deletionTimestamp") is not None:
        return HealthStatus.PROGRESSING, Deleting(name=Name(text(obj, "metadata", "name")))
    return kind.explain(obj, now)


def _no_rule(obj: Json) -> NoHealthRule:
    kind, name, version = text(obj, "kind"), text(obj, "metadata", "name"), text(obj, "apiVersion")
    return NoHealthRule(kind=Name(kind), name=Name(name), api_version=Name(version))


def unobserved(obj: Json) -> bool:
    """Return whether the controller has not processed the latest spec yet (also where there is no status at all).

    That of a kind without a rule counts as processed: whether it says so is not known, and its health is UNKNOWN.
    """
    kind = kind_of(obj)
    return kind is not None and not kind.observed(obj)


def doubt(obj: Json) -> Reason | None:
    """Return what another published rule still waits for in an object that `explain` calls healthy."""
    kind = kind_of(obj)
    return kind.doubt(obj) if kind else None


def scaled_to_zero(obj: Json) -> bool:
    """Return whether the object asks for 0 pods.  A ReplicaSet without pods is only an old revision."""
    kind = kind_of(obj)
    scales = kind is not None and kind.wanted is replicas and kind is not replica_set.KIND
    return scales and replicas(obj) == 0


def resume(obj: Json) -> Command | None:
    """Return the command that resumes an object that somebody paused by its spec; None if nobody did."""
    kind = kind_of(obj)
    return kind.resume(obj) if kind else None


def to_do(workload: Json, pods: Sequence[Json]) -> Reason | None:
    """Return what somebody must do before the workload's controller goes on; None if it goes on by itself."""
    kind = kind_of(workload)
    return kind.to_do(workload, pods) if kind else None


def creates(obj: Json, pods: Sequence[Json]) -> bool:
    """Return whether a controller that reports refused pods only by events should create one; `pods` are alive."""
    kind = kind_of(obj)
    return kind is not None and kind.creates(obj, pods)


def restart(workload: Json) -> Command | None:
    """Return the command that replaces all pods of the workload; None if its next run has what is new."""
    kind = kind_of(workload)
    return kind.restart(workload) if kind else None


def pod_spec(workload: Json) -> Json:
    """Return the pod spec in a workload, of which its pods are made; empty if there is none."""
    kind = kind_of(workload)
    return (kind.pod_spec if kind else template_spec)(workload)


def is_current(pod: Json, workload: Json, replicaset: Json | None) -> bool:
    """Return whether a pod is of the workload's new revision; `replicaset` is that revision's."""
    kind = kind_of(workload)
    return (kind.is_current if kind else owns)(pod, workload, replicaset)


def model_status(workload: Json) -> ModelStatus | None:
    """Return what the workload says of its model; None for most kinds."""
    kind = kind_of(workload)
    return kind.model_status(workload) if kind else None


def wanted(workload: Json, pods: int) -> int:
    """Return how many pods the workload asks for; `pods`, as far as is known, where its kind has no number."""
    kind = kind_of(workload)
    return kind.wanted(workload) if kind and kind.wanted else pods
