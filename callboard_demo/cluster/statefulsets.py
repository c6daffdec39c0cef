"""The StatefulSet controller: from a StatefulSet with its revisions and pods to a plan.  Pure.

A port of the real controller's `updateStatefulSet`, in its order: at most one pod is created or deleted in a pass,
unless the pods are managed in parallel.
Source: https://github.com/kubernetes/kubernetes/blob/v1.20.2/pkg/controller/statefulset/stateful_set_control.go and
…/stateful_set_utils.go.  Not here: the revisions (`history.py`), volumeClaimTemplates, adoption of foreign pods.
"""

import re
from collections.abc import Sequence
from datetime import datetime

from bot.domain.json import Json
from callboard_demo.cluster import history
from callboard_demo.cluster.phases import is_ready
from callboard_demo.cluster.plans import Plan, Report, Write
from callboard_demo.cluster.resources import PODS, STATEFULSETS


def plan(workload: Json, revisions: Sequence[Json], pods: Sequence[Json], now: datetime) -> Plan:
    """Return the plan for a StatefulSet that owns these ControllerRevisions and pods."""
    result = Plan()
    update, write = history.updated(workload, revisions, now)
    result.steps += [write] if write is not None else []
    current = history.current(workload, revisions) or update
    sync = _Sync(workload, result, current, update, pods)
    if not workload["metadata"].get("deletionTimestamp"):
        sync.work()
    sync.write_status()
    in_use = {current["metadata"]["name"], update["metadata"]["name"], *map(_revision, pods)}
    result.steps += history.truncated(workload, revisions, in_use)
    return result


