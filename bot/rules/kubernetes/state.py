"""What the checks of `bot.rules.kubernetes.health` judge: the objects of one rollout, read from a snapshot once."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.cluster import PodSeen, Snapshot
from bot.domain.json import Json
from bot.domain.reasons.health import Progress
from bot.domain.target import Pin
from bot.rules.kubernetes.kinds import unobserved, wanted
from bot.rules.kubernetes.raw import is_true, items, number, text
from bot.rules.kubernetes.troubles import Trouble, trouble_of
from bot.rules.kubernetes.workloads import address_of, current_pods, current_replicaset, pin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutState:
    """The workload, the objects of its new revision, and what was read from them."""

    workload: Json
    replicaset: Json | None
    """Of the new revision; only a Deployment has one."""
    pods: tuple[PodSeen, ...]
    """Of the new revision."""
    troubles: tuple[tuple[PodSeen, Trouble], ...]
    """The new pods that have a problem, the one that counts soonest first."""
    pin: Pin | None
    wanted: int
    now: datetime

    @property
    def ready(self) -> int:
        """Return how many of the new pods are ready."""
        return sum(pod.ready for pod in self.pods)

    @property
    def progress(self) -> Progress:
        """Return how many of the new pods are ready, as a reason."""
        return Progress(ready=self.ready, wanted=self.wanted, version=self.pin.version if self.pin else None)


def read_state(snapshot: Snapshot, now: datetime, stage: str) -> RolloutState:
    """Return the state of the rollout that a snapshot shows.

    Raises:
        Malformed: an object is not as Kubernetes documents it.
    """
    workload = {"apiVersion": "apps/v1", "kind": "Deployment", **snapshot.workload}  # items of a list have no kind
    snapshot = replace(snapshot, workload=workload)
    stale = unobserved(workload)  # then its revision annotation is still the old one
    replicaset = None if stale else current_replicaset(snapshot)
    raw = () if stale else current_pods(snapshot, replicaset)
    found = [(pod, trouble_of(pod, _events_of(snapshot, pod), now)) for pod in raw]
    pods = [(_read_pod(pod, trouble, stage), trouble) for pod, trouble in found]
    troubles = [(pod, trouble) for pod, trouble in pods if trouble is not None]
    return RolloutState(
        workload=workload,
        replicaset=replicaset,
        pods=tuple(sorted((pod for pod, _ in pods), key=lambda p: p.name)),
        troubles=tuple(sorted(troubles, key=_urgency)),
        pin=pin_of(workload, stage),
        wanted=wanted(workload, len(pods)),
        now=now,
    )


def _events_of(snapshot: Snapshot, pod: Json) -> list[Json]:
    key = ("Pod", text(pod, "metadata", "name"))
    return [e for e in snapshot.events if (text(e, "involvedObject", "kind"), text(e, "involvedObject", "name")) == key]


def _read_pod(pod: Json, trouble: Trouble | None, stage: str) -> PodSeen:
    statuses = items(pod, "status", "initContainerStatuses") + items(pod, "status", "containerStatuses")
    return PodSeen(
        name=text(pod, "metadata", "name"),
        address=address_of(pod, stage),
        ready=is_true(pod, "Ready"),
        restarts=sum(number(s, "restartCount") for s in statuses),
        trouble=trouble.reason if trouble else None,
    )


def _urgency(entry: tuple[PodSeen, Trouble]) -> tuple[bool, timedelta, str]:
    pod, trouble = entry
    return trouble.patience is None, trouble.patience or timedelta(0), pod.name
