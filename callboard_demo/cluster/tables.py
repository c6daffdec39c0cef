"""Objects as table rows for `kubectl get`, as the real server prints pods and workloads.

Not here: the layout, which is kubectl's.
Source: https://github.com/kubernetes/kubernetes/blob/v1.20.2/pkg/printers/internalversion/printers.go
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot import clock
from bot.domain.json import Json
from callboard_demo.cluster.resources import Resource

Row = Callable[[Json], list[Any]]


def age(text: str | None, now: datetime) -> str:
    """Return the age of a timestamp, as kubectl writes it: 5s, 3m12s, 4h, 2d."""
    if not text:
        return "<unknown>"
    seconds = max(0, int((now - datetime.fromisoformat(text)) / timedelta(seconds=1)))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    return f"{minutes}m" if hours < 3 else f"{hours}h" if days < 2 else f"{days}d"


def _age(value: Json) -> str:
    return age(value["metadata"].get("creationTimestamp"), clock.now())


def pod_status(pod: Json) -> str:
    """Return the STATUS column of a pod: Running, CrashLoopBackOff, Init:0/1, Terminating."""
    status = pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    inits = status.get("initContainerStatuses") or ()
    for place, container in enumerate(inits):
        state = container.get("state") or {}
        if (state.get("terminated") or {}).get("exitCode") != 0:
            reason = _reason(state)
            return f"Init:{reason}" if reason and reason != "PodInitializing" else f"Init:{place}/{len(inits)}"
    reasons = [_reason(c.get("state") or {}) for c in status.get("containerStatuses") or ()]
    return next((r for r in reversed(reasons) if r), None) or status.get("reason") or status.get("phase") or "Unknown"


def _reason(state: Json) -> str | None:
    for name in ("waiting", "terminated"):
        if name in state:
            code = state[name].get("exitCode")
            return state[name].get("reason") or f"ExitCode:{code}"
    return None


def _pod(pod: Json) -> list[Any]:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    ready = f"{sum(c.get('ready', False) for c in statuses)}/{len(pod['spec']['containers'])}"
    restarts = sum(c.get("restartCount", 0) for c in statuses)
    return [ready, pod_status(pod), restarts, _age(pod), pod["status"].get("podIP"), pod["spec"].get("nodeName")]


def _deployment(value: Json) -> list[Any]:
    status, wanted = value.get("status") or {}, value["spec"]["replicas"]
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [f"{status.get('readyReplicas', 0)}/{wanted}", *counts, _age(value)]


def _replicaset(value: Json) -> list[Any]:
    status = value.get("status") or {}
    return [value["spec"]["replicas"], status.get("replicas", 0), status.get("readyReplicas", 0), _age(value)]


def _statefulset(value: Json) -> list[Any]:
    return [f"{(value.get('status') or {}).get('readyReplicas', 0)}/{value['spec']['replicas']}", _age(value)]


def _event(value: Json) -> list[Any]:
    about = value.get("involvedObject") or {}
    where = f"{about.get('kind', '').lower()}/{about.get('name')}"
    last = age(value.get("lastTimestamp"), clock.now())
    return [last, value.get("type"), value.get("reason"), where, value.get("message")]


_COLUMNS: dict[str, tuple[Sequence[str], Row]] = {
    "pods": (("Ready", "Status", "Restarts", "Age", "IP", "Node"), _pod),
    "deployments": (("Ready", "Up-to-date", "Available", "Age"), _deployment),
    "replicasets": (("Desired", "Current", "Ready", "Age"), _replicaset),
    "statefulsets": (("Ready", "Age"), _statefulset),
    "namespaces": (("Status", "Age"), lambda v: [v["status"]["phase"], _age(v)]),
    "events": (("Last Seen", "Type", "Reason", "Object", "Message"), _event),
}
_WIDE = frozenset({"IP", "Node"})


def table(resource: Resource, values: Sequence[Json], meta: Json, include: str) -> Json:
    """Return a `meta.k8s.io/v1` Table of objects; `include` is None, Metadata or Object, as the client asked."""
    names, row = _COLUMNS.get(resource.plural, (("Age",), lambda v: [_age(v)]))
    columns = [_column("Name", "name"), *(_column(name) for name in names)]
    rows = [{"cells": [v["metadata"]["name"], *row(v)], "object": _included(v, include)} for v in values]
    head = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta}
    return {**head, "columnDefinitions": columns, "rows": rows}


def _column(name: str, form: str = "") -> Json:
    priority = int(name in _WIDE)
    return {"name": name, "type": "string", "format": form, "description": name, "priority": priority}


def _included(value: Json, include: str) -> Json | None:
    if include == "None":
        return None
    if include == "Object":
        return value
    head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
    return {**head, "metadata": value["metadata"]}
