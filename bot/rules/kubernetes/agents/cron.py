"""The schedule of a sync window: five fields, as Argo CD's parser reads them.

https://pkg.go.dev/github.com/robfig/cron/v3#hdr-CRON_Expression_Format
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_BOUNDS: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_NAMES: Final[tuple[Mapping[str, int], ...]] = (
    {},
    {},
    {},
    {name: number for number, name in enumerate(MONTHS, 1)},
    {name: number for number, name in enumerate(WEEKDAYS)},
)
AHEAD: Final = timedelta(days=400)
"""How far ahead the next start is searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When something starts, in wall-clock time."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool
    """Both the day of the month and of the week are restricted: then one of them is enough."""

    def next(self, after: datetime) -> datetime | None:
        """Return the first start after that moment; None if there is none for more than a year."""
        days = (after + timedelta(days=day) for day in range(AHEAD.days))
        starts = (start for day in days for start in self._starts(day))
        return next((start for start in starts if start > after), None)

    def last(self, before: datetime, within: timedelta) -> datetime | None:
        """Return the last start before that moment; None if there is none within that time."""
        days = (before - timedelta(days=day) for day in range(within.days + 2))
        starts = (start for day in days for start in reversed(list(self._starts(day))))
        found = next((start for start in starts if start < before), None)
        return found if found is not None and found > before - within else None

    def _starts(self, day: datetime) -> Iterator[datetime]:
        """Yield the starts of a day, in their order."""
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        if day.month in self.months and (of_month or of_week if self.either else of_month and of_week):
            for hour in sorted(self.hours):
                yield from (
                    datetime.combine(day.date(), time(hour, minute), day.tzinfo) for minute in sorted(self.minutes)
                )


def parse(text: str) -> Schedule | None:
    """Return a schedule; None for what is none."""
    fields = text.split()
    if len(fields) != len(_BOUNDS):
        return None
    try:
        sets = [_set(field, *bounds, names) for field, bounds, names in zip(fields, _BOUNDS, _NAMES, strict=True)]
    except ValueError:
        return None
    either = not any(part.startswith(("*", "?")) for field in (fields[2], fields[4]) for part in field.split(","))
    minutes, hours, days, months, weekdays = sets
    return Schedule(minutes=minutes, hours=hours, days=days, months=months, weekdays=weekdays, either=either)


def _set(field: str, least: int, most: int, names: Mapping[str, int]) -> frozenset[int]:
    return frozenset(number for part in field.split(",") for number in _range(part, least, most, names))


def _range(part: str, least: int, most: int, names: Mapping[str, int]) -> range:
    span, slash, step = part.partition("/")
    first, dash, end = span.partition("-")
    if first in {"*", "?"}:
        low, high = least, most
    else:
        low = _number(first, names)
        high = _number(end, names) if dash else most if slash else low
    every = _number(step, {}) if slash else 1
    if not least <= low <= high <= most or every < 1:
        raise ValueError(part)
    return range(low, high + 1, every)


def _number(text: str, names: Mapping[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    if not (text.isascii() and text.isdecimal() and len(text) < 4):  # noqa: PLR2004 - no field has larger numbers
        raise ValueError(text)
    return int(text)
