"""How wide a table is found to be, and where it is refused."""

import csv
import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.json import Json
from callboard_model_server import tables
from callboard_model_server.tables import SPARE, UNSIGNED, TooLarge, check_csv, check_json, most_columns

MOST = 5
WIDE = [0] * (MOST + 1)
KEYS = {str(n): n for n in range(MOST + 1)}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """So many values a table may have that was not sent whole."""
    monkeypatch.setattr(tables, "VALUES", 1000)
    return 1000


def test_a_few_columns_more_than_the_signature_has_may_come() -> None:
    assert most_columns(SimpleNamespace(inputs=[None])) == 1 + SPARE
    assert most_columns(SimpleNamespace(inputs=[None] * 1000)) == 2000
    assert most_columns(None) == UNSIGNED


TOO_WIDE: dict[str, Json] = {
    "columns": {"dataframe_split": {"columns": list(KEYS), "data": [[1]]}},
    "a row of a split": {"dataframe_split": {"columns": ["a"], "data": [[1], WIDE]}},
    "columns without rows": {"dataframe_split": {"columns": list(KEYS)}},
    "columns that are an object": {"dataframe_split": KEYS},
    "columns by name": {"dataframe_split": {"columns": KEYS, "data": []}},
    "a record": {"dataframe_records": [KEYS]},
    "records, each with a key of its own": {"dataframe_records": [{key: 1} for key in KEYS]},
    "instances": {"instances": [KEYS]},
    "instances without names": {"instances": [WIDE]},
    "inputs": {"inputs": KEYS},
    "inputs in rows": {"inputs": [[1], WIDE]},
    "beside a good table": {"inputs": [[1]], "dataframe_records": [KEYS]},
}


@pytest.mark.parametrize("name", TOO_WIDE)
def test_a_table_that_is_too_wide_is_refused(name: str) -> None:
    with pytest.raises(TooLarge, match=f"more than {MOST} columns, too many for the model"):
        check_json(TOO_WIDE[name], MOST, 1000)
    check_json(TOO_WIDE[name], MOST + 1, 1000)


@pytest.mark.parametrize(
    ("name", "wide", "empty"),
    [("dataframe_records", {"a": 1, "b": 2}, {}), ("instances", [1, 2], []), ("inputs", [1, 2], [])],
)
def test_a_table_that_is_nearly_empty_may_not_be_as_large_as_its_widest_row_makes_it(
    few: int, name: str, wide: object, empty: object
) -> None:
    check_json({name: [wide, *[empty] * (few // 2 - 1)]}, MOST, few)
    with pytest.raises(TooLarge, match="more values than were sent"):
        check_json({name: [wide, *[empty] * (few // 2)]}, MOST, few)


def test_a_table_may_have_as_many_values_as_were_sent_bytes(few: int) -> None:
    check_json({"inputs": [[1, 2]] * few}, MOST, 7 * few)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"inputs": "x" * 100},
        {"inputs": ["x" * 100]},
        {"messages": WIDE},
        {"dataframe_split": 3},
        {"instances": None},
    ],
)
def test_what_is_no_table_is_left_to_mlflow(said: Json) -> None:
    check_json(said, MOST, 10)


@pytest.mark.parametrize(
    "text",
    ["0,1,2,3,4,5", "a\n0,1,2,3,4,5", "a\r0,1,2,3,4,5", '"\n","\n",,,,""', "a,b\n" + "\n".join([",,,,,"] * 3)],
)
def test_a_line_that_is_too_wide_is_refused(text: str) -> None:
    with pytest.raises(TooLarge):
        check_csv(text.encode(), MOST)


def test_a_comma_in_a_text_makes_no_column() -> None:
    check_csv(b'a,b\n"1, 2, 3, 4, 5, 6, 7, 8",2\n', MOST)


def test_a_file_of_short_lines_may_not_be_as_large_as_its_widest_makes_it(few: int) -> None:
    with pytest.raises(TooLarge, match="more values than were sent"):
        check_csv(b"a,b,c,d\n" + b"1\n" * few, MOST)


def test_what_is_no_csv_is_left_to_pandas() -> None:
    with pytest.raises((UnicodeError, csv.Error)):
        check_csv(b"\xff", MOST)


@given(st.lists(st.lists(st.integers(), max_size=MOST + 2), max_size=5))
def test_it_is_the_widest_row_that_counts(rows: list[list[int]]) -> None:
    wide = max(map(len, rows), default=0) > MOST
    said = {"inputs": rows}
    if wide:
        with pytest.raises(TooLarge):
            check_json(said, MOST, len(json.dumps(said)))
    else:
        check_json(said, MOST, len(json.dumps(said)))
