"""Numbers and times are shown as people read them."""

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.wording.figures import difference, duration, number


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0 seconds"), (0, "0 seconds"), (0.4, "0 seconds"), (1, "1 second"), (41.2, "41 seconds"),
        (59.6, "1 minute"), (60, "1 minute"), (125, "2 minutes 5 seconds"), (3600, "1 hour"),
        (11400, "3 hours 10 minutes"), (86399, "23 hours 59 minutes"), (259200, "3 days"), (187200, "2 days 4 hours"),
        (90000, "1 day 1 hour"), (8640059, "100 days"),
    ],
)  # fmt: skip
def test_a_duration_has_its_two_largest_units(seconds: float, shown: str) -> None:
    assert duration(timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"), (-0.0, "0"), (0.96666, "0.9667"), (0.5, "0.5"), (-2.0, "−2"), (128.0, "128"), (12.34567, "12.3457"),
        (1234.56, "1234.6"), (1e6, "1000000"), (123456789.0, "1.235e+08"), (0.00015, "0.00015"), (1.5e-07, "1.5e-07"),
        (math.nan, "NaN"), (math.inf, "∞"), (-math.inf, "−∞"),
    ],
)  # fmt: skip
def test_a_number_has_about_four_digits(value: float, shown: str) -> None:
    assert number(value) == shown


@pytest.mark.parametrize(
    ("live", "candidate", "shown"),
    [
        (0.9333, 0.9667, "+0.0334"), (0.97, 0.95, "−0.02"), (0.5, 0.5, "unchanged"), (0.1 + 0.2, 0.3, "unchanged"),
        (0.93331, 0.93332, "+1e-05"), (math.nan, 0.5, ""), (0.5, math.inf, ""), (math.inf, math.inf, "unchanged"),
    ],
)  # fmt: skip
def test_a_change_has_its_sign(live: float, candidate: float, shown: str) -> None:
    assert difference(live, candidate) == shown


@given(st.floats())
def test_no_number_is_long_or_needs_an_escape(value: float) -> None:
    shown = number(value)
    assert len(shown) <= 12
    assert not set(shown) & set("&<>`*_~|\\$#@[]")
