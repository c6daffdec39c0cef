"""The size of a request's tables, counted before pandas builds them.

pandas takes a minute for a row of 600,000 columns, and nothing else is predicted meanwhile; a million empty records
beside one wide one fill any memory.  MLflow ignores columns that are not in its signature, so some extra columns are
allowed.
"""

import csv
import io
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

SPARE: Final = 100
"""Extra columns allowed beside those of the signature; or as many as it has, if that is more."""
UNSIGNED: Final = 10_000
"""Columns allowed without a signature."""
VALUES: Final = 1_000_000
"""Values allowed in a table, including missing ones; or one per byte of the request, if that is more."""
TABLES: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")

csv.field_size_limit(sys.maxsize)  # bodies are already limited


class TooLarge(Exception):
    """A table is much wider than the model's, or has many more values than were sent."""


def most_columns(schema: Any) -> int:
    """Return how many columns a request may have, by the signature's inputs (an `mlflow.types.Schema`) or None."""
    return UNSIGNED if schema is None else len(schema.inputs) + max(len(schema.inputs), SPARE)


def check_csv(body: bytes, most: int) -> None:
    """Check that a CSV file has at most `most` columns.

    Raises:
        TooLarge: it is wider, or has too many values.
        csv.Error: it is not CSV.
        UnicodeError: it is not UTF-8.
    """
    rows = width = 0
    for row in csv.reader(io.StringIO(body.decode(), newline=None)):
        rows, width = rows + 1, max(width, len(row))
        if width > most:
            break
    _check(rows, width, most, len(body))


def check_json(request: Mapping[str, Any], most: int, size: int) -> None:
    """Check that no table in a request of `size` bytes is wider than `most` columns.

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
    """Return the number of distinct keys, or some number above `most`."""
    keys = set[str]()
    for row in rows:
        if isinstance(row, Mapping):
            keys.update(row)
            if len(keys) > most:
                break
    return len(keys)


def _check(rows: int, columns: int, most: int, size: int) -> None:
    if columns > most:
        raise TooLarge(f"the table has more than {most} columns, too many for the model")
    if rows * columns > max(VALUES, size):
        raise TooLarge(f"the table would have {rows} rows of {columns} columns, many more values than were sent")
