"""How is the rollout going, and why?  Pure: a sighting and the time in, a verdict with its cause out.

The order of the checks is kubectl's and Argo CD's, with one of our own between: what is wrong with the new pods, and
with nobody else's.  Not a poller and not a memory: for how long a cause has lasted is the caller's to remember, and
`Health.patience` says how long it must.  To add a check, write one function from `Look` to `Finding` or None and name
it in `CHECKS`.

"Rolled out" is not success: a crash after the start is seen only by looking again for a while.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from bot.domain.cluster import Health, HealthStatus, PodSeen, Sighting
from bot.domain.json import Json
from bot.domain.target import Pin
from bot.rules.kubernetes.kinds import explain, unobserved, wanted
from bot.rules.kubernetes.kinds.counters import OVERDUE
from bot.rules.kubernetes.raw import Odd, at, condition, flag, items, mapping, number, text
from bot.rules.kubernetes.troubles import Trouble, clip, trouble_of
from bot.rules.kubernetes.workloads import address_of, current_pods, current_replicaset, pin_of

REFUSED: Final = timedelta(seconds=30)
"""How long pods must not be creatable (quota, admission) before it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the checks look at: the objects, and what was read from them once."""

    workload: Json
    replicaset: Json | None
    """Of the new revision; a Deployment's."""
    pods: tuple[PodSeen, ...]
    troubles: tuple[tuple[PodSeen, Trouble], ...]
    """Those that have one, of the new pods; what counts soonest first."""
    pin: Pin | None
    wanted: int
    now: datetime

    @property
    def ready(self) -> int:
        """Return how many of the new pods are ready."""
        return sum(pod.ready for pod in self.pods)

    @property
    def tally(self) -> str:
        """Say "1 of 3 pods on v3"."""
        on = f"v{self.pin.version}" if self.pin and self.pin.version is not None else "the new revision"
        return f"{self.ready} of {self.wanted} {'pod' if self.wanted == 1 else 'pods'} on {on}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check has found: enough to stop asking the others."""

    status: HealthStatus
    because: str
    patience: timedelta = timedelta(0)
    culprit: str | None = None


def judge(sighting: Sighting, *, now: datetime, stage: str) -> Health:
    """Return how the rollout of one workload is going, with the cause named.

    Never raises: objects that are not as Kubernetes describes them are UNKNOWN, with what is odd about them.
    """
    try:
        look = _look(sighting, now, stage)
        found = next(finding for check in CHECKS if (finding := check(look)) is not None)
    except Odd as odd:
        return Health(status=HealthStatus.UNKNOWN, because=f"not as Kubernetes describes it: {odd}")
    return Health(
        status=found.status,
        because=found.because,
        wanted=look.wanted,
        ready=look.ready,
        pods=look.pods,
        pin=look.pin,
        patience=found.patience,
        culprit=found.culprit,
    )


def _look(sighting: Sighting, now: datetime, stage: str) -> Look:
    workload = {"apiVersion": "apps/v1", "kind": "Deployment", **sighting.workload}  # a list's items say no kind
    sighting = replace(sighting, workload=workload)
    stale = unobserved(workload)  # then the revision that it bears is still the old one
    replicaset = None if stale else current_replicaset(sighting)
    raw = () if stale else current_pods(sighting, replicaset)
    seen = [(pod, trouble_of(pod, _about(sighting, pod), now)) for pod in raw]
    pods = [(_pod_seen(pod, trouble, stage), trouble) for pod, trouble in seen]
    troubles = [(pod, trouble) for pod, trouble in pods if trouble is not None]
    return Look(
        workload=workload,
        replicaset=replicaset,
        pods=tuple(sorted((pod for pod, _ in pods), key=lambda p: p.name)),
        troubles=tuple(sorted(troubles, key=_urgency)),
        pin=pin_of(workload, stage),
        wanted=wanted(workload, len(pods)),
        now=now,
    )


def _about(sighting: Sighting, pod: Json) -> list[Json]:
    mine = ("Pod", text(pod, "metadata", "name"))
    return [
        e for e in sighting.events if (text(e, "involvedObject", "kind"), text(e, "involvedObject", "name")) == mine
    ]


def _pod_seen(pod: Json, trouble: Trouble | None, stage: str) -> PodSeen:
    statuses = items(pod, "status", "initContainerStatuses") + items(pod, "status", "containerStatuses")
    return PodSeen(
        name=text(pod, "metadata", "name"),
        address=address_of(pod, stage),
        ready=text(condition(pod, "Ready"), "status") == "True",
        restarts=sum(number(s, "restartCount") for s in statuses),
        trouble=trouble.what if trouble else None,
    )


def _urgency(seen: tuple[PodSeen, Trouble]) -> tuple[bool, timedelta, str]:
    pod, trouble = seen
    return trouble.patience is None, trouble.patience or timedelta(0), pod.name


# ── the checks, in their order ───────────────────────────────────────────────────────────────────────


