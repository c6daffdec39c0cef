"""What the model server's log holds of a failure while it serves: where it happened, and nothing that anybody sent."""

import json
import logging
from typing import Any

import pytest

from callboard_model_server.logs import Line

SECRET = "a-name-that-nobody-else-has"


def line(logger: str, said: str, *, discreet: bool, error: BaseException | None = None) -> dict[str, Any]:
    trouble = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord(logger, logging.ERROR, "/lib/theirs.py", 7, said, (), trouble)
    found: dict[str, Any] = json.loads(Line(discreet=discreet).format(record))
    return found


def fail() -> None:
    try:
        int(SECRET)
    except ValueError as error:
        raise KeyError(SECRET) from error


def failure() -> KeyError:
    with pytest.raises(KeyError) as caught:
        fail()
    return caught.value


def test_while_it_serves_an_exception_is_its_types_and_where_it_was_raised_and_not_its_message() -> None:
    said = line("uvicorn.error", "Exception in ASGI application\n", discreet=True, error=failure())
    assert said["said"] == "Exception in ASGI application"
    assert said["exceptions"] == ["ValueError", "KeyError"]
    assert [at.rpartition(" ")[2] for at in said["where"]] == ["fail", "failure", "fail"]
    assert all(at.startswith(f"{__file__}:") for at in said["where"])
    assert SECRET not in json.dumps(said)


def test_while_it_serves_what_a_library_says_is_only_where_it_said_it() -> None:
    said = line("mlflow.models.utils", f"Unrecognized params ['{SECRET}']", discreet=True)
    assert (said["from"], said["where"]) == ("mlflow.models.utils", ["/lib/theirs.py:7"])
    assert SECRET not in json.dumps(said)


def test_while_it_serves_a_warning_is_its_category_and_its_place() -> None:
    said = line("py.warnings", f"/lib/theirs.py:9: UserWarning: {SECRET}: 1\n  warn(x)\n", discreet=True)
    assert said["where"] == ["/lib/theirs.py:9: UserWarning"]
    assert SECRET not in json.dumps(said)


def test_while_it_starts_nobody_has_sent_anything_and_everything_is_said() -> None:
    said = line("mlflow.store", "Retrying", discreet=False, error=failure())
    assert said["said"] == "Retrying"
    assert SECRET in said["traceback"]


def test_a_failure_that_goes_round_in_a_circle_is_told_to_its_end() -> None:
    error = failure()
    assert error.__cause__ is not None
    error.__cause__.__cause__ = error
    assert line("x", "y", discreet=True, error=error)["exceptions"] == ["ValueError", "KeyError"]


def test_what_is_raised_by_nobody_has_no_place() -> None:
    assert line("x", "y", discreet=True, error=RuntimeError(SECRET))["where"] == ["/lib/theirs.py:7"]
