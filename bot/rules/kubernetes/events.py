"""What the events about a pod say about the present: those that were overtaken are no cause.

The kubelet's reasons: https://github.com/kubernetes/kubernetes/blob/master/pkg/kubelet/events/event.go.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.reasons.pods import KilledByProbe, NoScaleUp, ScaleUp
from bot.rules.kubernetes.quoting import quote
from bot.rules.kubernetes.raw import condition, flag, items, mapping, moment, text

KILLED_WITHIN: Final = timedelta(minutes=5)
"""How far apart a container's end and the event that explains it may be: a grace period lies between them."""

_PROBE_FAILED: Final = re.compile(r"Container (\S+) failed (liveness|startup) probe")
_PROBES: Final = {"Liveness": "liveness", "Startup": "startup"}
_SIGNALLED: Final = {137, 143}
"""SIGKILL and SIGTERM: how a container ends that its kubelet kills."""
_SCALING: Final = {"TriggeredScaleUp": ScaleUp, "Nominated": ScaleUp, "NotTriggerScaleUp": NoScaleUp}
"""The events of the cluster autoscaler and of Karpenter."""
_SCHEDULING: Final = {"FailedScheduling"}
_PREPARING: Final = {
    *("FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox", "NetworkNotReady"),
    *("FailedCreatePodContainer", "FailedPrepareDynamicResources"),
}
_STARTING: Final = {"Failed", "InspectFailed", "ErrImageNeverPull", "FailedPostStartHook"}
_PREPARED: Final = {"Pulling", "Pulled", "Created", "Started"}
_STARTED: Final = {"Pulled", "Created", "Started"}
_NOT_PREPARED: Final = {"", "ContainerCreating", "PodInitializing"}


def event_time(event: Json) -> datetime:
    """Return when an event last occurred, which is in one of four fields, or when it was created."""
    places = (("series", "lastObservedTime"), ("lastTimestamp",), ("eventTime",), ("firstTimestamp",))
    found = (moment(event, *place) for place in (*places, ("metadata", "creationTimestamp")))
    return next((time for time in found if time is not None), datetime.min.replace(tzinfo=UTC))


def newest_first(events: Iterable[Json]) -> list[Json]:
    """Return events, the newest first."""
    return sorted(events, key=event_time, reverse=True)


def about(pod: Json, events: Iterable[Json]) -> list[Json]:
    """Return the events about a pod, the newest first; those of an earlier pod of that name have another uid."""
    name, uid = text(pod, "metadata", "name"), text(pod, "metadata", "uid")
    return newest_first(
        event
        for event in events
        if (text(event, "involvedObject", "kind"), text(event, "involvedObject", "name")) == ("Pod", name)
        and (not uid or text(event, "involvedObject", "uid") in {"", uid})
    )


def newest_message(events: Sequence[Json], start: str) -> str:
    """Return the newest message that starts so; `events` are sorted, the newest first."""
    return next((text(e, "message") for e in events if text(e, "message").startswith(start)), "")


def current_warnings(pod: Json, events: Sequence[Json]) -> list[Json]:
    """Return the warnings about a pod that were not overtaken, the newest first."""
    return [e for i, e in enumerate(events) if text(e, "type") == "Warning" and not _overtaken(pod, e, events[:i])]


def _overtaken(pod: Json, event: Json, later: Sequence[Json]) -> bool:
    """Return whether the pod has come further since: by its own status, or by later events."""
    reason, since = text(event, "reason"), {text(e, "reason") for e in later if text(e, "type") == "Normal"}
    scheduled = text(condition(pod, "PodScheduled"), "status") == "True"
    if reason in _SCHEDULING:
        return scheduled or bool(since & {"Scheduled", *_PREPARED})
    if reason in _PREPARING:
        return _prepared(pod, event) or bool(since & _PREPARED)
    if reason in _STARTING:
        return _started(pod) or bool(since & _STARTED)
    return reason == "Unhealthy" and _probed_since(pod, event)


def _containers(pod: Json) -> list[Json]:
    return items(pod, "status", "initContainerStatuses") + items(pod, "status", "containerStatuses")


def _prepared(pod: Json, event: Json) -> bool:
    """Return whether volumes and network are there since: a container runs, or waits for something that comes later."""
    return any(
        _runs_since(s, event) or text(s, "state", "waiting", "reason") not in _NOT_PREPARED for s in _containers(pod)
    )


def _runs_since(status: Json, event: Json) -> bool:
    start = moment(status, "state", "running", "startedAt")
    return start is not None and start > event_time(event)


def _started(pod: Json) -> bool:
    statuses = items(pod, "status", "containerStatuses")
    return bool(statuses) and all(mapping(s, "state", "running") for s in statuses)


def _probed_since(pod: Json, event: Json) -> bool:
    """Return whether the container that was probed has been restarted since, or has passed its startup probe."""
    statuses = [s for s in _containers(pod) if text(event, "involvedObject", "fieldPath") in {"", _field(pod, s)}]
    if statuses and all(_runs_since(s, event) for s in statuses):
        return True
    startup = text(event, "message").startswith("Startup")
    return startup and bool(statuses) and all(flag(s, "started") for s in statuses)


def _field(pod: Json, status: Json) -> str:
    init = status in items(pod, "status", "initContainerStatuses")
    return f"spec.{'initContainers' if init else 'containers'}{{{text(status, 'name')}}}"


def killed_by_probe(container: str, ended: Json, events: Sequence[Json], *, alone: bool) -> Reason | None:
    """Return the probe because of which a container was killed; `alone`: it is the pod's only container.

    The kubelet says so in an event `Killing`, which may be lost; then a failed probe explains the signal.
    """
    near = [e for e in events if _near(e, moment(ended, "finishedAt"))]
    failures = [e for e in near if text(e, "reason") == "Unhealthy" and _is_about(e, container, alone=alone)]
    for event in near:
        said = _PROBE_FAILED.search(text(event, "message")[:1000])
        if text(event, "reason") == "Killing" and said and said[1] == container:
            return _killed(said[2], failures)
    if ended.get("exitCode") not in _SIGNALLED:
        return None
    probes = (_PROBES.get(text(event, "message").partition(" ")[0]) for event in failures)
    return next((_killed(probe, failures) for probe in probes if probe), None)


def _killed(probe: str, failures: Sequence[Json]) -> KilledByProbe:
    start = f"{probe.capitalize()} probe failed"
    detail = newest_message(failures, start).removeprefix(start).removeprefix(": ")
    return KilledByProbe(probe=Name(probe), message=quote(detail))


def _near(event: Json, finished: datetime | None) -> bool:
    return finished is None or abs(event_time(event) - finished) <= KILLED_WITHIN


def _is_about(event: Json, container: str, *, alone: bool) -> bool:
    field = text(event, "involvedObject", "fieldPath")
    return field.endswith(f"{{{container}}}") if field else alone


def scale_up(events: Sequence[Json]) -> Reason | None:
    """Return what the autoscaler said last about a pod without a node."""
    for event in events:
        if found := _SCALING.get(text(event, "reason")):
            return found(message=quote(text(event, "message")))
    return None
