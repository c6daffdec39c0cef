"""Slack's rate limits.  Reserves a time slot for each call; does not sleep.

Slack allows about one message per second and channel, and 50 edits a minute for the whole workspace; Callboard uses
45, which leaves room for another process with the same token.  A method refused with `Retry-After` is not called again
until then.
Source: https://docs.slack.dev/apis/web-api/rate-limits
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from bot.clients.pacing import TokenBucket

POST_EVERY: Final = 1.0
EDITS_A_MINUTE: Final = 45
EDIT_BURST: Final = 10
MINUTE: Final = 60.0


class Pace:
    """Time to wait before each call.  `clock` returns monotonic seconds."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._posts: dict[str, float] = {}
        self._edits = TokenBucket(every=MINUTE / EDITS_A_MINUTE, burst=EDIT_BURST)
        self._paused: dict[str, float] = {}

    def pause(self, method: str, wait: timedelta) -> None:
        """Block a method until `wait` is over."""
        until = self._clock() + wait.total_seconds()
        self._paused[method] = max(until, self._paused.get(method, 0.0))

    def book(self, method: str, channel: str = "", *, within: timedelta) -> timedelta:
        """Return how long to wait before a call, and reserve that slot.

        A wait longer than `within` reserves nothing: the caller is expected to try again later.
        """
        now = self._clock()
        wait = max(0.0, self._paused.get(method, now) - now, self._next_slot(method, channel, now) - now)
        if wait <= within.total_seconds():
            self._take(method, channel, now + wait)
        return timedelta(seconds=wait)

    def _next_slot(self, method: str, channel: str, now: float) -> float:
        """Return when the method's own rate limit allows the next call."""
        if method == "chat.postMessage":
            return self._posts.get(channel, now)
        if method == "chat.update":
            return self._edits.next_slot(now)
        return now

    def _take(self, method: str, channel: str, at: float) -> None:
        if method == "chat.postMessage":
            self._posts = {c: t for c, t in self._posts.items() if t > at - POST_EVERY} | {channel: at + POST_EVERY}
        elif method == "chat.update":
            self._edits.take(at)
