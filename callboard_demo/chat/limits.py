"""Rate limits: Slack's tiers per method and minute, and about one message per second and channel.

Source: https://docs.slack.dev/apis/web-api/rate-limits
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

MINUTE: Final = 60.0


class Tier(IntEnum):
    """The rate limit tier of a method."""

    ONE = 1
    TWO = 2
    THREE = 3
    FOUR = 4
    SPECIAL = 5
    """Hundreds per minute: auth.test, chat.getPermalink."""
    POSTING = 6
    """chat.postMessage: per channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Calls per minute by tier, and posts per second and channel with a short burst.  Tests lower or raise them."""

    one: int = 1
    two: int = 20
    three: int = 50
    four: int = 100
    special: int = 600
    posts_a_second: float = 1.0
    post_burst: int = 8

    def bucket(self, tier: Tier) -> tuple[float, float]:
        """Return (capacity, refill per second) for one method."""
        if tier is Tier.POSTING:
            return self.post_burst, self.posts_a_second
        calls = (self.one, self.two, self.three, self.four, self.special)[tier - 1]
        return calls, calls / MINUTE


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


@dataclass(slots=True, kw_only=True)
class Meter:
    """Counts the calls of one app."""

    limits: Limits
    clock: Callable[[], float]
    buckets: dict[str, _Bucket] = field(default_factory=dict)

    def admit(self, what: str, tier: Tier) -> int | None:
        """Count a call of `what`; return None to allow it, or the whole seconds to wait (`Retry-After`)."""
        most, rate = self.limits.bucket(tier)
        now = self.clock()
        bucket = self.buckets.setdefault(what, _Bucket(most, now))
        bucket.left = min(most, bucket.left + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.left < 1:
            return max(1, math.ceil((1 - bucket.left) / rate))
        bucket.left -= 1
        return None
