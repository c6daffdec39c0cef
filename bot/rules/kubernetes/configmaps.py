"""Whether the running pods have the pin that a ConfigMap holds: Kubernetes restarts none when it changes.

A pod reads its ConfigMaps when a container starts.  So it has the pin if it was created after the ConfigMap got it, or
if its container has not started yet.  When a container started would be by the clock of its node.

When the ConfigMap got it is told by `managedFields`, by the same clock as a pod's creation, also after a restart of the
bot.  Where servers may leave that time as it was (`reduced`), it is when the bot saw the change: at its start it sees
every one, so that pods that were restarted meanwhile count as old.  That is the lesser evil: a time that is too late
makes people restart pods once more, and one that is too early would take a release for picked up that is not.  Times
have whole seconds; in the same second, a pod counts as new, because its container starts later than it is created.

A name that ends in kustomize's hash has one content for ever, so all pods that name it have that.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.domain.json import Json
from bot.domain.reason import Command, Name, Reason
from bot.domain.reasons.configmaps import ChangeUndated, PodsOlder
from bot.domain.reasons.health import ChangeNotObserved
from bot.domain.reasons.rollout import NoNewPod
from bot.domain.target import Pin
from bot.rules.kubernetes.environment import KEPT, ConfigMaps, pins_in
from bot.rules.kubernetes.kinds import restart, unobserved, wanted
from bot.rules.kubernetes.raw import flag, items, mapping, moment, text
from bot.rules.kubernetes.workloads import model_container, pinning, why_unknown

SINCE: Final = "callboard/pin-since"
"""Annotation on a pruned ConfigMap: since when its pin may be what it is."""
_HASHED: Final = re.compile(r".-[bcdfghkmt2456789]{10}")
"""https://github.com/kubernetes-sigs/kustomize/blob/master/api/hasher/hasher.go (`encode`)"""


def by_name(seen: Sequence[Json] | Reason | None) -> ConfigMaps:
    """Return the ConfigMaps of a snapshot by their names."""
    if seen is None or isinstance(seen, Reason):
        return seen
    return {text(configmap, "metadata", "name"): configmap for configmap in seen}


def reduced(obj: Json) -> Json:
    """Return what is kept of a ConfigMap: its name, the entries that may be a pin, and since when it has them."""
    kept = {"metadata": {"name": text(obj, "metadata", "name")}, "data": pins_in(mapping(obj, "data"))}
    since = pinned_since(obj)
    return _with_since(kept, since.isoformat()) if since is not None else kept


def seen(kept: Json, before: Json | None, now: datetime) -> Json:
    """Return a reduced ConfigMap with since when it was seen so, if it does not tell by itself since when it is so."""
    if moment(kept, "metadata", "annotations", SINCE) is not None or not mapping(kept, "data"):
        return kept
    same = before is not None and mapping(before, "data") == mapping(kept, "data")
    since = text(before or {}, "metadata", "annotations", SINCE) if same else ""
    return _with_since(kept, since or now.isoformat())


def _with_since(kept: Json, since: str) -> Json:
    return {**kept, "metadata": {**mapping(kept, "metadata"), "annotations": {SINCE: since}}}


def pinned_since(configmap: Json) -> datetime | None:
    """Return a moment, by the API server's clock, since when a ConfigMap holds the pin; None if it does not tell.

    It is when the owner of a part of the pin last used server-side apply, which may have changed something else; an
    immutable ConfigMap has never changed.  After any other write, Kubernetes before 1.25 leaves the time as it was if
    the writer owned the same fields before: https://github.com/kubernetes/kubernetes/issues/109576
    """
    kept = moment(configmap, "metadata", "annotations", SINCE)
    if kept is not None or flag(configmap, "immutable"):
        return kept or moment(configmap, "metadata", "creationTimestamp")
    owners = [entry for entry in items(configmap, "metadata", "managedFields") if _owns_pin(entry)]
    times = [moment(entry, "time") for entry in owners if text(entry, "operation") == "Apply"]
    known = [time for time in times if time is not None]
    return max(known) if known and len(known) == len(owners) else None


def _owns_pin(entry: Json) -> bool:
    return any(field.startswith(f"f:{KEPT}") for field in mapping(entry, "fieldsV1", "f:data"))


def pending(workload: Json, pods: Sequence[Json], pin: Pin | None, stage: str, configmaps: ConfigMaps) -> Reason | None:
    """Return why the pods may not have the pin that is in a ConfigMap, or why it is not known; None: they have it.

    `pods` are those of the new revision that are alive.
    """
    if pin is None and configmaps is not None:
        return why_unknown(workload, configmaps)
    if pin is None or configmaps is None or isinstance(configmaps, Reason):
        return None
    plain, command = list(_plain(workload, stage, configmaps)), restart(workload)
    if not plain or command is None:
        return None
    if unobserved(workload) or (not pods and wanted(workload, 0)):
        return ChangeNotObserved() if unobserved(workload) else NoNewPod()
    return _stale(pods, plain, command, pin, stage, configmaps)


def _stale(
    pods: Sequence[Json],
    plain: Sequence[tuple[Name, datetime | None]],
    command: Command,
    pin: Pin,
    stage: str,
    configmaps: Mapping[str, Json],
) -> Reason | None:
    """Return which ConfigMap a pod has read before it was changed, and how to restart the pods."""
    running = [pod for pod in pods if _started(pod, stage, configmaps)]
    stale = next(((name, since) for name, since in plain if any(_before(pod, since) for pod in running)), None)
    if stale is None:
        return None
    undated = ChangeUndated(configmap=stale[0], version=pin.version)
    return PodsOlder(configmap=stale[0], version=pin.version, restart=command) if stale[1] else undated


def older(made: Json, workload: Json, stage: str, configmaps: ConfigMaps) -> bool:
    """Return whether an object was created before a ConfigMap got the workload's pin; so may its pods have been."""
    if configmaps is None or isinstance(configmaps, Reason):
        return False
    return any(_before(made, since) for _, since in _plain(workload, stage, configmaps))


def _plain(workload: Json, stage: str, configmaps: Mapping[str, Json]) -> Iterator[tuple[Name, datetime | None]]:
    """Yield the ConfigMaps with the pin whose content may change, and since when they have it."""
    for configmap in pinning(workload, stage, configmaps):
        name = text(configmap, "metadata", "name")
        if not _HASHED.fullmatch(name[-12:]):
            yield Name(name), pinned_since(configmap)


def _before(made: Json, since: datetime | None) -> bool:
    created = moment(made, "metadata", "creationTimestamp")
    return since is None or created is None or created < since.replace(microsecond=0)


def _started(pod: Json, stage: str, configmaps: ConfigMaps) -> bool:
    """Return whether the model's container, else the first one, has read its environment: it runs, or has ended."""
    spec = mapping(pod, "spec")
    container = model_container(spec, stage, configmaps) or next(iter(items(spec, "containers")), {})
    name = text(container, "name")
    status = next((each for each in items(pod, "status", "containerStatuses") if text(each, "name") == name), {})
    return any(mapping(status, "state", state) for state in ("running", "terminated"))
