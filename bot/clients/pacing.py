"""Manners towards a system outside: how fast it may be asked, and when it wants to be left alone.

One of each for each destination, whoever asks there.  Nothing sleeps here: what is returned, or raised, says how long
to wait.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
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
        return max(left, timedelta(0)) * random.uniform(1, 1 + SPREAD)  # noqa: S311
