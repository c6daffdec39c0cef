"""Whatever signature a model has, tensors, parameters or none, it is answered for as `mlflow models serve` does."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fixtures.model_server import ModelServer
from tests.model_server.test_answers import JSON, Target, beside

pytestmark = pytest.mark.slow

ROWS = [[1.0, 1.0], [2.0, 0.0]]
SPLIT = {"columns": ["x", "y"], "data": ROWS}
RECORDS = [{"x": 1.0, "y": 1.0}, {"x": 2.0, "y": 0.0}]
CSV = "x,y\n1.0,1.0\n2.0,0.0\n"
CSV_KIND = "text/csv"


@pytest.fixture(scope="module", params=["tensor", "unsigned", "adjustable"])
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def both(model: str, odd_models: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with beside(odd_models, model, tmp_path_factory.mktemp(model)) as pair:
        yield pair


ASKED: dict[str, tuple[Any, str]] = {
    "inputs": ({"inputs": ROWS}, JSON),
    "inputs that are whole numbers": ({"inputs": [[1, 1], [2, 0]]}, JSON),
    "inputs by column": ({"inputs": {"x": [1.0, 2.0], "y": [1.0, 0.0]}}, JSON),
    "instances": ({"instances": ROWS}, JSON),
    "instances as records": ({"instances": RECORDS}, JSON),
    "a single row": ({"inputs": ROWS[0]}, JSON),
    "rows that are too long": ({"inputs": [[1.0, 1.0, 1.0]]}, JSON),
    "ragged rows": ({"inputs": [[1.0], [1.0, 2.0]]}, JSON),
    "words": ({"inputs": [["a", "b"]]}, JSON),
    "no rows": ({"inputs": []}, JSON),
    "dataframe_split": ({"dataframe_split": SPLIT}, JSON),
    "dataframe_split without names": ({"dataframe_split": {"data": ROWS}}, JSON),
    "dataframe_split of something else": ({"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}, JSON),
    "dataframe_records": ({"dataframe_records": RECORDS}, JSON),
    "csv": (CSV, CSV_KIND),
    "csv of something else": ("a\n1\n", CSV_KIND),
    "params": ({"dataframe_split": SPLIT, "params": {"factor": 3.5, "more": 4}}, JSON),
    "one of the params": ({"dataframe_split": SPLIT, "params": {"more": 4}}, JSON),
    "no params": ({"dataframe_split": SPLIT, "params": {}}, JSON),
    "params of nothing": ({"dataframe_split": SPLIT, "params": None}, JSON),
    "a whole number for another": ({"dataframe_split": SPLIT, "params": {"factor": 3}}, JSON),
    "a fraction for a whole number": ({"dataframe_split": SPLIT, "params": {"more": 1.5}}, JSON),
    "a word for a number": ({"dataframe_split": SPLIT, "params": {"factor": "a lot"}}, JSON),
    "a list for a number": ({"dataframe_split": SPLIT, "params": {"factor": [1.0]}}, JSON),
    "nothing for a number": ({"dataframe_split": SPLIT, "params": {"factor": None}}, JSON),
    "params that the model has not": ({"dataframe_split": SPLIT, "params": {"a": 1}}, JSON),
    "params that are a list": ({"dataframe_split": SPLIT, "params": [1]}, JSON),
    "params with tensors": ({"inputs": ROWS, "params": {"factor": 3.0}}, JSON),
}


@pytest.mark.parametrize("name", ASKED)
def test_it_gets_the_same_status_and_where_it_is_good_the_same_answer(name: str, both: Target) -> None:
    body, kind = ASKED[name]
    sent = (body if isinstance(body, str) else json.dumps(body)).encode()
    mine, its = (server.ask("POST", "/invocations", sent, kind) for server in both)
    assert mine[0] == its[0], (mine, its)
    if mine[0] == 200:
        assert mine == its
    else:
        assert json.loads(mine[1]).keys() == {"error_code", "message"}
        assert "Traceback" not in mine[1].decode()


GOOD = {
    "tensor": {"inputs", "inputs that are whole numbers", "instances"},
    "unsigned": {"inputs", "instances", "dataframe_split", "dataframe_records", "csv"},
    "adjustable": {"dataframe_split", "dataframe_records", "csv", "params", "one of the params", "no params"},
}


def test_what_was_made_for_it_is_good(model: str, both: Target) -> None:
    for name in GOOD[model]:
        body, kind = ASKED[name]
        sent = (body if isinstance(body, str) else json.dumps(body)).encode()
        assert both[0].ask("POST", "/invocations", sent, kind)[0] == 200, name


@pytest.mark.parametrize("model", ["adjustable"], indirect=True)
def test_a_model_that_raises_is_a_400_as_it_is_with_mlflow_and_is_counted_by_its_exception(both: Target) -> None:
    """MLflow blames the caller, since nobody can tell who is wrong, he or the model: its clients go by that."""
    body = json.dumps({"dataframe_records": [{"x": -1.0, "y": 0.0}]}).encode()
    ours, theirs = both
    before = raised(ours)
    assert theirs.ask("POST", "/invocations", body, JSON)[0] == 400
    status, said = ours.ask("POST", "/invocations", body, JSON)
    assert (status, json.loads(said)["error_code"]) == (400, "BAD_REQUEST")
    assert b"cannot go below" not in said, "what the model says is not passed on"
    assert raised(ours) == before + 1


def raised(server: ModelServer) -> float:
    found = re.search(r'model_errors_total\{exception="ArithmeticError"\} (\S+)', server.get("/metrics")[1].decode())
    return float(found[1]) if found else 0
