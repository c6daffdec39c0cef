"""Numbers and times as people read them.  Plain characters only, so they need no escaping anywhere."""

import math
from datetime import timedelta

DAY = 24 * 60 * 60


def duration(span: timedelta) -> str:
    """Return "41 seconds", "2 minutes 5 seconds" or "1 day 4 hours": the two largest units, without an empty second."""
    seconds = max(0, int(span.total_seconds() + 0.5))
    for size, unit, small, part in (
        (DAY, "day", 3600, "hour"),
        (3600, "hour", 60, "minute"),
        (60, "minute", 1, "second"),
    ):
        if seconds >= size:
            rest = seconds % size // small
            return _count(seconds // size, unit) + (f" {_count(rest, part)}" if rest else "")
    return _count(seconds, "second")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" + ("" if number == 1 else "s")


def number(value: float) -> str:
    """Return a metric's value in about four digits: "0.9667", "128", "1.5e-07"."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else _signed("∞", value)
    size = abs(value)
    if size >= 1e7 or 0 < size < 1e-3:  # noqa: PLR2004  (where counting zeros becomes hard)
        return _signed(f"{size:.4g}", value)
    shown = f"{size:.4f}" if size < 1000 else f"{size:.1f}"  # noqa: PLR2004  (four digits before the point are enough)
    return _signed(shown.rstrip("0").rstrip("."), value)


def difference(live: float, candidate: float) -> str:
    """Return by how much a metric differs: "+0.0333", "−2", "unchanged"; "" where that cannot be said."""
    if live == candidate or math.isclose(live, candidate, rel_tol=1e-9):
        return "unchanged"
    by = candidate - live
    if not math.isfinite(by):
        return ""
    return number(by) if by < 0 else f"+{number(by)}"


def _signed(shown: str, value: float) -> str:
    return f"−{shown}" if value < 0 else shown
