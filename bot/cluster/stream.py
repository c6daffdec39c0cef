"""The state of one list and watch: whether it is open, since when not, and why."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from bot.domain.errors import Temporary
from bot.domain.reason import Name, Reason
from bot.domain.reasons.cluster import NoAnswerYet, NotWatched, Silent

MOMENT: Final = timedelta(seconds=1)
"""How long the break between two watches may last without any target noticing."""
LOST: Final = timedelta(seconds=10)
"""How long a watch may be interrupted before its objects no longer count as current."""
STABLE: Final = timedelta(seconds=5)
"""A watch that lasted for less has failed, however it ended."""
MAX_PAUSE: Final = timedelta(seconds=4)
"""The longest pause between two attempts: however long the server was away, its return is noticed soon."""
REFUSED_PAUSE: Final = timedelta(seconds=30)
"""The longest pause after a refusal, which lasts until somebody gives the bot permission."""
UNASKED: Final = timedelta(minutes=10)
"""How long an agent's object is watched after it was last asked for."""


@dataclass(slots=True, kw_only=True)
class Stream:
    """One list and watch.  Mutable; its moments are by the loop's clock."""

    kind: str
    name: str = ""
    """Of the one object that is watched; empty: all of the kind."""
    asked_at: float | None = None
    """When it was last asked for, if it ends without that."""
    interrupted_since: float | None
    """None while the watch is open."""
    version: str | None = None
    """To continue from; None: list first."""
    listed: bool = False
    why: Reason = field(default_factory=NoAnswerYet)
    refused: bool = False
    opened_at: float = 0.0
    failures: int = 0
    """Since the watch was last stable, or sent anything."""
    limit: asyncio.Timeout | None = None
    """By which an open watch is broken off."""

    @property
    def wanted(self) -> bool:
        """Return whether anybody still asks for it."""
        return self.asked_at is None or _now() - self.asked_at < UNASKED.total_seconds()

    @property
    def lost(self) -> bool:
        """Return whether it was interrupted for so long that its objects do not count as current."""
        return self.interrupted_since is not None and _now() - self.interrupted_since > LOST.total_seconds()

    def connected(self, wake: Callable[[], None] = lambda: None) -> None:
        """Record that the watch is open; if it was away for more than a moment, wake the targets."""
        now = self.opened_at = _now()
        since, self.interrupted_since, self.refused = self.interrupted_since, None, False
        if since is not None and now - since > MOMENT.total_seconds():
            wake()

    def interrupted(self, why: Reason) -> None:
        """Record that the watch is not open, and why."""
        if self.interrupted_since is None:
            self.interrupted_since = now = _now()
            if now - self.opened_at >= STABLE.total_seconds():
                self.failures = 0
        self.why, self.failures = why, self.failures + 1

    @asynccontextmanager
    async def unless_broken_off(self) -> AsyncIterator[None]:
        """Let a watch go on until it ends, or is broken off.

        Raises:
            Temporary: it was broken off.
        """
        try:
            async with asyncio.timeout(None) as self.limit:
                yield
        except TimeoutError:
            raise Temporary(self.why) from None
        finally:
            self.limit = None

    def break_off(self, why: Reason) -> None:
        """End the watch, if it is open."""
        if self.interrupted_since is None and self.limit is not None:
            self.why = why
            self.limit.reschedule(_now())


def trouble(stream: Stream | None, namespace: str) -> Reason | None:
    """Return why the objects of a stream may not be current; None when they are."""
    if stream is None:
        return NotWatched(namespace=Name(namespace))
    if stream.refused:
        return stream.why
    if stream.interrupted_since is None or not stream.lost:
        return None
    return Silent(since=timedelta(seconds=round(_now() - stream.interrupted_since)), cause=stream.why)


def pause_after(failures: int, first: timedelta, *, refused: bool) -> timedelta:
    """Return the pause after so many failures in a row, before jitter: it doubles up to a limit."""
    return min(first * (1 << min(failures - 1, 10)), REFUSED_PAUSE if refused else MAX_PAUSE)


def _now() -> float:
    return asyncio.get_running_loop().time()
