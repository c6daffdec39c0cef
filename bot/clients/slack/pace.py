"""How fast the chat may be spoken to.  It books a place in time for each call; it does not sleep.

Slack allows about one message a second and channel, and 50 edits a minute for the whole workspace; 45 are used, so
that another process with the same token finds room.  What Slack refuses with `Retry-After` is not asked again before.
Source: https://docs.slack.dev/apis/web-api/rate-limits
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from bot.clients.pacing import Bucket

POST_EVERY: Final = 1.0
EDITS_A_MINUTE: Final = 45
EDIT_BURST: Final = 10
MINUTE: Final = 60.0


class Pace:
    """Seconds to wait before each call.  `clock` gives seconds that only go forward."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._posts: dict[str, float] = {}
        self._edits = Bucket(every=MINUTE / EDITS_A_MINUTE, burst=EDIT_BURST)
        self._paused: dict[str, float] = {}

    def pause(self, method: str, wait: timedelta) -> None:
        """Let nobody call a method before `wait` is over."""
        until = self._clock() + wait.total_seconds()
        self._paused[method] = max(until, self._paused.get(method, 0.0))

    def book(self, method: str, channel: str = "", *, within: timedelta) -> timedelta:
        """Return how long to wait before a call, and keep that place for it.

        A wait longer than `within` is only told: the caller is expected to come again, and holds no place.
        """
        now = self._clock()
        wait = max(0.0, self._paused.get(method, now) - now, self._turn(method, channel, now) - now)
        if wait <= within.total_seconds():
            self._take(method, channel, now + wait)
        return timedelta(seconds=wait)

    def _turn(self, method: str, channel: str, now: float) -> float:
        """Return when the method's own pace lets the next call through."""
        if method == "chat.postMessage":
            return self._posts.get(channel, now)
        if method == "chat.update":
            return self._edits.turn(now)
        return now

    def _take(self, method: str, channel: str, at: float) -> None:
        if method == "chat.postMessage":
            self._posts = {c: t for c, t in self._posts.items() if t > at - POST_EVERY} | {channel: at + POST_EVERY}
        elif method == "chat.update":
            self._edits.take(at)
