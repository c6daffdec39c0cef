"""A registry that says which version it is and then does not bring its files ends the server, soon and in one line."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.domain.json import Json
from tests.fixtures.model_server import ended, environment
from tests.ports import free_port

BOUND = 120.0
"""Seconds until all have ended: three tries of 10 s, the pauses between them, and five starts on a busy machine.

MLflow's own client takes more than four minutes.
"""
FILE = "MLmodel"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def silent(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(600)
    return web.Response()


async def part(request: web.Request) -> web.StreamResponse:
    """Send the beginning of a file."""
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b"flavors:\n")
    return answer


async def stalled(request: web.Request) -> web.StreamResponse:
    answer = await part(request)
    await asyncio.sleep(600)
    return answer


async def cut(request: web.Request) -> web.StreamResponse:
    answer = await part(request)
    assert request.transport is not None
    request.transport.abort()
    return answer


async def broken(request: web.Request) -> web.StreamResponse:
    return web.Response(status=503, text="come again")


async def gone(request: web.Request) -> web.StreamResponse:
    return web.Response(status=404, text="no such file")


PAGE = "<html>what only this page knows</html>"


async def page(request: web.Request) -> web.StreamResponse:
    return web.Response(status=418, text=PAGE, content_type="text/html")


def registry(lists: Answer | None, brings: Answer) -> web.Application:
    """Return a registry that has version 1, whose files it lists and brings like this."""

    async def says(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/mlflow/model-versions/get"):
            return json({"model_version": {"name": "iris-classifier", "version": "1", "status": "READY"}})
        if request.path.endswith("/mlflow/registered-models/get"):
            return json({"registered_model": {"name": "iris-classifier"}})
        if request.path.endswith("/mlflow/model-versions/get-download-uri"):
            return json({"artifact_uri": "mlflow-artifacts:/1/models/m-1/artifacts"})
        if request.path.endswith("/mlflow-artifacts/artifacts"):
            return await lists(request) if lists else json({"files": [{"path": FILE, "is_dir": False}]})
        if request.path.endswith(f"/{FILE}"):
            return await brings(request)
        return web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{path:.*}", says)
    return app


def json(said: Json) -> web.Response:
    return web.json_response(said)


@dataclass(kw_only=True)
class End:
    """How the server ended."""

    code: int
    lines: list[str]
    seconds: float


REGISTRIES = {
    "no answer to which files there are": (registry(silent, gone), "Read timed out"),
    "no answer to a file": (registry(None, silent), f"File {FILE} ##### API request to http"),
    "half a file, and then nothing": (registry(None, stalled), "Read timed out."),
    "half a file, and then the connection is cut": (registry(None, cut), "9 bytes read, 991 more expected"),
    "503 for ever": (registry(None, broken), "too many 503 error responses"),
}


async def end(app: web.Application) -> End:
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    url = f"http://user:hunter2@127.0.0.1:{server.port}"
    began = time.monotonic()
    code, lines = await asyncio.to_thread(ended, environment(url, MODEL_VERSION="1", PORT=str(free_port())))
    seconds = time.monotonic() - began
    await server.close()
    return End(code=code, lines=lines, seconds=seconds)


@pytest.fixture(scope="module")
def ends() -> dict[str, End]:
    """Ask all of them at once, since each is mostly waited for."""

    async def all_of_them() -> list[End]:
        return await asyncio.gather(*(end(app) for app, _ in REGISTRIES.values()))

    return dict(zip(REGISTRIES, asyncio.run(all_of_them()), strict=True))


@pytest.mark.parametrize("name", REGISTRIES)
def test_files_that_do_not_come_are_exit_69_in_one_line_and_soon(name: str, ends: dict[str, End]) -> None:
    it = ends[name]
    assert it.code == 69
    assert it.lines[-1].startswith("cannot download models:/iris-classifier/1 from http://127.0.0.1:")
    assert REGISTRIES[name][1] in it.lines[-1]
    assert all(line.startswith("{") for line in it.lines[:-1])
    assert it.seconds < BOUND


@pytest.mark.parametrize("name", REGISTRIES)
def test_no_credentials_are_in_what_is_written(name: str, ends: dict[str, End]) -> None:
    assert "hunter2" not in "".join(ends[name].lines)


@pytest.mark.parametrize("app", [registry(page, gone), registry(None, page)], ids=["the list", "a file"])
async def test_what_somebody_else_answers_is_not_repeated(app: web.Application) -> None:
    ended_at = await end(app)
    assert ended_at.code == 69
    assert "418" in ended_at.lines[-1]
    assert PAGE not in "".join(ended_at.lines)


async def test_a_registry_that_sends_the_server_elsewhere_for_a_file_is_not_followed() -> None:
    asked: list[str] = []

    async def other(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return web.Response(text="flavors: {}")

    target = web.Application()
    target.router.add_get("/{path:.*}", other)
    async with TestServer(target) as server:

        async def away(request: web.Request) -> web.StreamResponse:
            raise web.HTTPFound(server.make_url("/MLmodel"), text=PAGE)

        ended_at = await end(registry(None, away))
    assert ended_at.code != 0
    assert asked == []
    assert PAGE not in "".join(ended_at.lines)
