"""How fast a system is asked, and how it is left alone when it says so."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from bot.clients.pacing import LONGEST, SPREAD, Bucket, Quiet
from bot.domain.errors import Permanent, Temporary

SECOND = timedelta(seconds=1)


@dataclass
class Clock:
    """A moment that is moved on by hand."""

    at: datetime = datetime(2026, 5, 4, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def refusal(quiet: Quiet) -> Temporary | None:
    try:
        quiet.check()
    except Temporary as error:
        return error
    return None


def test_a_bucket_gives_a_burst_and_then_its_rate_and_fills_again() -> None:
    bucket, now, waits = Bucket(every=2, burst=3), 100.0, []
    for _ in range(5):
        at = bucket.turn(now)
        bucket.take(at)
        waits.append(at - now)
    assert waits == [0, 0, 0, 2, 4]
    assert bucket.turn(now + 100) == now + 100


def test_who_asked_to_be_left_alone_is_asked_again_when_the_time_is_over() -> None:
    clock = Clock()
    quiet = Quiet(now=clock)
    quiet.heed(Temporary("busy: 9 waiting", after=10 * SECOND))
    clock.at += 4 * SECOND
    error = refusal(quiet)
    assert error is not None
    assert error.after is not None
    assert str(error) == "busy: 9 waiting"
    assert 6 * SECOND <= error.after <= (1 + SPREAD) * 6 * SECOND
    clock.at += 6 * SECOND
    assert refusal(quiet) is None


@pytest.mark.parametrize("error", [Temporary("down"), Permanent("no")])
def test_an_error_that_names_no_time_stops_nobody(error: Exception) -> None:
    quiet = Quiet()
    assert quiet.heed(error) is error
    assert refusal(quiet) is None


def test_nobody_is_left_alone_for_ever() -> None:
    clock = Clock()
    quiet = Quiet(now=clock)
    quiet.heed(Temporary("come back next year", after=timedelta(days=365)))
    clock.at += LONGEST
    assert refusal(quiet) is None
