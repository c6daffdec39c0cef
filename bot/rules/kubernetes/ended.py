"""Pods of the new revision that have ended, and that their ReplicaSet replaces: evicted, rejected, shut down."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.reasons.health import PodsEnded
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import at, condition, items, moment, text

RECENT: Final = timedelta(minutes=10)
"""An earlier end explains nothing of the present."""
_WITH_ITS_NODE: Final = {"Terminated", "Shutdown", "NodeShutdown", "Preempting"}
"""https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/nodeshutdown/nodeshutdown_manager.go"""


def failed(pods: Sequence[Json], now: datetime) -> tuple[Json, ...]:
    """Return the pods that have ended in failure a short time ago, the latest first."""
    found = [p for p in pods if text(p, "status", "phase") == "Failed" and _recent(p, now)]
    return tuple(sorted(found, key=lambda p: (_time(p, now), text(p, "metadata", "name")), reverse=True))


def with_its_node(pod: Json) -> bool:
    """Return whether a pod ended because its node was shut down or needed the place, which says nothing about it."""
    return text(pod, "status", "reason") in _WITH_ITS_NODE


def explain(pods: Sequence[Json]) -> Reason | None:
    """Return how the latest of the pods ended, and how many ended in the same way."""
    for pod in pods[:1]:
        why = text(pod, "status", "reason")
        return PodsEnded(
            pod=Name(text(pod, "metadata", "name")),
            reason=quote_name(why or text(pod, "status", "phase")),
            message=quote(text(pod, "status", "message")),
            more=sum(text(other, "status", "reason") == why for other in pods) - 1,
        )
    return None


def _recent(pod: Json, now: datetime) -> bool:
    return at(pod, "metadata", "deletionTimestamp") is None and now - _time(pod, now) <= RECENT


def _time(pod: Json, now: datetime) -> datetime:
    """Return when a pod ended, as far as it says so; else when it was created."""
    ends = [moment(s, "state", "terminated", "finishedAt") for s in items(pod, "status", "containerStatuses")]
    known = [end for end in ends if end is not None]
    changed = moment(condition(pod, "Ready"), "lastTransitionTime")
    return max(known, default=None) or changed or moment(pod, "metadata", "creationTimestamp") or now
