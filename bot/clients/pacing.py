"""Manners towards a system outside: how fast it may be asked, and when it wants to be left alone.

One of each for each destination, whoever asks there.  Nothing sleeps here: what is returned, or raised, says how long
to wait.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar

from bot import clock
from bot.domain.errors import Temporary

E = TypeVar("E", bound=Exception)
LONGEST: Final = timedelta(hours=1)
"""How long a system is left alone at most, whatever it asks for: GitHub's allowance is full again after an hour."""
SHORT: Final = timedelta(seconds=3)
"""A pause that is waited out on the spot: a turn takes a dozen calls, and would have to begin anew."""
SPREAD: Final = 0.2
"""So much longer, by chance, waits whoever was not there when it asked: not all of them come back at once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How long a system asks to be left alone, as far as it is followed."""

    after: timedelta | None = None
    """At most `LONGEST`; None where it named no time, or none that makes sense."""
    remark: str = ""
    """What to add to a sentence where this is not what was asked for."""


_LONGER: Final = Asked(LONGEST, " (it asked for a wait of more than an hour; Callboard waits one hour)")
_NO_TIME: Final = Asked(None, " (it asked for a wait that is no time, which is ignored)")


def asked(retry_after: str, *, now: Callable[[], datetime] = clock.now) -> Asked:
    """Read a `Retry-After`, in whole seconds or as a date.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    if not retry_after:
        return Asked()
    if _whole(retry_after):
        return _capped(float(retry_after))
    try:
        until = parsedate_to_datetime(retry_after[:40])
    except (ValueError, TypeError, OverflowError, IndexError):
        return _NO_TIME
    return _capped((until.replace(tzinfo=until.tzinfo or UTC) - now()).total_seconds())


def asked_until(moment: str, *, now: Callable[[], datetime] = clock.now) -> Asked:
    """Read a moment in Unix seconds, such as the one at which an allowance is full again."""
    if not moment:
        return Asked()
    return _capped(float(moment) - now().timestamp()) if _whole(moment) else _NO_TIME


def _whole(number: str) -> bool:
    return number.isascii() and number.isdigit()  # other digits are no number to `int`, or another one


def _capped(seconds: float) -> Asked:
    """Return a wait.  A number of as many digits as a header can hold is infinite here, and no error.

    A little over an hour is not worth a remark: the two clocks differ.
    """
    hour = LONGEST.total_seconds()
    return _LONGER if seconds > 1.1 * hour else Asked(timedelta(seconds=min(max(seconds, 0.0), hour)))


class Bucket:
    """So many calls at once, and after that one `every` so many seconds.  Kept as the moment at which it is full."""

    def __init__(self, *, every: float, burst: int) -> None:
        self._every = every
        self._room = (burst - 1) * every
        self._full = 0.0

    def turn(self, now: float) -> float:
        """Return the moment at which the next call may go."""
        return max(now, self._full - self._room)

    def take(self, at: float) -> None:
        """Keep a place for a call at that moment."""
        self._full = max(at, self._full) + self._every


class Quiet:
    """Leaves a system alone for as long as it asked for (`Retry-After`, an allowance that is used up).

    May be used by several threads: what it knows is one value.
    """

    def __init__(self, *, now: Callable[[], datetime] = clock.now) -> None:
        self._now = now
        self._asked: tuple[datetime, str] | None = None

    def heed(self, error: E) -> E:
        """Let nobody ask before the time that the system named is over, if it named one; return the error."""
        if isinstance(error, Temporary) and error.after is not None:
            self._asked = (self._now() + min(error.after, LONGEST), str(error))
        return error

    def check(self) -> None:
        """Return if it may be asked now.

        Raises:
            Temporary: not yet; the sentence is the system's own, for as long as it holds.
        """
        left = self.left()
        if self._asked is not None and left:
            raise Temporary(self._asked[1], after=left)

    def left(self) -> timedelta:
        """Return for how long it is to be left alone yet, a little longer by chance; zero: it may be asked."""
        left = self._asked[0] - self._now() if self._asked is not None else timedelta(0)
        return min(max(left, timedelta(0)) * random.uniform(1, 1 + SPREAD), LONGEST)  # noqa: S311
