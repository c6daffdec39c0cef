"""A log entry stays one line and contains no terminal control characters."""

import json
import logging
import re

from hypothesis import given
from hypothesis import strategies as st

from bot.config.logs import Line
from tests.fixtures.hostile import ODD, texts


def line(said: str) -> str:
    return Line([]).format(logging.LogRecord("bot", logging.INFO, "x.py", 1, "%s", (said,), None))


@given(texts() | st.text(), st.sampled_from((*ODD, "\x9b31m", "\u2066", "\x85")))
def test_what_is_logged_is_one_line_without_a_control_character(text: str, odd: str) -> None:
    said = line(f"{text}{odd}")
    assert len(said.splitlines()) == 1
    assert not re.search("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", said)
    json.loads(said)


def test_a_name_that_turns_the_direction_of_writing_is_shown_as_what_it_is() -> None:
    assert "iris\\u202etpircs" in line("iris\u202etpircs")
