"""A real MLflow server for the tests, one for all of them: started when it is first asked for, with the demo's models.

Not itself a test.  `mlflow_server` is a fixture for every suite; it is listed in tests/conftest.py, because a fixture
that two conftests import is made twice.  It lives in a thread with a loop of its own, so that tests of any loop use it.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from bot.demo.registry import Registry
from bot.domain import Json
from tests.model_server import ROOT
from tests.ports import free_port

T = TypeVar("T")
SECRET = "the-secret-of-the-webhook"


@dataclass(frozen=True, kw_only=True)
class MLflowServer:
    """The server's address, and the demo's registry around it, which is spoken to through `do`."""

    url: str
    registry: Registry
    loop: asyncio.AbstractEventLoop

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what one of the registry's verbs returns: `await server.do(server.registry.train(…))`."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loop))

    async def versions(self, model: str) -> dict[int, Json]:
        """Return the versions of a model as the registry's picture shows them now."""
        self.registry._picture.outdated()  # tests look right after they have changed something
        state = await self.do(self.registry.state())
        return {v["version"]: v for m in state["models"] if m["name"] == model for v in m["versions"]}

    async def answer(self, model: str, version: int) -> list[str]:
        """Return what a version was measured to answer to the input example, when it was trained."""
        run = (await self.versions(model))[version]["run_id"]
        tags: Json = (await self.do(self.registry._get("runs/get", run_id=run)))["run"]["data"]
        found: list[str] = json.loads(next(tag["value"] for tag in tags["tags"] if tag["key"] == "demo.answer"))
        return found


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MLflowServer]:
    """A registry with the models of the demo; no test may count on more, for all tests share it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def wait(work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(120)

    registry = Registry(folder=tmp_path_factory.mktemp("registry"), port=free_port())
    try:
        wait(registry.start())
        wait(registry.seed())
        yield MLflowServer(url=registry.url, registry=registry, loop=loop)
    finally:
        wait(registry.close())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="session")
def odd_models(mlflow_server: MLflowServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Register tests/odd_models.py's, and return the registry's address."""
    home = str(tmp_path_factory.mktemp("trainer"))
    told = {"PATH": os.environ["PATH"], "HOME": home, "TMPDIR": home, "PYTHONPATH": str(ROOT)}
    told |= {
        "MLFLOW_TRACKING_URI": mlflow_server.url,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    # A process of its own: MLflow warns when it is imported, and here warnings are errors.
    command = [sys.executable, "-m", "tests.odd_models"]
    subprocess.run(command, env=told, cwd=home, check=True, capture_output=True, timeout=120)
    return mlflow_server.url
