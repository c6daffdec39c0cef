"""Numbers and times as people read them.  Plain characters only, so they need no escaping anywhere."""

import math
from datetime import timedelta

DAY = 24 * 60 * 60


def duration(span: timedelta) -> str:
    """Return "41 s", "2 min 5 s", "3 h 10 min" or "2 d 4 h": the two largest units, the second only where it counts."""
    seconds = max(0, int(span.total_seconds() + 0.5))
    for size, unit, small, part in ((DAY, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if seconds >= size:
            rest = seconds % size // small
            return f"{seconds // size} {unit}" + (f" {rest} {part}" if rest else "")
    return f"{seconds} s"


def number(value: float) -> str:
    """Return a metric's value in about four digits: "0.9667", "128", "1.5e-07"."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else _signed("∞", value)
    size = abs(value)
    if size >= 1e7 or 0 < size < 1e-3:  # noqa: PLR2004  (where counting zeros becomes hard)
        return _signed(f"{size:.4g}", value)
    shown = f"{size:.4f}" if size < 1000 else f"{size:.1f}"  # noqa: PLR2004
    return _signed(shown.rstrip("0").rstrip("."), value)


def change(live: float, candidate: float) -> str:
    """Return by how much a metric differs: "+0.0333", "−2", "unchanged"; "" where that cannot be said."""
    if live == candidate or math.isclose(live, candidate, rel_tol=1e-9):
        return "unchanged"
    difference = candidate - live
    if not math.isfinite(difference):
        return ""
    return number(difference) if difference < 0 else f"+{number(difference)}"


def _signed(shown: str, value: float) -> str:
    return f"−{shown}" if value < 0 else shown
