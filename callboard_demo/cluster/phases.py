"""A pod's phase and conditions, from the statuses of its containers.  Pure.

Source: https://github.com/kubernetes/kubernetes/blob/v1.20.2/pkg/kubelet/kubelet_pods.go (getPhase) and
…/pkg/kubelet/status/generate.go
"""

from collections.abc import Sequence

from bot.domain.json import Json
from callboard_demo.cluster.plans import find


def phase(pod: Json, inits: Sequence[Json], mains: Sequence[Json]) -> str:
    """Return the phase; `inits` and `mains` are entries of initContainerStatuses and containerStatuses."""
    policy = pod["spec"].get("restartPolicy", "Always")
    if any(code != 0 for code in map(_exit_code, inits)):
        dead = policy == "Never" and any(code not in {0, None} for code in map(_exit_code, inits))
        return "Failed" if dead else "Pending"
    if any("waiting" in c["state"] and not c["lastState"] for c in mains):
        return "Pending"
    if policy == "Always" or any("running" in c["state"] for c in mains):
        return "Running"
    if all(_exit_code(c) == 0 for c in mains):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def is_ready(pod: Json) -> bool:
    """Return whether a pod's Ready condition is true."""
    found = find((pod.get("status") or {}).get("conditions") or [], "Ready")
    return found is not None and found["status"] == "True"


def _exit_code(status: Json) -> int | None:
    ended = status["state"].get("terminated")
    return ended["exitCode"] if ended else None


def conditions(pod: Json, inits: Sequence[Json], mains: Sequence[Json], now: str) -> list[Json]:
    """Return the conditions: changed ones with the time `now`, other writers' unchanged."""
    before = {c["type"]: c for c in (pod.get("status") or {}).get("conditions") or ()}
    unstarted = [c["name"] for c in inits if _exit_code(c) != 0]
    unready = [c["name"] for c in mains if not c["ready"]]
    gates = [g["conditionType"] for g in pod["spec"].get("readinessGates") or ()]
    closed = [g for g in gates if before.get(g, {}).get("status") != "True"]
    containers_ready = _condition("ContainersReady", unready, "ContainersNotReady", "containers with unready status")
    ready = {**containers_ready, "type": "Ready"}
    if not unready and closed:
        text = f'corresponding condition of pod readiness gate "{closed[0]}" does not exist.'
        ready = {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": text}
    wanted = [
        _condition("Initialized", unstarted, "ContainersNotInitialized", "containers with incomplete status"),
        ready,
        containers_ready,
        {"type": "PodScheduled", "status": "True"},
    ]
    ours = {c["type"] for c in wanted}
    return [*(_timed(c, before.get(c["type"]), now) for c in wanted), *(c for t, c in before.items() if t not in ours)]


def _condition(kind: str, lacking: Sequence[str], reason: str, text: str) -> Json:
    if not lacking:
        return {"type": kind, "status": "True"}
    return {"type": kind, "status": "False", "reason": reason, "message": f"{text}: [{' '.join(lacking)}]"}


def _timed(new: Json, old: Json | None, now: str) -> Json:
    same = old is not None and old["status"] == new["status"]
    return {**new, "lastProbeTime": None, "lastTransitionTime": old["lastTransitionTime"] if same and old else now}