def _leaving(look: Look) -> Finding | None:
    if at(look.workload, "metadata", "deletionTimestamp") is None:
        return None
    return Finding(
        status=HealthStatus.PROGRESSING, because=f"{text(look.workload, 'metadata', 'name')} is being deleted"
    )


def _paused(look: Look) -> Finding | None:
    if not flag(look.workload, "spec", "paused"):
        return None
    name, kind = text(look.workload, "metadata", "name"), text(look.workload, "kind").lower()
    because = f"{name} is paused: nothing rolls out until somebody resumes it (kubectl rollout resume {kind}/{name})"
    return Finding(status=HealthStatus.SUSPENDED, because=because)


def _unseen(look: Look) -> Finding | None:
    if not unobserved(look.workload):
        return None
    return Finding(status=HealthStatus.PROGRESSING, because="Kubernetes has yet to look at the latest change")


def _overdue(look: Look) -> Finding | None:
    """The progress deadline counts only for the new ReplicaSet: right after a rollback the old one's still stands."""
    said = text(condition(look.workload, "Progressing"), "message")
    name = text(look.replicaset or {}, "metadata", "name")
    overdue = text(condition(look.workload, "Progressing"), "reason") == OVERDUE
    if text(look.workload, "kind") != "Deployment" or not overdue or not name or f'"{name}"' not in said:
        return None
    deadline = number(look.workload, "spec", "progressDeadlineSeconds", default=600)
    late = f"no progress for {deadline} s ({look.tally})"
    cause, culprit = _cause(look), _suspect(look)
    return Finding(status=HealthStatus.DEGRADED, because=f"{cause}; {late}" if cause else late, culprit=culprit)


def _ailing(look: Look) -> Finding | None:
    for pod, trouble in look.troubles[:1]:
        if trouble.patience is not None:
            culprit = pod.name if trouble.telling else None
            because = _cause(look)
            return Finding(status=HealthStatus.DEGRADED, because=because, patience=trouble.patience, culprit=culprit)
    return None


def _refused(look: Look) -> Finding | None:
    failure = condition(look.replicaset or {}, "ReplicaFailure")
    if text(failure, "status") != "True":
        return None
    said = text(failure, "message")
    _, quota, rest = said.partition("exceeded quota: ")
    because = f"quota exceeded: {rest}" if quota else f"pods cannot be created: {said or text(failure, 'reason')}"
    return Finding(status=HealthStatus.DEGRADED, because=clip(because), patience=REFUSED)


def _no_revision(look: Look) -> Finding | None:
    if text(look.workload, "kind") != "Deployment" or look.replicaset is not None:
        return None
    return Finding(status=HealthStatus.PROGRESSING, because=f"{look.tally}: its ReplicaSet is yet to be made")


def _counts(look: Look) -> Finding:
    """By the workload's own counters, and by the pods: the two arrive by different watches, so both must agree."""
    status, said = _by_counters(look)
    if status is HealthStatus.HEALTHY and look.ready < look.wanted:
        status, said = HealthStatus.PROGRESSING, ""
    if status not in {HealthStatus.HEALTHY, HealthStatus.PROGRESSING}:
        return Finding(status=status, because=clip(said))
    cause = _cause(look)
    extra = cause if cause else said if look.ready >= look.wanted and status is HealthStatus.PROGRESSING else ""
    return Finding(status=status, because=f"{look.tally}; {extra}" if extra else look.tally)


def _by_counters(look: Look) -> tuple[HealthStatus, str]:
    """A deadline that `_overdue` did not accept is another ReplicaSet's: it is no part of the answer."""
    if text(look.workload, "kind") != "Deployment":
        return explain(look.workload, now=look.now)
    rest = [c for c in items(look.workload, "status", "conditions") if c.get("type") != "Progressing"]
    status = {**mapping(look.workload, "status"), "conditions": rest}
    return explain({**look.workload, "status": status}, now=look.now)


def _cause(look: Look) -> str:
    """Return the sentence of the trouble that counts soonest, with the number of new pods that share it."""
    for pod, trouble in look.troubles[:1]:
        alike = sum(other.patience == trouble.patience for _, other in look.troubles) - 1
        more = f" (and {alike} more {'pod' if alike == 1 else 'pods'})" if alike else ""
        return f"pod {pod.name}: {trouble.what}{more}"
    return ""


def _suspect(look: Look) -> str | None:
    """Return the pod to ask about a rollout that stands still: one whose log is telling, else one that is not ready."""
    telling = [pod.name for pod, trouble in look.troubles if trouble.telling]
    silent = [pod.name for pod in look.pods if not pod.ready and pod.address and pod.trouble is None]
    return next(iter(telling + silent), None)


Check: TypeAlias = Callable[[Look], Finding | None]

CHECKS: Final[tuple[Check, ...]] = (
    _leaving,
    _paused,
    _unseen,
    _overdue,
    _ailing,
    _refused,
    _no_revision,
    _counts,  # the last: it always finds something
)
