"""Moments and spans of time as people type them: `until 2026-12-27T18:00 Europe/Berlin`, `for 3d`.

Lenient about form, strict about meaning: a moment in the past, or more than a year ahead, is refused with what to type.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.domain.errors import Misunderstood
from bot.domain.reason import Name
from bot.domain.reasons.commands import DatePassed, MoreThanAYear, NotADate, NotADuration, UnknownTimeZone

MAX_FREEZE: Final = timedelta(days=366)

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN: Final = re.compile(r"([0-9]{1,4}) ?(m|min|minutes?|h|hours?|d|days?|w|weeks?)")
_MOMENT: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})(?:[Tt ](?P<time>[0-9]{1,2}:[0-9]{2}))?(?P<zone>| ?\S+)"
)
_OLDEST: Final = 1970
"""Dates in earlier years are slips, and the first and last years have no UTC in some time zones."""
_OFFSET: Final = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")


def span(words: Sequence[str], now: datetime) -> datetime:
    """Return the end of the span that begins now: `3d`, `36h`, `2 weeks`.

    Raises:
        Misunderstood: it is not a span, or longer than a year.
    """
    text = " ".join(words).casefold()
    found = _SPAN.fullmatch(text)
    if found is None or not int(found[1]):
        raise Misunderstood(NotADuration(text=Name(text)))
    length = timedelta(**{_UNITS[found[2][0]]: int(found[1])})
    if length > MAX_FREEZE:
        raise Misunderstood(MoreThanAYear(text=Name(f"for {text}")))
    return now + length


def moment(words: Sequence[str], now: datetime) -> datetime:
    """Return the moment of a date, which may have a time and a time zone; without them, 00:00 and UTC.

    Raises:
        Misunderstood: it is not a date, in the past, or more than a year ahead.
    """
    text = " ".join(words)
    found = _MOMENT.fullmatch(text)
    if found is None or int(found["date"][:4]) < _OLDEST:
        raise Misunderstood(NotADate(text=Name(text)))
    try:
        bare = datetime.strptime(f"{found['date']} {found['time'] or '0:00'}", "%Y-%m-%d %H:%M")  # noqa: DTZ007  (the time zone is read apart, below)
    except ValueError:
        raise Misunderstood(NotADate(text=Name(text))) from None
    named = bare.replace(tzinfo=_zone(found["zone"].strip()))
    if named <= now:
        raise Misunderstood(DatePassed(text=Name(text), moment=named.astimezone(UTC), now=now))
    if named - now > MAX_FREEZE:
        raise Misunderstood(MoreThanAYear(text=Name(f"until {text}")))
    return named.astimezone(UTC)


def _zone(name: str) -> tzinfo:
    if name.casefold() in {"", "z", "utc"}:
        return UTC
    if (offset := _OFFSET.fullmatch(name)) is not None and int(offset[2]) < 24 and int(offset[3]) < 60:  # noqa: PLR2004  (hours and minutes)
        sign = -1 if offset[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
    for spelt in (name, name.title()):
        with suppress(ValueError, OSError, ZoneInfoNotFoundError):
            return ZoneInfo(spelt)
    raise Misunderstood(UnknownTimeZone(zone=Name(name)))
