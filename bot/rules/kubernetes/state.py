"""What the checks of `bot.rules.kubernetes.health` judge: the objects of one rollout, read from a snapshot once."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.cluster import PodSeen, Snapshot
from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.health import Progress
from bot.domain.target import Pin
from bot.rules.kubernetes.configmaps import by_name, pending
from bot.rules.kubernetes.ended import failed
from bot.rules.kubernetes.environment import ConfigMaps
from bot.rules.kubernetes.events import about
from bot.rules.kubernetes.kinds import creates, inference_service, kind_of, to_do, unobserved, wanted
from bot.rules.kubernetes.kinds.kind import has_status
from bot.rules.kubernetes.raw import is_true, items, moment, number, owned_by, text
from bot.rules.kubernetes.refusals import Refusal, refused_lately, warned_lately
from bot.rules.kubernetes.troubles import Trouble, troubles_of
from bot.rules.kubernetes.workloads import (
    address_of,
    alive,
    current_pods,
    current_replicaset,
    image_of,
    leaving,
    pin_of,
    ports_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutState:
    """The workload, the objects of its new revision, and what was read from them."""

    workload: Json
    replicaset: Json | None
    """Of the new revision, if its kind has one; of a CronJob, the Job of its last run."""
    pods: tuple[PodSeen, ...]
    """Those that count: of the new revision, or those that the caller named."""
    troubles: tuple[tuple[PodSeen, Trouble], ...]
    """Each problem of these pods, the one that counts soonest first, and those of pods that are ready last."""
    failed: tuple[Json, ...]
    """Pods of the new revision that ended in failure a short time ago, the latest first."""
    leaving: bool
    """A pod of the workload, new or old, is being deleted."""
    behind: bool
    """A pod of the new revision has another version than the workload, whose controller has not seen the change."""
    to_do: Reason | None
    """What somebody must do before the rollout goes on."""
    refused: Refusal | None
    """Why a controller that reports this only by events could not create a pod that is still missing."""
    stage: str
    pin: Pin | None
    configmaps: ConfigMaps
    """Those that the pod template names."""
    pending: Reason | None
    """Why the pods may not have the pin yet that is in a ConfigMap."""
    wanted: int
    now: datetime

    @property
    def ready(self) -> int:
        """Return how many of the pods are ready."""
        return sum(pod.ready for pod in self.pods)

    @property
    def progress(self) -> Progress:
        """Return how many of the pods are ready, as a reason."""
        version = self.pin.version if self.pin is not None and self.pending is None else None
        return Progress(ready=self.ready, wanted=self.wanted, version=version)


def read_state(snapshot: Snapshot, now: datetime, stage: str, only: Collection[str] | None = None) -> RolloutState:
    """Return the state of the rollout that a snapshot shows; with `only`, of the pods with these names alone.

    Raises:
        Malformed: an object is not as Kubernetes documents it.
    """
    workload = {"apiVersion": "apps/v1", "kind": "Deployment", **snapshot.workload}  # items of a list have no kind
    snapshot = replace(snapshot, workload=workload)
    configmaps = by_name(snapshot.configmaps)
    pin = pin_of(workload, stage, configmaps)
    replicaset = None if unobserved(workload) else current_replicaset(snapshot)
    current = _current(snapshot, replicaset) if only is None else _named(snapshot, only)
    raw = [p for p in current if alive(p)]
    found = [(pod, troubles_of(pod, about(pod, snapshot.events), now)) for pod in raw]
    pods = [(_read_pod(pod, troubles, stage, configmaps), troubles) for pod, troubles in found]
    return RolloutState(
        workload=workload,
        replicaset=replicaset,
        pods=tuple(sorted((pod for pod, _ in pods), key=lambda p: p.name)),
        troubles=tuple(sorted(((pod, trouble) for pod, all_ in pods for trouble in all_), key=_urgency)),
        failed=failed(current, now),
        leaving=any(leaving(p) for p in snapshot.pods),
        behind=_behind(workload, raw, stage, configmaps),
        to_do=None if unobserved(workload) else to_do(workload, snapshot.pods),
        refused=_refused(replicaset or workload, snapshot, now) or _warned(workload, raw, snapshot, now),
        stage=stage,
        pin=pin,
        configmaps=configmaps,
        pending=pending(workload, raw, pin, stage, configmaps),
        wanted=wanted(workload, max(len(pods), _predictors(workload, replicaset))) if only is None else len(pods),
        now=now,
    )


def _current(snapshot: Snapshot, replicaset: Json | None) -> tuple[Json, ...]:
    """Return the pods of the new revision; until the controller has seen the latest change, there are none."""
    return () if unobserved(snapshot.workload) else current_pods(snapshot, replicaset)


def _refused(owner: Json, snapshot: Snapshot, now: datetime) -> Refusal | None:
    """Return why the owner of the new pods gets none; for a CronJob, that is the Job of its last run."""
    its = [p for p in snapshot.pods if owned_by(p, owner)]
    if not creates(owner, [p for p in its if alive(p)]):
        return None
    return refused_lately(owner, its, snapshot.events, now)


def _predictors(workload: Json, replicaset: Json | None) -> int:
    """Return how many pods KServe's Deployment asks for; its conditions may be true before there are any."""
    if replicaset is None or kind_of(workload) is not inference_service.KIND:
        return 0
    return number(replicaset, "spec", "replicas")


def _warned(workload: Json, pods: Sequence[Json], snapshot: Snapshot, now: datetime) -> Refusal | None:
    """Return what KServe could not create: it tells so in an event, and then writes no status."""
    if pods or kind_of(workload) is not inference_service.KIND:
        return None
    return warned_lately(workload, snapshot.events, now)


def _behind(workload: Json, pods: Sequence[Json], stage: str, configmaps: ConfigMaps) -> bool:
    """Return whether the pods show an older version; asked only where no observed generation would tell."""
    pin, kind = pin_of(workload, stage, configmaps), kind_of(workload)
    if pin is None or kind is None or kind.observed is not has_status:
        return False
    its = [pin_of({"apiVersion": "v1", "kind": "Pod", **pod}, stage, configmaps) for pod in pods]
    return any(each is not None and each.version != pin.version for each in its)


def _named(snapshot: Snapshot, only: Collection[str]) -> tuple[Json, ...]:
    return tuple(p for p in snapshot.pods if text(p, "metadata", "name") in only)


def _read_pod(pod: Json, troubles: Sequence[Trouble], stage: str, configmaps: ConfigMaps) -> PodSeen:
    statuses = items(pod, "status", "initContainerStatuses") + items(pod, "status", "containerStatuses")
    return PodSeen(
        name=text(pod, "metadata", "name"),
        address=address_of(pod, stage, configmaps),
        ready=is_true(pod, "Ready"),
        restarts=sum(number(s, "restartCount") for s in statuses),
        trouble=troubles[0].reason if troubles else None,
        ports=ports_of(pod, stage),
        image=image_of(pod, stage, configmaps),
        created=moment(pod, "metadata", "creationTimestamp"),
    )


def _urgency(entry: tuple[PodSeen, Trouble]) -> tuple[bool, timedelta, bool, str]:
    pod, trouble = entry
    return trouble.patience is None, trouble.patience or timedelta(0), pod.ready, pod.name
