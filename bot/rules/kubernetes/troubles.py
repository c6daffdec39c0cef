"""What is wrong with one pod, and how long that must last before it counts.

Not the verdict on the rollout: `bot.rules.kubernetes.health` weighs the troubles of all new pods.  Which trouble
counts after how long is this project's own decision; the reasons' names are the kubelet's:
https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/images/types.go and
https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/container/sync_result.go.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.domain.json import Json
from bot.rules.kubernetes.kinds.pod import SCHEDULING
from bot.rules.kubernetes.raw import condition, flag, items, mapping, moment, number, text
from bot.rules.kubernetes.workloads import env
from bot.rules.wording.redaction import redact

AT_ONCE: Final = timedelta(0)
CONFIGURATION: Final = timedelta(seconds=30)
IMAGE: Final = timedelta(seconds=75)
REGISTRY: Final = timedelta(minutes=5)
"""The model registry did not answer the model server: that passes by itself more often than not."""
RECENT: Final = timedelta(minutes=10)
"""A restart longer ago says nothing about now: the kubelet's longest back-off is 5 minutes."""
WARM_UP: Final = timedelta(seconds=60)
"""Probes that fail on a pod younger than this are no news."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a pod does not run as it should."""

    what: str
    patience: timedelta | None = None
    """How long it must last before it counts; None: it is told, and never counts by itself."""
    telling: bool = False
    """The pod's log would tell more."""


def trouble_of(pod: Json, events: Sequence[Json], now: datetime) -> Trouble | None:
    """Return the trouble of a pod that counts soonest, or None where nothing is known to be wrong."""
    found = list(_troubles(pod, events, now))
    return min(found, key=lambda t: (t.patience is None, t.patience or AT_ONCE), default=None)


def _troubles(pod: Json, events: Sequence[Json], now: datetime) -> Iterator[Trouble]:
    containers = {text(c, "name"): c for c in items(pod, "spec", "initContainers") + items(pod, "spec", "containers")}
    for field, word in (("initContainerStatuses", "init container"), ("containerStatuses", "container")):
        for status in items(pod, "status", field):
            which = f"{word} {text(status, 'name')}: " if len(containers) > 1 else ""
            container = containers.get(text(status, "name"), {})
            if found := _waiting(container, status, which, events) or _restarted(container, status, which, now):
                yield found
    if found := _unscheduled(pod, now) or _warned(pod, events, now):
        yield found


def _waiting(container: Json, status: Json, which: str, events: Sequence[Json]) -> Trouble | None:
    reason, message = text(status, "state", "waiting", "reason"), text(status, "state", "waiting", "message")
    image = text(container, "image") or text(status, "image")
    match reason:
        case "InvalidImageName" | "ErrImageNeverPull":
            return Trouble(what=clip(f"{which}{reason}: image {image}{_after(message)}"), patience=AT_ONCE)
        case "ErrImagePull" | "ImagePullBackOff" | "ImageInspectError" | "RegistryUnavailable":
            said = _pull_error(message, image) or _event(events, "Failed to pull image")
            return Trouble(what=clip(f"{which}cannot pull image {image}{_after(said)}"), patience=IMAGE)
        case "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError":
            return Trouble(what=clip(f"{which}{reason}{_after(message)}"), patience=CONFIGURATION)
        case "CrashLoopBackOff":
            last = mapping(status, "lastState", "terminated") or mapping(status, "state", "terminated")
            what = f"{which}CrashLoopBackOff ({_exit(container, last)}, {_restarts(status)})"
            return Trouble(what=what, patience=_crash_patience(container, last), telling=True)
        case _:
            return None


def _restarted(container: Json, status: Json, which: str, now: datetime) -> Trouble | None:
    """Two restarts are a crash loop that is between two crashes; of one, and of the first crash, people are told."""
    ended = mapping(status, "state", "terminated")
    last, restarts = ended or mapping(status, "lastState", "terminated"), number(status, "restartCount")
    if not last or (number(last, "exitCode") == 0 and not restarts):
        return None
    if (finished := moment(last, "finishedAt")) is not None and now - finished > RECENT:
        return None
    again = text(last, "reason") == "OOMKilled" and bool(ended) and restarts > 0
    patience = _crash_patience(container, last) if restarts > 1 or again else None
    what = f"restarted {_times(restarts)}" if restarts else "ended"
    return Trouble(what=f"{which}{what} ({_exit(container, last)})", patience=patience, telling=True)


