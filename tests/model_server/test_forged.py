"""The server itself, and a registry that holds a model which says that it is data and leads to a pickle."""

import asyncio
from pathlib import Path, PurePosixPath
from typing import Any, Final

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.fixtures.model_server import ended, environment
from tests.model_server import canaries
from tests.model_server.forged_documents import DATA, plain
from tests.ports import free_port

PICKLE: Final = canaries.kinds()["pickle 5"]
WHERE: Final = "1/models/m-1/artifacts"


def registry(files: dict[str, bytes]) -> web.Application:
    """Return a registry whose version 1 has these files."""
    paths = [PurePosixPath(WHERE, name) for name in files]

    async def version(_: web.Request) -> web.StreamResponse:
        return web.json_response({"model_version": {"name": "iris-classifier", "version": "1", "status": "READY"}})

    async def model(_: web.Request) -> web.StreamResponse:
        return web.json_response({"registered_model": {"name": "iris-classifier"}})

    async def address(_: web.Request) -> web.StreamResponse:
        return web.json_response({"artifact_uri": f"mlflow-artifacts:/{WHERE}"})

    async def listed(request: web.Request) -> web.StreamResponse:
        folder = PurePosixPath(request.query["path"])
        below = [path.relative_to(folder).parts for path in paths if path.is_relative_to(folder)]
        found = {parts[0]: len(parts) > 1 for parts in below}
        return web.json_response({"files": [{"path": name, "is_dir": is_dir} for name, is_dir in found.items()]})

    async def brought(request: web.Request) -> web.StreamResponse:
        return web.Response(body=files[request.match_info["name"]])

    app = web.Application()
    app.router.add_get("/api/2.0/mlflow/model-versions/get", version)
    app.router.add_get("/api/2.0/mlflow/registered-models/get", model)
    app.router.add_get("/api/2.0/mlflow/model-versions/get-download-uri", address)
    app.router.add_get("/api/2.0/mlflow-artifacts/artifacts", listed)
    app.router.add_get(f"/api/2.0/mlflow-artifacts/artifacts/{WHERE}/{{name:.+}}", brought)
    return app


async def end(files: dict[str, bytes], ran: Path, **told: str) -> tuple[int, list[str]]:
    """Return the exit code of a server of these files, and what it wrote."""
    server = TestServer(registry(files))
    await server.start_server(shutdown_timeout=0.1)
    environ = environment(f"http://127.0.0.1:{server.port}", MODEL_VERSION="1", PORT=str(free_port()), **told)
    code, lines = await asyncio.to_thread(ended, environ | {canaries.VARIABLE: str(ran)})
    await server.close()
    return code, lines


def model(flavors: dict[str, Any], **files: bytes) -> dict[str, bytes]:
    """Return the files of a model whose input example nothing could predict that a canary unpickles to."""
    said = plain({"flavors": DATA["model.skops"] | flavors}).encode()
    return {"MLmodel": said, "serving_input_example.json": b'{"inputs": [1]}'} | files


async def test_a_model_that_says_it_is_data_and_leads_to_a_pickle_is_exit_79_and_nothing_of_it_runs(
    tmp_path: Path,
) -> None:
    led = {"python_function": {"loader_module": "mlflow.sklearn", "data": "sub/model.pkl"}}
    code, lines = await end(model(led, **{"model.skops": b"", "sub/model.pkl": PICKLE}), tmp_path / "ran")
    assert not (tmp_path / "ran").exists()
    assert code == 79
    assert lines[-1].startswith("its data is 'sub/model.pkl', which is not a file directly beside its MLmodel: ")
    assert all(line.startswith("{") for line in lines[:-1])


async def test_the_same_pickle_runs_where_it_is_said_to_be_one_and_pickles_are_named(tmp_path: Path) -> None:
    """The control: it can run in this server."""
    pickled = {"sklearn": {"serialization_format": "pickle"}}
    code, _ = await end(model(pickled, **{"model.skops": PICKLE}), tmp_path / "ran", MODEL_FLAVORS="sklearn:pickle")
    assert (tmp_path / "ran").read_text() == "pickle\n"
    assert code == 80
