"""The ReplicaSet controller: from a ReplicaSet and its pods to a plan.  Pure.

Source: https://github.com/kubernetes/kubernetes/blob/v1.20.2/pkg/controller/replicaset/replica_set.go and
…/pkg/controller/controller_utils.go (which pods go first).  Not here: adoption of foreign pods.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.domain.json import Json
from callboard_demo.cluster.objects import moment, random_suffix, stamp
from callboard_demo.cluster.plans import Plan, Report, Write, find, without
from callboard_demo.cluster.resources import PODS, REPLICASETS

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def ready_since(pod: Json) -> datetime | None:
    """Return since when a pod is ready; None if it is not."""
    found = find((pod.get("status") or {}).get("conditions") or [], "Ready")
    return moment(found["lastTransitionTime"]) if found and found["status"] == "True" else None


def is_active(pod: Json) -> bool:
    """Return whether a pod is active: not finished and not terminating."""
    ended = (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
    return not ended and not pod["metadata"].get("deletionTimestamp")


def plan(owner: Json, pods: Sequence[Json], now: datetime) -> Plan:
    """Return the pods to create or delete for a ReplicaSet that owns these pods.  `status` computes its status."""
    result = Plan()
    active = [pod for pod in pods if is_active(pod)]
    missing = owner["spec"]["replicas"] - len(active)
    if owner["metadata"].get("deletionTimestamp"):
        return result
    for _ in range(missing):
        result.steps.append(Write(verb="create", resource=PODS, value=_pod(owner)))
    for pod in sorted(active, key=lambda p: _keep_rank(p, now))[: max(0, -missing)]:
        result.steps.append(Write(verb="delete", resource=PODS, value=pod))
        name = pod["metadata"]["name"]
        result.steps.append(Report(about=owner, reason="SuccessfulDelete", message=f"Deleted pod: {name}"))
    return result


def _pod(owner: Json) -> Json:
    meta, template = owner["metadata"], owner["spec"]["template"]
    reference = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": meta["name"], "uid": meta["uid"]}
    named = {
        "generateName": f"{meta['name']}-",
        "name": f"{meta['name']}-{random_suffix()}",
        "namespace": meta["namespace"],
    }
    copied = {k: template["metadata"][k] for k in ("labels", "annotations") if template["metadata"].get(k)}
    owners = [{**reference, "controller": True, "blockOwnerDeletion": True}]
    return {**_kind(), "metadata": {**named, **copied, "ownerReferences": owners}, "spec": template["spec"]}


def _kind() -> Json:
    return {"apiVersion": "v1", "kind": "Pod"}


def _keep_rank(pod: Json, now: datetime) -> tuple[Any, ...]:
    """Return a sort key by which the pods to delete come first (`ActivePodsWithRanks`)."""
    status, ready = pod.get("status") or {}, ready_since(pod)
    restarts = max((c.get("restartCount", 0) for c in status.get("containerStatuses") or ()), default=0)
    ready_for = (now - ready).total_seconds() if ready else 0.0
    age = (now - moment(pod["metadata"]["creationTimestamp"])).total_seconds()
    phase = _PHASES.get(status.get("phase", "Pending"), 1)
    return bool(pod["spec"].get("nodeName")), phase, ready is not None, ready_for, -restarts, age


def status(owner: Json, pods: Sequence[Json], failure: str | None, now: datetime) -> Plan:
    """Return a ReplicaSet's status; `failure` says why pods could not be created."""
    result = Plan()
    active = [pod for pod in pods if is_active(pod)]
    patience = timedelta(seconds=owner["spec"].get("minReadySeconds", 0))
    since = [ready for ready in map(ready_since, active) if ready is not None]
    available = [ready for ready in since if not patience or ready + patience <= now]
    waiting = [ready + patience - now for ready in since if patience and ready + patience > now]
    if waiting:
        result.requeue(max(0.05, min(waiting).total_seconds()))
    counts = {"readyReplicas": len(since), "availableReplicas": len(available), "fullyLabeledReplicas": len(active)}
    value: Json = {"replicas": len(active), **{k: v for k, v in counts.items() if v}}
    value["observedGeneration"] = owner["metadata"]["generation"]
    if conditions := _conditions(owner, failure, now):
        value["conditions"] = conditions
    if value != (owner.get("status") or {}):
        result.steps.append(Write(verb="status", resource=REPLICASETS, value={**owner, "status": value}))
    return result


def _conditions(owner: Json, failure: str | None, now: datetime) -> list[Json]:
    before = (owner.get("status") or {}).get("conditions") or []
    if failure is None:
        return without(before, "ReplicaFailure")
    if find(before, "ReplicaFailure"):
        return list(before)
    texts = {"reason": "FailedCreate", "message": failure}
    return [*before, {"type": "ReplicaFailure", "status": "True", "lastTransitionTime": stamp(now), **texts}]