def _unscheduled(pod: Json, now: datetime) -> Trouble | None:
    scheduled = condition(pod, "PodScheduled")
    if text(scheduled, "status") != "False":
        return None
    since = moment(scheduled, "lastTransitionTime") or moment(pod, "metadata", "creationTimestamp")
    if since is not None and now - since < SCHEDULING:
        return None
    return Trouble(what=clip(f"not scheduled: {text(scheduled, 'message') or text(scheduled, 'reason')}"))


def _warned(pod: Json, events: Sequence[Json], now: datetime) -> Trouble | None:
    """Return the newest warning about a pod that is not ready; a probe that fails while the model loads is none."""
    created = moment(pod, "metadata", "creationTimestamp")
    young = created is not None and now - created < WARM_UP
    started = any(flag(s, "started") for s in items(pod, "status", "containerStatuses"))
    if text(condition(pod, "Ready"), "status") == "True":
        return None
    for event in sorted(events, key=event_time, reverse=True):
        probe = text(event, "reason") == "Unhealthy"
        if text(event, "type") != "Warning" or (probe and young and not started) or text(event, "reason") == "BackOff":
            continue
        said = text(event, "message") if probe else f"{text(event, 'reason')}{_after(text(event, 'message'))}"
        return Trouble(what=clip(said), telling=probe)
    return None


def event_time(event: Json) -> datetime:
    """Return when an event was last seen: it says so in one of four places."""
    places = (("series", "lastObservedTime"), ("lastTimestamp",), ("eventTime",), ("firstTimestamp",))
    found = (moment(event, *place) for place in (*places, ("metadata", "creationTimestamp")))
    return next((seen for seen in found if seen is not None), datetime.min.replace(tzinfo=UTC))


def _crash_patience(container: Json, ended: Json) -> timedelta:
    return REGISTRY if _ours(container) and number(ended, "exitCode") == UNAVAILABLE else AT_ONCE


MESSAGE: Final = 4096
"""Characters that Kubernetes keeps at most of what a container says at its end."""
SIGNALLED: Final = 128
"""Exit codes from here on name the signal that ended a container."""
UNAVAILABLE: Final = 69
EXITS: Final = {66: "the registry has no such version", UNAVAILABLE: "the model registry did not answer"}
"""What Callboard's own model server means by its exit codes, where its own line is not in the pod's status."""


def _exit(container: Json, ended: Json) -> str:
    if text(ended, "reason") == "OOMKilled":
        limit = text(container, "resources", "limits", "memory")
        return f"OOMKilled: out of memory{f', limit {limit}' if limit else ''}"
    code = number(ended, "exitCode")
    meaning = _last_words(ended) or (EXITS.get(code) if _ours(container) else None)
    return f"exit code {code}: {meaning}" if meaning else f"exit code {code}" if ended else "exit code unknown"


def _last_words(ended: Json) -> str:
    """Return the last line of what a container left when it ended by itself: whom a signal ended did not know why.

    https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/
    """
    lines = redact(text(ended, "message")[:MESSAGE]).split("\n") if number(ended, "exitCode") < SIGNALLED else []
    return next((clip(line, 200) for line in reversed(lines) if line.strip()), "")


def _ours(container: Json) -> bool:
    return "MODEL_STAGE" in env(container)


def _restarts(status: Json) -> str:
    count = number(status, "restartCount")
    return f"{count} {'restart' if count == 1 else 'restarts'}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _pull_error(message: str, image: str) -> str:
    """Return what stands behind the back-off: ErrImagePull and ImagePullBackOff alternate, and should read alike."""
    rest = message.removeprefix(f'Back-off pulling image "{image}"').removeprefix(": ").removeprefix("ErrImagePull: ")
    return "" if rest == image else rest


def _event(events: Sequence[Json], start: str) -> str:
    said = [text(e, "message") for e in sorted(events, key=event_time) if text(e, "message").startswith(start)]
    return said[-1] if said else ""


def _after(message: str) -> str:
    return f": {message}" if message else ""


def clip(message: str, limit: int = 300) -> str:
    """Return an outside message as one short line, secrets redacted."""
    line = " ".join(redact(message[: 10 * limit]).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
