"""The team's own model server: it answers by the Open Inference Protocol, and ends with what it cannot load.

As the demo runs it: a process that the cluster's runtime starts, here with a registry that holds two files.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Final

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.domain.json import Json
from callboard_demo.cluster.runtime import Order, ProcessRunning, ProcessRuntime
from callboard_demo.cluster.served import version
from tests.fixtures.waiting import until
from tests.ports import free_port

FILES: Final[Mapping[str, str]] = {
    "2": "flavors:\n  python_function:\n    python_version: 3.11\n  sklearn:\n    serialization_format: skops\n",
    "3": "flavors:\n  python_function:\n    python_model: model.py\n",
}
"""The MLmodel of each version."""


@pytest.fixture
async def registry() -> AsyncIterator[str]:
    """The address of a registry that has the files of fraud."""

    async def artifact(request: web.Request) -> web.Response:
        asked = request.query
        assert (asked["name"], asked["path"]) == ("fraud", "MLmodel")
        if asked["version"] not in FILES:
            return web.json_response({"error_code": "RESOURCE_DOES_NOT_EXIST"}, status=404)
        return web.Response(text=FILES[asked["version"]])

    app = web.Application()
    app.router.add_get("/model-versions/get-artifact", artifact)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


class Pod:
    """One process of the server, as a pod."""

    def __init__(self, running: ProcessRunning, port: int, said: list[bytes]) -> None:
        self.running, self.port, self._said = running, port, said

    @property
    def said(self) -> str:
        return b"".join(self._said).decode()

    @property
    def value(self) -> Json:
        """Return as much of the pod's object as the page's look at it needs."""
        containers = [{"ports": [{"containerPort": self.port}]}]
        return {"spec": {"containers": containers}, "status": {"podIP": "127.0.0.1"}}

    async def ask(self, method: str, path: str) -> tuple[int, Any]:
        async with aiohttp.request(method, f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, await answer.json()


async def started(registry: str, number: str) -> Pod:
    port, said = free_port(), list[bytes]()
    env = {"MODEL_NAME": "fraud", "MODEL_VERSION": number, "MLFLOW_TRACKING_URI": registry, "PORT": str(port)}
    order = Order(
        namespace="models", pod="fraud-0", container="server", image="ghcr.io/acme/inference-server:2.4",
        env=env, address="127.0.0.1", port=port, write=said.append,
    )  # fmt: skip
    runtime = ProcessRuntime()
    assert runtime.refuses(order.image, has_command=False) is None
    return Pod(await runtime.start(order), port, said)


@pytest.fixture
async def pod(registry: str) -> AsyncIterator[Pod]:
    """A server of version 2 that answers."""
    found = await started(registry, "2")

    async def answers() -> bool:
        with suppress(aiohttp.ClientError):
            return (await found.ask("GET", "/v2/health/ready"))[0] == 200
        return False

    await until(answers, "the server to answer")
    yield found
    found.running.kill()
    await found.running.wait()


async def test_it_answers_by_the_protocol_as_mlserver_does(pod: Pod) -> None:
    metadata = {"name": "fraud", "versions": [], "platform": "", "inputs": []}
    assert await pod.ask("GET", "/v2/models/fraud") == (200, metadata)
    assert await pod.ask("GET", "/v2/models/fraud/versions/2") == (200, metadata)
    assert await pod.ask("GET", "/v2/models/fraud/versions/2/ready") == (200, {"name": "fraud", "ready": True})
    assert await pod.ask("GET", "/v2/health/live") == (200, {"live": True})
    index = [{"name": "fraud", "version": "2", "state": "READY", "reason": ""}]
    assert await pod.ask("POST", "/v2/repository/index") == (200, index)


@pytest.mark.parametrize("path", ["/v2/models/fraud/versions/1", "/v2/models/other", "/model", "/v2/repository/index"])
async def test_it_answers_for_nothing_else(pod: Pod, path: str) -> None:
    assert (await pod.ask("GET", path))[0] == 404


async def test_the_page_sees_the_version_that_it_names(pod: Pod) -> None:
    async with aiohttp.ClientSession() as session:
        assert await version(session, pod.value) == 2


async def test_it_ends_when_it_is_told_to(pod: Pod) -> None:
    pod.running.terminate()
    async with asyncio.timeout(10):
        assert await pod.running.wait() == 0


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("3", "fraud v3 is not a scikit-learn model"),
        ("9", "the registry has no files of fraud v9: HTTP Error 404"),
    ],
)
async def test_it_ends_with_a_version_that_it_cannot_load(registry: str, number: str, why: str) -> None:
    broken = await started(registry, number)
    async with asyncio.timeout(20):
        assert await broken.running.wait() == 1
    assert why in broken.said
