"""The model server as a process, against a real MLflow server that goes away once the model is loaded."""

import json
import re
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest
from aiohttp import ClientSession

from tests.fixtures.model_server import ModelServer, environment, serving, way_to
from tests.fixtures.registry import MLflowServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def registry_address(mlflow_server: MLflowServer) -> Iterator[tuple[str, Any]]:
    """An address of the registry, and what closes it."""
    way = way_to(mlflow_server.url)
    yield way.__enter__(), way


@pytest.fixture(scope="module")
def production(registry_address: tuple[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    """Version 1, pinned, on the stage `production`; the registry is gone since it is ready."""
    url, way = registry_address
    folder = tmp_path_factory.mktemp("production")
    with serving(folder, environment(url, MODEL_STAGE="production", MODEL_VERSION="1", TMPDIR=str(folder))) as server:
        way.__exit__(None, None, None)
        yield server


async def example_of(mlflow_server: MLflowServer, version: int) -> bytes:
    query = {"path": "serving_input_example.json", "name": "iris-classifier", "version": str(version)}
    async with ClientSession() as http, http.get(f"{mlflow_server.url}/model-versions/get-artifact", params=query) as a:
        return await a.read()


async def test_it_answers_the_input_example_as_the_version_did_when_it_was_trained(
    mlflow_server: MLflowServer, production: ModelServer
) -> None:
    example = await example_of(mlflow_server, 1)
    status, body = production.ask("POST", "/invocations", example, "application/json")
    assert (status, json.loads(body)) == (200, {"predictions": await mlflow_server.answer("iris-classifier", 1)})


async def test_it_says_which_version_it_has_really_loaded(mlflow_server: MLflowServer, production: ModelServer) -> None:
    status, body = production.get("/model")
    said = json.loads(body)
    age = datetime.now(UTC) - datetime.fromisoformat(said.pop("loaded_at"))
    run = (await mlflow_server.versions("iris-classifier"))[1]["run_id"]
    assert status == 200
    assert timedelta(0) < age < timedelta(minutes=5)
    assert re.fullmatch("sha256:[0-9a-f]{64}", said.pop("digest"))
    assert said == {"name": "iris-classifier", "version": 1, "run": run, "stage": "production", "flavor": "sklearn"}


def test_it_is_ready_only_once_it_listens(production: ModelServer) -> None:
    assert production.probed[0] is None
    assert set(production.probed) == {None, 200}


def test_it_serves_on_when_the_registry_is_gone(registry_address: tuple[str, Any], production: ModelServer) -> None:
    port = int(registry_address[0].rpartition(":")[2])
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.1", port))
    assert production.get("/readyz")[0] == 200


@pytest.mark.parametrize("path", ["/ping", "/health", "/version", "/readyz"])
def test_it_answers_what_mlflow_answers(production: ModelServer, path: str) -> None:
    assert production.get(path)[0] == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"dataframe_split": {"columns": ["x"], "data": [[1]]}}', "application/json", 400),
        (b"not json", "application/json", 400),
        (b"x", "image/png", 415),
    ],
)
def test_a_request_that_makes_no_sense_is_refused_and_the_server_lives(
    production: ModelServer, body: bytes, kind: str, status: int
) -> None:
    assert production.ask("POST", "/invocations", body, kind)[0] == status
    assert production.get("/readyz")[0] == 200


def test_it_is_one_process_and_keeps_the_model_in_a_folder_of_its_own(production: ModelServer) -> None:
    assert psutil.Process(production.process.pid).children() == []
    assert [path.name for path in production.log.parent.glob("model-*/*") if path.name == "MLmodel"] == ["MLmodel"]


def test_every_line_of_a_good_start_is_a_json_object_with_its_step(production: ModelServer) -> None:
    lines = [json.loads(line) for line in production.log.read_text().splitlines()]
    steps = [line["said"] for line in lines if line["level"] == "info"]
    assert steps == ["resolved", "downloaded", "loaded", "predicted its input example", "serving"]
    assert all(re.fullmatch(r"20\d\d-.+\+00:00", line["at"]) for line in lines)


async def test_a_stage_without_a_pin_stands_for_the_version_its_alias_points_at_and_sigterm_ends_it_well(
    mlflow_server: MLflowServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("staging")
    told = environment(mlflow_server.url, MODEL_STAGE="staging", MODEL_VERSION="", TMPDIR=str(folder))
    with serving(folder, told) as server:
        said = json.loads(server.get("/model")[1])
        assert (said["version"], said["stage"]) == (2, "staging")
        server.process.terminate()
        assert server.process.wait(20) == 0
    assert list(folder.glob("model-*")) == []