class _Sync:
    """One sync: the pods by ordinal, the counts of the status, and the plan so far."""

    def __init__(self, workload: Json, steps: Plan, current: Json, update: Json, pods: Sequence[Json]) -> None:
        self._workload, self._plan = workload, steps
        self._current, self._update = current, update
        self._size: int = workload["spec"]["replicas"]
        self._in_order = workload["spec"]["podManagementPolicy"] != "Parallel"
        by_ordinal = {_ordinal(pod): pod for pod in pods}
        self._replicas = [by_ordinal.get(ordinal) for ordinal in range(self._size)]
        self._condemned = [by_ordinal[ordinal] for ordinal in sorted(by_ordinal) if ordinal >= self._size]
        staying = [pod for pod in pods if not _is_terminating(pod)]
        self._counts = {
            "replicas": len(pods),
            "readyReplicas": sum(map(_is_running, pods)),
            "currentReplicas": sum(_revision(pod) == _name(current) for pod in staying),
            "updatedReplicas": sum(_revision(pod) == _name(update) for pod in staying),
        }

    def work(self) -> None:
        """Create what is missing, then delete what is too much, then replace what is of an old revision."""
        if self._fill() and self._shrink() and self._strategy()["type"] != "OnDelete":
            self._replace()

    def _fill(self) -> bool:
        """Return whether the pass may go on."""
        for ordinal, pod in enumerate(self._replicas):
            if pod is None or pod["status"].get("phase") == "Failed":
                if pod is not None:
                    self._delete(pod)
                else:
                    self._create(ordinal)
                if self._in_order:
                    return False
            elif self._in_order and not _is_healthy(pod):
                return False
        return True

    def _shrink(self) -> bool:
        unhealthy = [pod for pod in (*self._replicas, *self._condemned) if pod is None or not _is_healthy(pod)]
        for pod in reversed(self._condemned):
            if not _is_terminating(pod) and (not self._in_order or _is_running(pod) or pod is unhealthy[0]):
                self._delete(pod)
            if self._in_order:
                return False
        return True

    def _replace(self) -> None:
        least = (self._strategy().get("rollingUpdate") or {}).get("partition", 0)
        for pod in reversed(self._replicas[least:]):
            if pod is None:
                return
            if _revision(pod) != _name(self._update) and not _is_terminating(pod):
                self._delete(pod)
                return
            if not _is_healthy(pod):
                return

    def _strategy(self) -> Json:
        found: Json = self._workload["spec"]["updateStrategy"]
        return found

    def _create(self, ordinal: int) -> None:
        revision = self._current if self._stays_current(ordinal) else self._update
        pod = _pod(self._workload, revision, ordinal)
        self._plan.steps.append(Write(verb="create", resource=PODS, value=pod))
        self._report("SuccessfulCreate", "create", pod)
        self._count(pod, 1)

    def _stays_current(self, ordinal: int) -> bool:
        """Return whether a new pod gets the current revision: its turn has not come, or never will."""
        rolling = self._strategy().get("rollingUpdate")
        if rolling is None:
            counted: int = (self._workload.get("status") or {}).get("currentReplicas", 0)
            return self._strategy()["type"] == "RollingUpdate" and ordinal < counted
        return bool(ordinal < rolling.get("partition", 0))

    def _delete(self, pod: Json) -> None:
        self._plan.steps.append(Write(verb="delete", resource=PODS, value=pod))
        self._report("SuccessfulDelete", "delete", pod)
        if not _is_terminating(pod):
            self._count(pod, -1)

    def _count(self, pod: Json, by: int) -> None:
        self._counts["replicas"] += max(0, by)  # one that is deleted is there until it has ended
        self._counts["currentReplicas"] += by * (_revision(pod) == _name(self._current))
        self._counts["updatedReplicas"] += by * (_revision(pod) == _name(self._update))

    def _report(self, reason: str, verb: str, pod: Json) -> None:
        text = f"{verb} Pod {_name(pod)} in StatefulSet {_name(self._workload)} successful"
        self._plan.steps.append(Report(about=self._workload, reason=reason, message=text))

    # ── the status ────────────────────────────────────────────────────────────────────────────────────

    def write_status(self) -> None:
        """Write the status if it has changed; once every pod is updated and ready, the update is the current one."""
        counts, current = self._counts, self._current
        done = counts["updatedReplicas"] == counts["replicas"] == counts["readyReplicas"]
        if done and self._strategy()["type"] == "RollingUpdate":
            counts, current = {**counts, "currentReplicas": counts["updatedReplicas"]}, self._update
        status: Json = {
            "observedGeneration": self._workload["metadata"]["generation"],
            **{name: count for name, count in counts.items() if count or name == "replicas"},
            "currentRevision": _name(current),
            "updateRevision": _name(self._update),
            "collisionCount": 0,
        }
        if status != (self._workload.get("status") or {}):
            value = {**self._workload, "status": status}
            self._plan.steps.append(Write(verb="status", resource=STATEFULSETS, value=value))


def _pod(workload: Json, revision: Json, ordinal: int) -> Json:
    meta, template = workload["metadata"], history.template(revision)
    name = f"{meta['name']}-{ordinal}"
    labels = {**(template["metadata"].get("labels") or {}), history.HASH: _name(revision)}
    labels["statefulset.kubernetes.io/pod-name"] = name
    named: Json = {"name": name, "generateName": f"{meta['name']}-", "namespace": meta["namespace"], "labels": labels}
    if annotations := template["metadata"].get("annotations"):
        named["annotations"] = annotations
    spec = {**template["spec"], "hostname": name, "subdomain": workload["spec"].get("serviceName", "")}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**named, "ownerReferences": [history.owner(workload)]},
        "spec": spec,
    }


def _name(value: Json) -> str:
    return str(value["metadata"]["name"])


def _ordinal(pod: Json) -> int:
    match = re.search(r"-(\d+)$", _name(pod))
    return int(match[1]) if match else -1


def _revision(pod: Json) -> str:
    return str((pod["metadata"].get("labels") or {}).get(history.HASH, ""))


def _is_terminating(pod: Json) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _is_running(pod: Json) -> bool:
    return pod["status"].get("phase") == "Running" and is_ready(pod)


def _is_healthy(pod: Json) -> bool:
    return _is_running(pod) and not _is_terminating(pod)
