"""What is asked in any of MLflow's formats is answered as `mlflow models serve` answers it: same status, same JSON."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.fixtures.model_server import ModelServer, environment, serving
from tests.fixtures.registry import MLflowServer
from tests.paths import ROOT
from tests.ports import free_port

pytestmark = pytest.mark.slow

COLUMNS = ["sepal_length_mm", "sepal_width_mm", "petal_length_mm", "petal_width_mm"]
ROWS = [[51.0, 35.0, 14.0, 2.0], [67.0, 31.0, 47.0, 15.0]]
RECORDS = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
COLUMNAR = {name: [row[at] for row in ROWS] for at, name in enumerate(COLUMNS)}
CSV = ",".join(COLUMNS) + "\n" + "\n".join(",".join(map(str, row)) for row in ROWS) + "\n"
JSON = "application/json"


Target = tuple[ModelServer, ModelServer]
"""Our server and MLflow's, on the same model."""


@pytest.fixture(scope="module")
def both(mlflow_server: MLflowServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with beside(mlflow_server.url, "iris-classifier", tmp_path_factory.mktemp("both")) as pair:
        yield pair


@contextmanager
def beside(url: str, model: str, folder: Path) -> Iterator[Target]:
    """Start both; each takes seconds, so it is done at the same time."""
    told = environment(url, MODEL_NAME=model, MODEL_VERSION="1", MODEL_FLAVORS="sklearn,python_function")
    with mlflows(url, model, folder) as theirs, serving(folder, told | {"TMPDIR": str(folder)}) as ours:
        deadline = time.monotonic() + 90
        while not _answers(theirs):
            assert time.monotonic() < deadline, theirs.log.read_text()
            time.sleep(0.1)
        yield ours, theirs


@contextmanager
def mlflows(url: str, model: str, folder: Path) -> Iterator[ModelServer]:
    """Start MLflow's own server."""
    port, log = free_port(), folder / "theirs.log"
    told = environment(url, TMPDIR=str(folder), MLFLOW_DISABLE_TELEMETRY="true", PYTHONPATH=str(ROOT))
    told["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"models:/{model}/1", "-p", str(port)]
    with log.open("wb") as out:
        process = subprocess.Popen([*command, "--env-manager", "local"], env=told, stdout=out, stderr=out)
    try:
        yield ModelServer(process=process, port=port, log=log)
    finally:
        family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
        for one in family:
            one.terminate()
        psutil.wait_procs(family, timeout=10)
        process.wait()


def _answers(server: ModelServer) -> bool:
    with suppress(OSError):
        return server.get("/ping")[0] == 200
    return False


GOOD: dict[str, tuple[Any, str]] = {
    "dataframe_split": ({"dataframe_split": {"columns": COLUMNS, "data": ROWS}}, JSON),
    "dataframe_split with an index": ({"dataframe_split": {"columns": COLUMNS, "index": [7, 3], "data": ROWS}}, JSON),
    "columns in another order": (
        {"dataframe_split": {"columns": COLUMNS[::-1], "data": [row[::-1] for row in ROWS]}},
        JSON,
    ),
    "whole numbers": (
        {"dataframe_split": {"columns": COLUMNS, "data": [[int(x) for x in row] for row in ROWS]}},
        JSON,
    ),
    "a column too many": (
        {"dataframe_records": [{**record, "more": "than that"} for record in RECORDS]},
        JSON,
    ),
    "dataframe_records": ({"dataframe_records": RECORDS}, JSON),
    "instances as records": ({"instances": RECORDS}, JSON),
    "inputs by column": ({"inputs": COLUMNAR}, JSON),
    "params that are nothing": ({"dataframe_records": RECORDS, "params": {}}, JSON),
    "params that the model has not": ({"dataframe_records": RECORDS, "params": {"a": 1}}, JSON),
    "a charset": ({"dataframe_records": RECORDS}, "application/json; charset=utf-8"),
    "csv": (CSV, "text/csv"),
    "csv with a charset": (CSV, "text/csv; charset=UTF-8"),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_request_gets_the_same_answer(name: str, both: Target) -> None:
    body, kind = GOOD[name]
    sent = (body if isinstance(body, str) else json.dumps(body)).encode()
    mine, its = (server.ask("POST", "/invocations", sent, kind) for server in both)
    assert mine == its
    assert mine[0] == 200


BAD: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{", JSON),
    "a list": (b"[1, 2]", JSON),
    "a number": (b"1", JSON),
    "no format": (b'{"rows": [[1]]}', JSON),
    "two formats": (b'{"inputs": [[1]], "instances": [[1]]}', JSON),
    "a column that is missing": (b'{"dataframe_split": {"columns": ["sepal_length_mm"], "data": [[1]]}}', JSON),
    "words for numbers": (json.dumps({"dataframe_records": [dict.fromkeys(COLUMNS, "wide")]}).encode(), JSON),
    "no number": (json.dumps({"dataframe_records": [dict.fromkeys(COLUMNS, float("nan"))]}).encode(), JSON),
    "an endless number": (json.dumps({"dataframe_records": [dict.fromkeys(COLUMNS, float("inf"))]}).encode(), JSON),
    "nothing": (json.dumps({"dataframe_records": [dict.fromkeys(COLUMNS)]}).encode(), JSON),
    "inputs without names": (json.dumps({"inputs": ROWS}).encode(), JSON),
    "instances without names": (json.dumps({"instances": ROWS}).encode(), JSON),
    "ragged rows": (json.dumps({"dataframe_split": {"columns": COLUMNS, "data": [[1], [1, 2]]}}).encode(), JSON),
    "bytes that are no text": (b'{"inputs": "\xff"}', JSON),
    "csv of something else": (b"a,b\n1,2\n", "text/csv"),
    "csv that is no text": (b"\xff\xfe", "text/csv"),
    "parquet that is none": (b"PAR1", "application/vnd.apache.parquet"),
    "a picture": (b"x", "image/png"),
    "another charset": (b"{}", "application/json; charset=latin-1"),
    "an unknown parameter": (b"{}", "application/json; version=2"),
    "no bytes at all": (b"", JSON),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_gets_the_same_status_and_a_sentence_without_a_traceback(name: str, both: Target) -> None:
    mine, its = (server.ask("POST", "/invocations", *BAD[name]) for server in both)
    assert mine[0] == its[0]
    said = json.loads(mine[1])
    assert said.keys() == {"error_code", "message"}
    assert len(said["message"]) > 10
    assert "Traceback" not in mine[1].decode()


DEEP = b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(("body", "kind", "status"), [(DEEP, JSON, 400), (b"{}", "", 415)])
def test_where_mlflows_server_breaks_ours_answers(body: bytes, kind: str, status: int, both: Target) -> None:
    ours, theirs = both
    assert theirs.ask("POST", "/invocations", body, kind)[0] == 500
    mine = ours.ask("POST", "/invocations", body, kind)
    assert (mine[0], json.loads(mine[1]).keys()) == (status, {"error_code", "message"})


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/ping"), ("GET", "/health"), ("GET", "/version"), ("GET", "/invocations"), ("GET", "/no")],
)
def test_the_other_routes_answer_alike(method: str, path: str, both: Target) -> None:
    mine, its = (server.hear(method, path) for server in both)
    assert mine[0] == its[0]
    if mine[0] == 200:
        assert (mine[1]["Content-Type"], mine[2]) == (its[1]["Content-Type"], its[2])
