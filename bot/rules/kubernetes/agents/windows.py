"""Sync windows of an Argo CD project: whether they forbid an automatic sync, and until when.

https://argo-cd.readthedocs.io/en/stable/user-guide/sync_windows/
https://github.com/argoproj/argo-cd/blob/37ee0097cf851bc2dd7665fc081bbce61a7e836e/pkg/apis/application/v1alpha1/types.go
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Final
from zoneinfo import ZoneInfo

from bot.domain.json import Json
from bot.rules.kubernetes.agents import cron
from bot.rules.kubernetes.raw import flag, items, text, texts

LONGEST: Final = timedelta(days=366)
_PART: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(h|m|s)")
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0}
CHANGES: Final = 20
"""How many windows in a row are looked through for the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window that concerns an application."""

    allows: bool
    schedule: cron.Schedule
    lasts: timedelta
    offset: timedelta
    """Of its time zone from UTC at present: Argo CD, too, takes the present one for every day."""

    def ends(self, moment: datetime) -> datetime | None:
        """Return when the window ends that is open at that moment; None if it is closed."""
        last = self.schedule.last(moment + self.offset, self.lasts)
        return last + self.lasts - self.offset if last is not None else None

    def starts(self, moment: datetime) -> datetime | None:
        """Return when it opens next."""
        found = self.schedule.next(moment + self.offset)
        return found - self.offset if found is not None else None


def blocked(project: Json, application: Json, now: datetime) -> bool:
    """Return whether the project forbids to sync the application automatically now.

    Raises:
        Malformed: one of them is not as Argo CD documents it.
    """
    return _changes(list(_windows(project, application, now)), now.astimezone(UTC)) is not None


def opens(project: Json, application: Json, now: datetime) -> datetime | None:
    """Return when an automatic sync is allowed again; None if it is, or if that is not known.

    Raises:
        Malformed: one of them is not as Argo CD documents it.
    """
    windows, moment = list(_windows(project, application, now)), now.astimezone(UTC)
    for _ in range(CHANGES):
        change = _changes(windows, moment)
        if change is None:
            return moment.replace(second=0, microsecond=0) if moment > now else None
        if change <= moment:
            return None
        moment = change + timedelta(seconds=1)  # a window is open only after its first moment
    return None


def _changes(windows: Sequence[Window], moment: datetime) -> datetime | None:
    """Return when what forbids a sync at that moment changes; None if nothing forbids it."""
    ends = [end for each in windows if not each.allows and (end := each.ends(moment)) is not None]
    if ends:
        return max(ends)
    allowing = [each for each in windows if each.allows]
    if not allowing or any(each.ends(moment) is not None for each in allowing):
        return None
    return min((start for each in allowing if (start := each.starts(moment)) is not None), default=moment)


def _windows(project: Json, application: Json, now: datetime) -> Iterator[Window]:
    """Yield the windows that concern the application; what cannot be read is left out."""
    for each in items(project, "spec", "syncWindows"):
        schedule, lasts = cron.parse(text(each, "schedule")), _duration(text(each, "duration"))
        if schedule is not None and lasts is not None and _concerns(each, application):
            offset = now.astimezone(_zone(text(each, "timeZone"))).utcoffset() or timedelta(0)
            yield Window(allows=text(each, "kind") == "allow", schedule=schedule, lasts=lasts, offset=offset)


def _concerns(window: Json, application: Json) -> bool:
    """Return whether a window is for the application: one of its lists names it, or with `andOperator`, all do."""
    destination = ("spec", "destination")
    clusters = [text(application, *destination, field) for field in ("name", "server")]
    about = {
        "applications": [text(application, "metadata", "name")],
        "clusters": clusters,
        "namespaces": [text(application, *destination, "namespace")],
    }
    lists = {field: found for field in about if (found := texts(window, field))}
    named = [any(fnmatchcase(v, p) for v in about[field] if v for p in found) for field, found in lists.items()]
    return bool(named) and (all if flag(window, "andOperator") else any)(named)


def _duration(written: str) -> timedelta | None:
    """Return a duration as Go writes it, such as `1h30m`; None for what is none, or is longer than a year."""
    parts = _PART.findall(written)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    whole = "".join(number + unit for number, unit in parts) == written
    return timedelta(seconds=seconds) if whole and 0 < seconds <= LONGEST.total_seconds() else None


def _zone(name: str) -> ZoneInfo:
    """Return a time zone; UTC for one that is not known, as Argo CD does."""
    try:
        return ZoneInfo(name or "UTC")
    except (ValueError, OSError, KeyError):  # no such key, or no such file
        return ZoneInfo("UTC")
