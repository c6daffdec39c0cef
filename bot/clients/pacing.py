"""Rate limits: how fast an outside system may be asked, and how long to back off when it asks for that.

Each destination has one of each, shared by all callers.  Nothing sleeps here: what is returned or raised says how long
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
from bot.domain.reason import Reason
from bot.domain.reasons.systems import WaitIgnored, WaitShortened

E = TypeVar("E", bound=Exception)
MAX_WAIT: Final = timedelta(hours=1)
"""The longest time to back off, whatever a system asks for: GitHub's rate limit is reset after an hour."""
SHORT: Final = timedelta(seconds=3)
"""The longest wait that is slept through at once: otherwise a pass of a dozen calls would have to start again."""
SPREAD: Final = 0.2
"""Jitter, as a share of the wait, so that not all callers return at once."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How long a system asks callers to back off, as far as Callboard complies."""

    after: timedelta | None = None
    """At most `MAX_WAIT`; None where it named no time, or no valid one."""
    remark: Reason | None = None
    """What to add where this is not what was asked for."""


_SHORTENED: Final = Asked(MAX_WAIT, WaitShortened(limit=MAX_WAIT))
_IGNORED: Final = Asked(None, WaitIgnored())


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
        return _IGNORED
    return _capped((until.replace(tzinfo=until.tzinfo or UTC) - now()).total_seconds())


def asked_until(moment: str, *, now: Callable[[], datetime] = clock.now) -> Asked:
    """Read a moment in Unix seconds, such as the one at which a rate limit is reset."""
    if not moment:
        return Asked()
    return _capped(float(moment) - now().timestamp()) if _whole(moment) else _IGNORED


def _whole(number: str) -> bool:
    return number.isascii() and number.isdigit()  # `int` rejects or misreads other digits


def _capped(seconds: float) -> Asked:
    """Return a wait.  A number too large for a float becomes infinite, which is not an error.

    A little over an hour is not worth a remark: the two clocks differ.
    """
    hour = MAX_WAIT.total_seconds()
    return _SHORTENED if seconds > 1.1 * hour else Asked(timedelta(seconds=min(max(seconds, 0.0), hour)))


class TokenBucket:
    """Allows `burst` calls at once, and then one `every` so many seconds.  Kept as the moment at which it is full."""

    def __init__(self, *, every: float, burst: int) -> None:
        self._every = every
        self._room = (burst - 1) * every
        self._full = 0.0

    def next_slot(self, now: float) -> float:
        """Return the moment at which the next call may go."""
        return max(now, self._full - self._room)

    def take(self, at: float) -> None:
        """Reserve a slot for a call at that moment."""
        self._full = max(at, self._full) + self._every


class Cooldown:
    """Backs off for as long as a system asked for (`Retry-After`, a rate limit that is used up).

    Safe for several threads: its state is one value.
    """

    def __init__(self, *, now: Callable[[], datetime] = clock.now) -> None:
        self._now = now
        self._asked: tuple[datetime, Reason] | None = None

    def heed(self, error: E) -> E:
        """Block further calls for the time that the system named, if it named one; return the error."""
        if isinstance(error, Temporary) and error.after is not None:
            self._asked = (self._now() + min(error.after, MAX_WAIT), error.reason)
        return error

    def check(self) -> None:
        """Return if the system may be called now.

        Raises:
            Temporary: not yet, for the reason with which the system asked for it.
        """
        left = self.left()
        if self._asked is not None and left:
            raise Temporary(self._asked[1], after=left)

    def left(self) -> timedelta:
        """Return how long to back off yet, with jitter; zero: the system may be called."""
        left = self._asked[0] - self._now() if self._asked is not None else timedelta(0)
        return min(max(left, timedelta(0)) * random.uniform(1, 1 + SPREAD), MAX_WAIT)  # noqa: S311  (jitter, no secret)
