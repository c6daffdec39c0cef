"""What is wrong with where a pod runs, or with what must let it serve: no node, a lost node, a readiness gate.

None of these is the fault of what the pod runs: people are told, and only the workload's own deadline counts.
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.pods import GatesClosed, NodeLost, NotScheduled
from bot.rules.kubernetes.events import scale_up
from bot.rules.kubernetes.kinds.pod import SCHEDULING
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import condition, items, moment, text

_NODE: Final = {"NodeNotReady", "NodeStatusUnknown", "NodeLost", "NodeUnreachable"}
_GATES: Final = "ReadinessGatesNotReady"


def misplaced(pod: Json, events: Sequence[Json], now: datetime) -> Reason | None:
    """Return why a pod that has no other problem does not run or serve."""
    return _unscheduled(pod, events, now) or _node_lost(pod) or _gates_closed(pod)


def _unscheduled(pod: Json, events: Sequence[Json], now: datetime) -> Reason | None:
    scheduled = condition(pod, "PodScheduled")
    if text(scheduled, "status") != "False":
        return None
    since = moment(scheduled, "lastTransitionTime") or moment(pod, "metadata", "creationTimestamp")
    if since is not None and now - since < SCHEDULING:
        return None
    message = quote(text(scheduled, "message") or text(scheduled, "reason"))
    return NotScheduled(message=message, autoscaler=scale_up(events))


def _node_lost(pod: Json) -> Reason | None:
    ready = condition(pod, "Ready")
    silent = text(ready, "status") == "Unknown" or text(pod, "status", "phase") == "Unknown"
    reasons = {text(ready, "reason"), text(pod, "status", "reason")}
    if text(ready, "status") == "True" or not (silent or reasons & _NODE):
        return None
    return NodeLost(node=quote_name(text(pod, "spec", "nodeName")) or None)


def _gates_closed(pod: Json) -> Reason | None:
    """Return the readiness gates that are not open, once every container is ready."""
    ready = condition(pod, "Ready")
    gates = [text(gate, "conditionType") for gate in items(pod, "spec", "readinessGates")]
    closed = [gate for gate in gates if text(condition(pod, gate), "status") != "True"]
    said = text(ready, "reason") == _GATES
    waits = bool(closed) and text(condition(pod, "ContainersReady"), "status") == "True"
    if text(ready, "status") == "True" or not (said or waits):
        return None
    return GatesClosed(gates=tuple(map(quote_name, closed)), message=quote(text(ready, "message") if said else ""))
