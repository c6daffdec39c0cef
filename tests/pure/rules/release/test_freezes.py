"""When a stage is frozen: by a command or by a window of app.yaml, also when the clocks change."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain.policy import WINDOW, Freeze, Policy, Window
from bot.rules.release.freezes import frozen as reason_of
from bot.rules.release.freezes import in_force, over
from bot.rules.wording.reasons import plain, slack

BERLIN = ZoneInfo("Europe/Berlin")
WEEKEND = Window(cron="0 16 * * FRI", length=timedelta(hours=64), timezone="Europe/Berlin")
NOON = datetime(2026, 5, 9, 12, tzinfo=UTC)  # a Saturday
MONDAY = datetime(2026, 5, 11, 8, tzinfo=BERLIN)
ORDER = Freeze(stage="production", until=NOON + timedelta(hours=1), reason="holidays", by="U0BOB")


def frozen(*windows: Window, now: datetime, ordered: Freeze | None = None) -> Freeze | None:
    return in_force(ordered, Policy(freeze=windows), "production", now)


def test_a_window_is_in_force_from_its_beginning_until_its_end() -> None:
    friday = datetime(2026, 5, 8, 16, tzinfo=BERLIN)
    tick = timedelta(microseconds=1)
    assert frozen(WEEKEND, now=friday - tick) is None
    assert frozen(WEEKEND, now=friday) == Freeze(stage="production", until=MONDAY.astimezone(UTC), by=WINDOW)
    assert frozen(WEEKEND, now=MONDAY - tick) is not None
    assert frozen(WEEKEND, now=MONDAY) is None


@pytest.mark.parametrize(
    ("friday", "monday"),
    [
        pytest.param("2026-03-27T15:00Z", "2026-03-30T06:00Z", id="an hour is left out"),
        pytest.param("2026-10-23T14:00Z", "2026-10-26T07:00Z", id="an hour comes twice"),
    ],
)
def test_a_window_ends_at_the_same_time_of_day_also_when_the_clocks_change(friday: str, monday: str) -> None:
    begins, ends = datetime.fromisoformat(friday), datetime.fromisoformat(monday)
    minute = timedelta(minutes=1)
    shown = [frozen(WEEKEND, now=at) for at in (begins - minute, begins, ends - minute, ends)]
    assert [freeze and freeze.until for freeze in shown] == [None, ends, ends, None]


def test_a_window_that_begins_in_an_hour_that_is_left_out_begins_after_it() -> None:
    window = Window(cron="30 2 * * *", length=timedelta(minutes=45), timezone="Europe/Berlin")
    three = datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert frozen(window, now=three - timedelta(minutes=1)) is None
    assert frozen(window, now=three) is not None


@pytest.mark.parametrize("minute", [0, 20, 40])
def test_a_window_that_begins_in_an_hour_that_comes_twice_holds_in_both(minute: int) -> None:
    daily = Window(cron="0 2 * * *", length=timedelta(hours=1), timezone="Europe/Berlin")
    hourly = Window(cron="0 * * * *", length=timedelta(minutes=50), timezone="Europe/Berlin")
    for hour in (0, 1):
        now = datetime(2026, 10, 25, hour, minute, tzinfo=UTC)
        assert frozen(daily, now=now) is not None
        assert frozen(hourly, now=now) is not None


def test_a_window_may_be_longer_than_the_time_to_its_next_beginning() -> None:
    always = Window(cron="0 0 * * *", length=timedelta(hours=36), timezone="UTC")
    shown = frozen(always, now=NOON)
    assert shown is not None
    assert shown.until == datetime(2026, 5, 10, 12, tzinfo=UTC)


def test_the_freeze_that_ends_last_applies() -> None:
    assert frozen(WEEKEND, now=NOON, ordered=ORDER) == Freeze(stage="production", until=MONDAY.astimezone(UTC))
    later = replace(ORDER, until=MONDAY + timedelta(hours=1))
    assert frozen(WEEKEND, now=NOON, ordered=later) == later
    endless = replace(ORDER, until=None)
    assert frozen(WEEKEND, replace(WEEKEND, length=timedelta(days=7)), now=NOON, ordered=endless) == endless


def test_a_freeze_with_an_end_expires_automatically() -> None:
    assert frozen(now=NOON, ordered=ORDER) == ORDER
    assert frozen(now=NOON + timedelta(hours=1), ordered=ORDER) is None
    assert over(ORDER, NOON + timedelta(hours=1))
    assert not over(replace(ORDER, until=None), NOON + timedelta(days=999))


def test_a_freeze_shows_who_set_it_until_when_and_why() -> None:
    ordered = reason_of(ORDER)
    assert plain(ordered) == "production is frozen by U0BOB until 2026-05-09 13:00 UTC (holidays)"
    assert slack(ordered).startswith("`production` is frozen by <@U0BOB> until <!date^")
    window = reason_of(Freeze(stage="production", until=None))
    assert plain(window) == "production is frozen by app.yaml until someone lifts the freeze"


def test_a_reason_is_escaped_once_and_calls_nobody() -> None:
    said = slack(reason_of(replace(ORDER, reason="R&D: <!channel> <@U0CAROL>")))
    assert said.endswith("(R&amp;D: &lt;!channel&gt; &lt;@U0CAROL&gt;)")
