"""Slack's pace, with a clock that the test controls."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from bot.clients.slack.pace import EDIT_BURST, EDITS_A_MINUTE, Pace

ANY = timedelta(hours=1)
SOON = timedelta(seconds=3)


@dataclass
class Clock:
    """Seconds that pass when they are added."""

    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    return Pace(clock=clock)


def waits(pace: Pace, method: str, channel: str = "", *, times: int) -> list[float]:
    return [round(pace.book(method, channel, within=ANY).total_seconds(), 3) for _ in range(times)]


def test_a_channel_gets_one_post_a_second(pace: Pace, clock: Clock) -> None:
    assert waits(pace, "chat.postMessage", "C1", times=3) == [0, 1, 2]
    assert waits(pace, "chat.postMessage", "C2", times=1) == [0]
    clock.at += 2.5
    assert waits(pace, "chat.postMessage", "C1", times=1) == [0.5]


def test_edits_come_in_a_burst_and_then_at_their_rate(pace: Pace, clock: Clock) -> None:
    found = waits(pace, "chat.update", times=EDIT_BURST + 2)
    assert found[:EDIT_BURST] == [0] * EDIT_BURST
    step = 60 / EDITS_A_MINUTE
    assert found[EDIT_BURST:] == [pytest.approx(step, abs=0.001), pytest.approx(2 * step, abs=0.001)]


def test_no_minute_sees_more_edits_than_slack_allows(pace: Pace, clock: Clock) -> None:
    times: list[float] = []
    for _ in range(200):
        wait = pace.book("chat.update", within=ANY).total_seconds()
        clock.at += wait
        times.append(clock.at)
    most = max(sum(start <= t < start + 60 for t in times) for start in times)
    assert most <= EDITS_A_MINUTE + EDIT_BURST


def test_a_wait_that_is_too_long_takes_no_place(pace: Pace, clock: Clock) -> None:
    waits(pace, "chat.postMessage", "C1", times=5)
    told = [pace.book("chat.postMessage", "C1", within=SOON) for _ in range(3)]
    assert told == [timedelta(seconds=5)] * 3
    clock.at += 5
    assert pace.book("chat.postMessage", "C1", within=SOON) == timedelta(0)


def test_a_pause_holds_its_method_alone(pace: Pace, clock: Clock) -> None:
    pace.pause("chat.update", timedelta(seconds=30))
    pace.pause("chat.update", timedelta(seconds=5))
    assert pace.book("chat.update", within=SOON) == timedelta(seconds=30)
    assert pace.book("chat.postMessage", "C1", within=SOON) == timedelta(0)
    clock.at += 30
    assert pace.book("chat.update", within=SOON) == timedelta(0)


def test_other_methods_have_no_pace_of_their_own(pace: Pace) -> None:
    assert waits(pace, "users.info", times=50) == [0] * 50
