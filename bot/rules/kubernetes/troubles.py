"""What is wrong with one pod, and how long that must last before it counts.

This is not the verdict on the rollout: `bot.rules.kubernetes.health` weighs the problems of all new pods.  How long a
problem must last is this project's own decision; one that may pass never counts on its own, only with the workload's
deadline.  The waiting reasons are the kubelet's:
https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/images/types.go and
https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/container/sync_result.go.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.domain.reasons.pods import (
    ContainerWaiting,
    CrashLoop,
    ImageNotPulled,
    ImageUnusable,
    InContainer,
    PodWarning,
    Restarted,
    Terminated,
)
from bot.domain.reasons.told import Told
from bot.rules.kubernetes.events import current_warnings, newest_message
from bot.rules.kubernetes.exits import REGISTRY_SILENT, explain_exit, is_ours
from bot.rules.kubernetes.passing import absent_yet, outage
from bot.rules.kubernetes.placement import misplaced
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import condition, flag, is_true, items, mapping, moment, number, text

AT_ONCE: Final = timedelta(0)
CONFIGURATION: Final = timedelta(seconds=30)
IMAGE: Final = timedelta(seconds=75)
RETRIES: Final = timedelta(minutes=2)
"""An init container that fails often only waits for something: its third or fourth try may succeed."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Container:
    """One container of a pod: its spec, its status, and what is known around it."""

    spec: Json
    status: Json
    events: Sequence[Json]
    init: bool
    """It must end before others start; a sidecar among the init containers keeps running instead."""
    alone: bool
    """The pod has no other."""
    unready_since: datetime | None
    """Since when the pod is not ready; None if it is, or does not say."""

    @property
    def name(self) -> str:
        return text(self.status, "name")


def troubles_of(pod: Json, events: Sequence[Json], now: datetime) -> list[Trouble]:
    """Return the problems of a pod, the one that counts soonest first; `events` are its own, the newest first."""
    found = [trouble for each in _containers(pod, events) if (trouble := _trouble(each, now)) is not None]
    return sorted(found or _around(pod, events, now), key=lambda t: (t.patience is None, t.patience or AT_ONCE))


def _containers(pod: Json, events: Sequence[Json]) -> Iterator[_Container]:
    specs = {text(c, "name"): c for c in items(pod, "spec", "initContainers") + items(pod, "spec", "containers")}
    unready = _unready_since(pod)
    for field in ("initContainerStatuses", "containerStatuses"):
        for status in items(pod, "status", field):
            spec = specs.get(text(status, "name"), {})
            init = field == "initContainerStatuses" and text(spec, "restartPolicy") != "Always"
            alone = len(specs) <= 1
            yield _Container(spec=spec, status=status, events=events, init=init, alone=alone, unready_since=unready)


def _unready_since(pod: Json) -> datetime | None:
    conditions = (condition(pod, kind) for kind in ("ContainersReady", "Ready"))
    since = [moment(c, "lastTransitionTime") for c in conditions if text(c, "status") == "False"]
    return max((time for time in since if time is not None), default=None)


def _trouble(container: _Container, now: datetime) -> Trouble | None:
    found = _waiting(container) or _restarted(container, now)
    if found is None:
        return None
    if container.init and found.log_helps and found.patience is not None:
        found = replace(found, patience=max(found.patience, RETRIES))
    if container.alone:
        return found
    reason = InContainer(container=quote_name(container.name), init=container.init, trouble=found.reason)
    return replace(found, reason=reason)


def _around(pod: Json, events: Sequence[Json], now: datetime) -> list[Trouble]:
    """Return what is wrong around the containers of a pod, of which none has a problem itself."""
    misplacement = misplaced(pod, events, now)
    found = Trouble(reason=misplacement) if misplacement is not None else _warned(pod, events, now)
    return [found] if found is not None else []


