"""How fast a system is called, and how a requested wait is respected."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from bot.clients.pacing import MAX_WAIT, SPREAD, Asked, Cooldown, TokenBucket, asked, asked_until
from bot.domain.errors import Permanent, Temporary
from bot.domain.reasons import systems

SECOND = timedelta(seconds=1)
BUSY = systems.Failing(system=systems.MLFLOW, status=503)


@dataclass
class Clock:
    """A moment that is moved on by hand."""

    at: datetime = datetime(2026, 5, 4, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at


def refusal(quiet: Cooldown) -> Temporary | None:
    try:
        quiet.check()
    except Temporary as error:
        return error
    return None


def test_a_bucket_gives_a_burst_and_then_its_rate_and_fills_again() -> None:
    bucket, now, waits = TokenBucket(every=2, burst=3), 100.0, []
    for _ in range(5):
        at = bucket.next_slot(now)
        bucket.take(at)
        waits.append(at - now)
    assert waits == [0, 0, 0, 2, 4]
    assert bucket.next_slot(now + 100) == now + 100


def test_a_system_is_called_again_when_its_requested_wait_is_over() -> None:
    clock = Clock()
    quiet = Cooldown(now=clock)
    quiet.heed(Temporary(BUSY, after=10 * SECOND))
    clock.at += 4 * SECOND
    error = refusal(quiet)
    assert error is not None
    assert error.after is not None
    assert error.reason == BUSY
    assert 6 * SECOND <= error.after <= (1 + SPREAD) * 6 * SECOND
    clock.at += 6 * SECOND
    assert refusal(quiet) is None


@pytest.mark.parametrize("error", [Temporary(BUSY), Permanent(BUSY)])
def test_an_error_that_names_no_time_stops_nobody(error: Exception) -> None:
    quiet = Cooldown()
    assert quiet.heed(error) is error
    assert refusal(quiet) is None


def test_nobody_is_left_alone_for_ever() -> None:
    clock = Clock()
    quiet = Cooldown(now=clock)
    quiet.heed(Temporary(BUSY, after=timedelta(days=365)))
    clock.at += MAX_WAIT
    assert refusal(quiet) is None


NOW = Clock()


@pytest.mark.parametrize(
    ("said", "after"),
    [
        ("", None),
        ("0", timedelta(0)),
        ("7", timedelta(seconds=7)),
        ("3600", MAX_WAIT),
        ("3601", MAX_WAIT),
        ("100000", MAX_WAIT),
        ("9" * 20, MAX_WAIT),
        ("9" * 5000, MAX_WAIT),
        ("Mon, 04 May 2026 12:00:07 GMT", timedelta(seconds=7)),
        ("Mon, 04 May 2026 11:00:00 GMT", timedelta(0)),
        ("Mon, 04 May 2026 12:00:07 -0000", timedelta(seconds=7)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_WAIT),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
    ],
)
def test_a_wait_is_seconds_or_a_date_and_never_longer_than_an_hour(said: str, after: timedelta | None) -> None:
    assert asked(said, now=NOW).after == after


@pytest.mark.parametrize(
    "said",
    ["-5", "1.5", "1e400", "inf", "nan", "\u0663", "\u00b2", "1_000", " 7", "soon", "\udcff", "x" * 8000],
)
def test_an_invalid_wait_is_ignored_and_logged(said: str) -> None:
    for read in (asked, asked_until):
        assert read(said, now=NOW) == Asked(None, systems.WaitIgnored())


@pytest.mark.parametrize(
    ("seconds", "after"), [(7, timedelta(seconds=7)), (-7, timedelta(0)), (3601, MAX_WAIT), (10**30, MAX_WAIT)]
)
def test_a_moment_is_awaited_for_an_hour_at_most(seconds: int, after: timedelta) -> None:
    assert asked_until(str(int(NOW().timestamp()) + seconds), now=NOW).after == after


def test_a_shortened_wait_is_reported() -> None:
    assert asked("100000", now=NOW).remark == systems.WaitShortened(limit=MAX_WAIT)
    assert asked("3700", now=NOW).remark is None  # two clocks differ by so much


def test_a_wait_that_is_passed_on_is_never_longer_than_an_hour_either() -> None:
    quiet = Cooldown(now=NOW)
    quiet.heed(Temporary(BUSY, after=MAX_WAIT))
    for _ in range(50):
        assert quiet.left() == MAX_WAIT  # the jitter is left out where it would be longer
