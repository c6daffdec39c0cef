"""Moments and spans of time as people type them: `until 2026-12-27T18:00 Europe/Berlin`, `for 3d`.

Lenient about form, strict about meaning: what is over, or ahead by more than a year, is refused with what to type.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.domain.errors import Misunderstood
from bot.rules.wording.escape import code

LONGEST: Final = timedelta(days=366)
EXAMPLES: Final = "`until 2026-12-27`, `until 2026-12-27T18:00 Europe/Berlin` or `for 3d`"

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SPAN: Final = re.compile(r"([0-9]{1,4}) ?(m|min|minutes?|h|hours?|d|days?|w|weeks?)")
_MOMENT: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})(?:[Tt ](?P<time>[0-9]{1,2}:[0-9]{2}))?(?P<zone>| ?\S+)"
)
_OFFSET: Final = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")


def span(words: Sequence[str], now: datetime) -> datetime:
    """Return the end of the span that begins now: `3d`, `36h`, `2 weeks`.

    Raises:
        Misunderstood: it is none, or longer than a year.
    """
    said = " ".join(words).casefold()
    found = _SPAN.fullmatch(said)
    if found is None or not int(found[1]):
        raise Misunderstood(f"{code(said)} is not a span of time. Type {EXAMPLES}.")
    length = timedelta(**{_UNITS[found[2][0]]: int(found[1])})
    if length > LONGEST:
        raise Misunderstood(_too_long(f"for {said}"))
    return now + length


def moment(words: Sequence[str], now: datetime) -> datetime:
    """Return the moment that is named: a date, with a time and a time zone if you like; without them, 00:00 and UTC.

    Raises:
        Misunderstood: it is none, it is over, or ahead by more than a year.
    """
    said = " ".join(words)
    found = _MOMENT.fullmatch(said)
    if found is None:
        raise Misunderstood(f"{code(said)} is not a moment. Type {EXAMPLES}.")
    try:
        bare = datetime.strptime(f"{found['date']} {found['time'] or '0:00'}", "%Y-%m-%d %H:%M")  # noqa: DTZ007
    except ValueError:
        raise Misunderstood(f"{code(said)} is in no calendar. Type {EXAMPLES}.") from None
    named = bare.replace(tzinfo=_zone(found["zone"].strip()))
    if named <= now:
        raise Misunderstood(
            f"{code(said)} is over already: that is {_utc(named)}, and now it is {_utc(now)}. Name a later moment, "
            "with a time if need be: `until 2026-12-27T18:00`."
        )
    if named - now > LONGEST:
        raise Misunderstood(_too_long(f"until {said}"))
    return named.astimezone(UTC)


def _zone(name: str) -> tzinfo:
    if name.casefold() in {"", "z", "utc"}:
        return UTC
    if (offset := _OFFSET.fullmatch(name)) is not None and int(offset[2]) < 24 and int(offset[3]) < 60:  # noqa: PLR2004
        sign = -1 if offset[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
    for spelt in (name, name.title()):
        with suppress(ValueError, OSError, ZoneInfoNotFoundError):
            return ZoneInfo(spelt)
    raise Misunderstood(f"I know no time zone {code(name)}. Type its name, such as `Europe/Berlin`, or `UTC`.")


def _too_long(said: str) -> str:
    return f"{code(said)} is more than a year. Leave it out: then the stage is frozen until somebody thaws it."


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