def _waiting(container: _Container) -> Trouble | None:
    status = container.status
    reason, message = text(status, "state", "waiting", "reason"), text(status, "state", "waiting", "message")
    image = text(container.spec, "image") or text(status, "image")
    match reason:
        case "" | "ContainerCreating" | "PodInitializing":
            return None
        case "InvalidImageName" | "ErrImageNeverPull":
            unusable = ImageUnusable(reason=quote_name(reason), image=quote_name(image), message=quote(message))
            return Trouble(reason=unusable, patience=AT_ONCE)
        case "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable":
            cause = _pull_error(message, image) or newest_message(container.events, "Failed to pull image")
            passes = outage(cause, image) or reason == "RegistryUnavailable"
            pulling = ImageNotPulled(image=quote_name(image), message=quote(cause))
            return Trouble(reason=pulling, patience=None if passes else IMAGE)
        case "CrashLoopBackOff":
            last = mapping(status, "lastState", "terminated") or mapping(status, "state", "terminated")
            crash = CrashLoop(exit=_exit(container, last), restarts=number(status, "restartCount"))
            return Trouble(reason=crash, patience=_crash_patience(container, last), log_helps=True)
        case _:
            waiting = ContainerWaiting(reason=quote_name(reason), message=quote(message))
            return Trouble(reason=waiting, patience=_waiting_patience(reason, message, image))


_LASTING: Final = {
    "CreateContainerConfigError": CONFIGURATION,
    "CreateContainerError": CONFIGURATION,
    "RunContainerError": CONFIGURATION,
    "SignatureValidationFailed": IMAGE,
}
"""Reasons to wait that stay, unless their message says otherwise.  Whether any other stays is not known."""


def _waiting_patience(reason: str, message: str, image: str) -> timedelta | None:
    missing = reason == "CreateContainerConfigError" and absent_yet(message)
    return None if missing or outage(message, image) else _LASTING.get(reason)


def _restarted(container: _Container, now: datetime) -> Trouble | None:
    """Return a recent restart: from the second one on it is a crash loop, seen between two crashes, and counts.

    Once the container is ready, or has done its work, its restarts are history, also if it is not ready any more.
    People are told of the first restart, and of a crash that was not followed by one yet.
    """
    status = container.status
    ended = mapping(status, "state", "terminated")
    last, restarts = ended or mapping(status, "lastState", "terminated"), number(status, "restartCount")
    succeeded = bool(last) and number(last, "exitCode") == 0 and (not restarts or (container.init and bool(ended)))
    if not last or succeeded or _long_ago(last, now):
        return None
    out_of_memory_again = text(last, "reason") == "OOMKilled" and bool(ended) and restarts > 0
    history = flag(status, "ready") or _was_ready(container)
    counts = not history and (restarts > 1 or out_of_memory_again)
    cause = _exit(container, last)
    reason = Restarted(restarts=restarts, exit=cause) if restarts else Terminated(exit=cause)
    return Trouble(reason=reason, patience=_crash_patience(container, last) if counts else None, log_helps=True)


def _was_ready(container: _Container) -> bool:
    """Return whether the pod, and so the container, was ready at some time since the container was started."""
    started = moment(container.status, "state", "running", "startedAt")
    return started is not None and container.unready_since is not None and started < container.unready_since


def _long_ago(ended: Json, now: datetime) -> bool:
    finished = moment(ended, "finishedAt")
    return finished is not None and now - finished > RECENT


def _exit(container: _Container, ended: Json) -> Reason:
    return explain_exit(container.spec, ended, container.name, container.events, alone=container.alone)


def _warned(pod: Json, events: Sequence[Json], now: datetime) -> Trouble | None:
    """Return the newest warning about a pod that is not ready, except for probes that fail while the model loads."""
    created = moment(pod, "metadata", "creationTimestamp")
    young = created is not None and now - created < WARM_UP
    started = any(flag(s, "started") for s in items(pod, "status", "containerStatuses"))
    if is_true(pod, "Ready"):
        return None
    for event in current_warnings(pod, events):
        probe = text(event, "reason") == "Unhealthy"
        if (probe and young and not started) or text(event, "reason") == "BackOff":
            continue
        message = quote(text(event, "message"))
        warning = PodWarning(reason=quote_name(text(event, "reason")), message=message)
        return Trouble(reason=Told(text=message) if probe and message else warning, log_helps=probe)
    return None


def _crash_patience(container: _Container, ended: Json) -> timedelta | None:
    """Return None where the model registry did not answer the model server: nothing is wrong with the version."""
    return None if is_ours(container.spec) and number(ended, "exitCode") == REGISTRY_SILENT else AT_ONCE


def _pull_error(message: str, image: str) -> str:
    """Return the cause of a back-off: ErrImagePull and ImagePullBackOff alternate, and should read alike."""
    rest = message.removeprefix(f'Back-off pulling image "{image}"').removeprefix(": ").removeprefix("ErrImagePull: ")
    return "" if rest == image else rest
