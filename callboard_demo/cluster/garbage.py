"""Garbage collection: dependents of deleted owners, contents of deleted namespaces, old events.

Pure: from all objects to keys.  Not here: the deletion itself (`controllers.py`).
Source: https://kubernetes.io/docs/concepts/architecture/garbage-collection/
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.domain.json import Json
from callboard_demo.cluster.objects import moment
from callboard_demo.cluster.storage import Key

EVENT_LIFE: Final = timedelta(hours=1)
MOST_EVENTS: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What to do, in this order."""

    disown: tuple[Key, ...] = ()
    """Dependents to orphan: their references to terminating owners are removed."""
    delete: tuple[Key, ...] = ()
    finish: tuple[Key, ...] = ()
    """Terminating objects without dependents: their finalizer is removed."""
    remove: tuple[Key, ...] = ()
    """To be removed at once: empty terminating namespaces, and old events."""


def sweep(objects: Mapping[Key, Json], now: datetime) -> Sweep:
    """Return what to remove now; repeated after every deletion, this works down chains of owners."""
    uids = {value["metadata"]["uid"]: key for key, value in objects.items()}
    owned: dict[Key, list[Key]] = {}
    orphaned: list[Key] = []
    for key, value in objects.items():
        owners = [o["uid"] for o in value["metadata"].get("ownerReferences") or ()]
        for uid in owners:
            if uid in uids:
                owned.setdefault(uids[uid], []).append(key)
        if owners and not any(uid in uids for uid in owners):
            orphaned.append(key)
    leaving = {key: value for key, value in objects.items() if value["metadata"].get("deletionTimestamp")}
    foreground, orphan = _held(leaving, "foregroundDeletion"), _held(leaving, "orphan")
    dependents = [child for key in foreground for child in owned.get(key, ())]
    inside = _inside_leaving_namespaces(objects, leaving)
    doomed = dict.fromkeys([*orphaned, *dependents, *inside])
    return Sweep(
        disown=tuple(child for key in orphan for child in owned.get(key, ())),
        delete=tuple(key for key in doomed if key not in leaving),
        finish=tuple([*orphan, *(key for key in foreground if not owned.get(key))]),
        remove=tuple([*_empty_namespaces(objects, leaving), *_old_events(objects, now)]),
    )


def _held(leaving: Mapping[Key, Json], finalizer: str) -> list[Key]:
    return [key for key, value in leaving.items() if finalizer in (value["metadata"].get("finalizers") or ())]


def _leaving_namespaces(leaving: Mapping[Key, Json]) -> set[str]:
    return {key.name for key in leaving if (key.group, key.plural) == ("", "namespaces")}


def _inside_leaving_namespaces(objects: Mapping[Key, Json], leaving: Mapping[Key, Json]) -> list[Key]:
    names = _leaving_namespaces(leaving)
    return [key for key in objects if key.namespace in names]


def _empty_namespaces(objects: Mapping[Key, Json], leaving: Mapping[Key, Json]) -> list[Key]:
    used = {key.namespace for key in objects}
    return [Key("", "namespaces", "", name) for name in _leaving_namespaces(leaving) if name not in used]


def _old_events(objects: Mapping[Key, Json], now: datetime) -> list[Key]:
    events = [
        (v.get("lastTimestamp") or v["metadata"]["creationTimestamp"], k)
        for k, v in objects.items()
        if k.plural == "events"
    ]
    events.sort()
    surplus = {key for _, key in events[: max(0, len(events) - MOST_EVENTS)]}
    return [key for at, key in events if key in surplus or moment(at) + EVENT_LIFE < now]
