"""How wide and how large the table of a request would be, counted before pandas builds it.

pandas takes a minute for a line of 600,000 columns, in which nothing else is predicted; and a million empty records
beside one wide one fill any memory.  MLflow ignores columns that its signature does not name, so a few too many stay
allowed.
"""

import csv
import io
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

SPARE: Final = 100
"""Columns that may come beside those of the signature, or as many as it has."""
UNSIGNED: Final = 10_000
"""Columns where there is no signature."""
VALUES: Final = 1_000_000
"""Values of a table, missing ones included, where it holds more than were sent bytes."""
TABLES: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")

csv.field_size_limit(sys.maxsize)  # a body is limited already


class TooLarge(Exception):
    """A table is wider than the model's, or has more values than were sent."""


def most_columns(schema: Any) -> int:
    """Return how many columns a request may have, for the signature's inputs (an `mlflow.types.Schema`) or None."""
    return UNSIGNED if schema is None else len(schema.inputs) + max(len(schema.inputs), SPARE)


def check_csv(body: bytes, most: int) -> None:
    """Return if a CSV file is no wider than `most` columns.

    Raises:
        TooLarge: it is wider, or has too many values.
        csv.Error: it is no CSV.
        UnicodeError: it is not UTF-8.
    """
    rows = width = 0
    for row in csv.reader(io.StringIO(body.decode(), newline=None)):
        rows, width = rows + 1, max(width, len(row))
        if width > most:
            break
    _check(rows, width, most, len(body))


def check_json(request: Mapping[str, Any], most: int, size: int) -> None:
    """Return if no table in a request of `size` bytes is wider than `most` columns.

    Raises:
        TooLarge: one is wider, or has too many values.
    """
    for name in TABLES:
        match request.get(name):
            case {"columns": list() | dict() as columns, **more} if name == "dataframe_split":
                rows = more.get("data")
                rows = rows if isinstance(rows, list) else []
                _check(len(rows), max(len(columns), _longest(rows)), most, size)
            case dict(columns):
                _check(1, len(columns), most, size)
            case list(rows):
                _check(len(rows), max(_longest(rows), _keys(rows, most)), most, size)
            case _:
                pass


def _longest(rows: Iterable[object]) -> int:
    return max((len(row) for row in rows if isinstance(row, list)), default=0)


def _keys(rows: Iterable[object], most: int) -> int:
    """Return how many different keys there are, or some number above `most`."""
    keys = set[str]()
    for row in rows:
        if isinstance(row, Mapping):
            keys.update(row)
            if len(keys) > most:
                break
    return len(keys)


def _check(rows: int, columns: int, most: int, size: int) -> None:
    if columns > most:
        raise TooLarge(f"the table has more columns than the model takes: more than {most}")
    if rows * columns > max(VALUES, size):
        raise TooLarge(f"the table has {rows} rows of {columns} columns, more values than were sent")
