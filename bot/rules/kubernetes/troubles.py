"""What is wrong with one pod, and how long that must last before it counts.

This is not the verdict on the rollout: `bot.rules.kubernetes.health` weighs the problems of all new pods.  How long a
problem must last is this project's own decision; the waiting reasons are the kubelet's:
https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/images/types.go and
https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/container/sync_result.go.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.pods import (
    ContainerWaiting,
    CrashLoop,
    ImageNotPulled,
    ImageUnusable,
    InContainer,
    NotScheduled,
    PodWarning,
    Restarted,
    Terminated,
)
from bot.domain.reasons.told import Told
from bot.rules.kubernetes.exits import REGISTRY_SILENT, explain_exit, is_ours
from bot.rules.kubernetes.kinds.pod import SCHEDULING
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import condition, flag, is_true, items, mapping, moment, number, text

AT_ONCE: Final = timedelta(0)
CONFIGURATION: Final = timedelta(seconds=30)
IMAGE: Final = timedelta(seconds=75)
REGISTRY: Final = timedelta(minutes=5)
"""The model registry did not answer the model server, which usually passes without anyone doing anything."""
RECENT: Final = timedelta(minutes=10)
"""An older restart means nothing for the present: the kubelet's longest back-off is 5 minutes."""
WARM_UP: Final = timedelta(seconds=60)
"""Failing probes are expected while a pod is younger than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a pod does not run as it should."""

    reason: Reason
    patience: timedelta | None = None
    """How long it must last before it counts; None: people are told of it, but it never counts on its own."""
    log_helps: bool = False
    """The pod's log may say more."""


def trouble_of(pod: Json, events: Sequence[Json], now: datetime) -> Trouble | None:
    """Return the problem of a pod that counts soonest, or None where no problem is known."""
    found = list(_troubles(pod, events, now))
    return min(found, key=lambda t: (t.patience is None, t.patience or AT_ONCE), default=None)


def _troubles(pod: Json, events: Sequence[Json], now: datetime) -> Iterator[Trouble]:
    containers = {text(c, "name"): c for c in items(pod, "spec", "initContainers") + items(pod, "spec", "containers")}
    for field in ("initContainerStatuses", "containerStatuses"):
        for status in items(pod, "status", field):
            name = text(status, "name")
            container = containers.get(name, {})
            if found := _waiting(container, status, events) or _restarted(container, status, now):
                init = field == "initContainerStatuses"
                yield _in_container(found, name, init=init) if len(containers) > 1 else found
    if found := _unscheduled(pod, now) or _warned(pod, events, now):
        yield found


def _in_container(trouble: Trouble, name: str, *, init: bool) -> Trouble:
    reason = InContainer(container=quote_name(name), init=init, trouble=trouble.reason)
    return Trouble(reason=reason, patience=trouble.patience, log_helps=trouble.log_helps)


def _waiting(container: Json, status: Json, events: Sequence[Json]) -> Trouble | None:
    reason, message = text(status, "state", "waiting", "reason"), text(status, "state", "waiting", "message")
    image = text(container, "image") or text(status, "image")
    match reason:
        case "InvalidImageName" | "ErrImageNeverPull":
            unusable = ImageUnusable(reason=quote_name(reason), image=quote_name(image), message=quote(message))
            return Trouble(reason=unusable, patience=AT_ONCE)
        case "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable":
            cause = quote(_pull_error(message, image) or _newest_message(events, "Failed to pull image"))
            return Trouble(reason=ImageNotPulled(image=quote_name(image), message=cause), patience=IMAGE)
        case "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError":
            waiting = ContainerWaiting(reason=quote_name(reason), message=quote(message))
            return Trouble(reason=waiting, patience=CONFIGURATION)
        case "CrashLoopBackOff":
            last = mapping(status, "lastState", "terminated") or mapping(status, "state", "terminated")
            crash = CrashLoop(exit=explain_exit(container, last), restarts=number(status, "restartCount"))
            return Trouble(reason=crash, patience=_crash_patience(container, last), log_helps=True)
        case _:
            return None


def _restarted(container: Json, status: Json, now: datetime) -> Trouble | None:
    """Return a recent restart: from the second one on it is a crash loop, seen between two crashes, and counts.

    People are told of the first restart, and of a crash that was not followed by one yet.
    """
    ended = mapping(status, "state", "terminated")
    last, restarts = ended or mapping(status, "lastState", "terminated"), number(status, "restartCount")
    if not last or (number(last, "exitCode") == 0 and not restarts):
        return None
    if (finished := moment(last, "finishedAt")) is not None and now - finished > RECENT:
        return None
    out_of_memory_again = text(last, "reason") == "OOMKilled" and bool(ended) and restarts > 0
    patience = _crash_patience(container, last) if restarts > 1 or out_of_memory_again else None
    cause = explain_exit(container, last)
    reason = Restarted(restarts=restarts, exit=cause) if restarts else Terminated(exit=cause)
    return Trouble(reason=reason, patience=patience, log_helps=True)


def _unscheduled(pod: Json, now: datetime) -> Trouble | None:
    scheduled = condition(pod, "PodScheduled")
    if text(scheduled, "status") != "False":
        return None
    since = moment(scheduled, "lastTransitionTime") or moment(pod, "metadata", "creationTimestamp")
    if since is not None and now - since < SCHEDULING:
        return None
    return Trouble(reason=NotScheduled(message=quote(text(scheduled, "message") or text(scheduled, "reason"))))


def _warned(pod: Json, events: Sequence[Json], now: datetime) -> Trouble | None:
    """Return the newest warning about a pod that is not ready, except for probes that fail while the model loads."""
    created = moment(pod, "metadata", "creationTimestamp")
    young = created is not None and now - created < WARM_UP
    started = any(flag(s, "started") for s in items(pod, "status", "containerStatuses"))
    if is_true(pod, "Ready"):
        return None
    for event in sorted(events, key=event_time, reverse=True):
        probe = text(event, "reason") == "Unhealthy"
        if text(event, "type") != "Warning" or (probe and young and not started) or text(event, "reason") == "BackOff":
            continue
        message = quote(text(event, "message"))
        warning = PodWarning(reason=quote_name(text(event, "reason")), message=message)
        return Trouble(reason=Told(text=message) if probe and message else warning, log_helps=probe)
    return None


def event_time(event: Json) -> datetime:
    """Return when an event last occurred, which is in one of four fields, or when it was created."""
    places = (("series", "lastObservedTime"), ("lastTimestamp",), ("eventTime",), ("firstTimestamp",))
    found = (moment(event, *place) for place in (*places, ("metadata", "creationTimestamp")))
    return next((time for time in found if time is not None), datetime.min.replace(tzinfo=UTC))


def _crash_patience(container: Json, ended: Json) -> timedelta:
    return REGISTRY if is_ours(container) and number(ended, "exitCode") == REGISTRY_SILENT else AT_ONCE


def _pull_error(message: str, image: str) -> str:
    """Return the cause of a back-off: ErrImagePull and ImagePullBackOff alternate, and should read alike."""
    rest = message.removeprefix(f'Back-off pulling image "{image}"').removeprefix(": ").removeprefix("ErrImagePull: ")
    return "" if rest == image else rest


def _newest_message(events: Sequence[Json], start: str) -> str:
    found = [text(e, "message") for e in sorted(events, key=event_time) if text(e, "message").startswith(start)]
    return found[-1] if found else ""
