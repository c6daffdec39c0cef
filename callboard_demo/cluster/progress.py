"""The status of a Deployment: its counts, and the conditions Progressing, Available and ReplicaFailure.  Pure.

Source: https://github.com/kubernetes/kubernetes/blob/v1.20.2/pkg/controller/deployment/progress.go, texts included.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.domain.json import Json
from callboard_demo.cluster import sizes
from callboard_demo.cluster.objects import moment
from callboard_demo.cluster.plans import condition, find, with_condition, without

AVAILABLE: Final = "NewReplicaSetAvailable"
TIMED_OUT: Final = "ProgressDeadlineExceeded"
_NEVER: Final = 2**31 - 1


def has_deadline(deployment: Json) -> bool:
    """Return whether the Deployment has a progress deadline."""
    seconds = deployment["spec"].get("progressDeadlineSeconds")
    return seconds is not None and seconds != _NEVER


def calculated(deployment: Json, sets: Sequence[Json], new: Json | None, now: datetime) -> Json:
    """Return the counts and the Available condition; zero counts are omitted, as with Go's `omitempty`."""
    available = sizes.have(sets, "availableReplicas")
    before = deployment.get("status") or {}
    counts = {
        "observedGeneration": deployment["metadata"]["generation"],
        "replicas": sizes.have(sets),
        "updatedReplicas": sizes.have([new]) if new else 0,
        "readyReplicas": sizes.have(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, sizes.wanted(sets) - available),
        "collisionCount": before.get("collisionCount", 0),
    }
    conditions = before.get("conditions") or []
    enough = available >= deployment["spec"]["replicas"] - sizes.max_unavailable(deployment)
    reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
    text = f"Deployment {'has' if enough else 'does not have'} minimum availability."
    new_condition = condition("Available", str(enough), reason, text, now)
    return {**{k: v for k, v in counts.items() if v}, "conditions": with_condition(conditions, new_condition)}


def complete(deployment: Json, status: Json) -> bool:
    """Return whether a rollout is complete: all pods are new and available, and there are no old ones."""
    replicas = deployment["spec"]["replicas"]
    counts = {status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas")}
    return counts == {replicas} and status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]


def rolled(deployment: Json, sets: Sequence[Json], new: Json | None, now: datetime) -> Json:
    """Return the whole status during a rollout (`syncRolloutStatus`)."""
    status = calculated(deployment, sets, new, now)
    conditions: list[Json] = status["conditions"]
    present = find((deployment.get("status") or {}).get("conditions") or [], "Progressing")
    if not has_deadline(deployment):
        conditions = without(conditions, "Progressing")
    elif not _finished(status, present):
        conditions = _progressed(deployment, status, new, present, now)
    failure = _failure(sets, new)
    conditions = with_condition(conditions, failure) if failure else without(conditions, "ReplicaFailure")
    return {**status, "conditions": conditions}


def _finished(status: Json, present: Json | None) -> bool:
    all_new = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    return all_new and present is not None and present["reason"] == AVAILABLE


def _progressed(deployment: Json, status: Json, new: Json | None, present: Json | None, now: datetime) -> list[Json]:
    conditions: list[Json] = status["conditions"]
    who = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if complete(deployment, status):
        done = condition("Progressing", "True", AVAILABLE, f"{who} has successfully progressed.", now)
        return with_condition(conditions, done)
    if _advanced(deployment.get("status") or {}, status):
        moving = condition("Progressing", "True", "ReplicaSetUpdated", f"{who} is progressing.", now)
        if present and present["status"] == "True":
            moving["lastTransitionTime"] = present["lastTransitionTime"]
        return [*without(conditions, "Progressing"), moving]
    if _timed_out(deployment, status, now):
        late = condition("Progressing", "False", TIMED_OUT, f"{who} has timed out progressing.", now)
        return with_condition(conditions, late)
    return conditions


def _advanced(before: Json, after: Json) -> bool:
    def old(status: Json) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    more = any(after.get(n, 0) > before.get(n, 0) for n in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    return more or old(after) < old(before)


def _timed_out(deployment: Json, status: Json, now: datetime) -> bool:
    present = find(status["conditions"], "Progressing")
    if present is None or present["reason"] == AVAILABLE:
        return False
    patience = timedelta(seconds=deployment["spec"]["progressDeadlineSeconds"])
    return present["reason"] == TIMED_OUT or moment(present["lastUpdateTime"]) + patience < now


def deadline_in(deployment: Json, status: Json, now: datetime) -> float | None:
    """Return in how many seconds to check the deadline; None if there is nothing to wait for."""
    present = find(status.get("conditions") or [], "Progressing")
    if not has_deadline(deployment) or present is None or complete(deployment, status):
        return None
    if present["reason"] in {TIMED_OUT, AVAILABLE}:
        return None
    patience = timedelta(seconds=deployment["spec"]["progressDeadlineSeconds"])
    left = moment(present["lastUpdateTime"]) + patience - now
    return max(0.05, left.total_seconds() + 0.05)


def _failure(sets: Sequence[Json], new: Json | None) -> Json | None:
    for each in [*([new] if new else ()), *sets]:
        found = find((each.get("status") or {}).get("conditions") or [], "ReplicaFailure")
        if found:
            return {**found, "lastUpdateTime": found["lastTransitionTime"]}
    return None
