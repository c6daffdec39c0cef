"""A real MLflow for the stories: one server for all, a model of its own for each.

The versions of all stories share the artifacts of one that was really trained; what differs is who they are.
"""

import secrets
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from bot.domain.json import Json
from tests.fixtures.registry import MLflowServer


class Models:
    """Registers models and versions over REST."""

    def __init__(self, url: str, source: str, run: str | None) -> None:
        self.url = url
        self._source = source
        self._run = run

    async def model(self, *, versions: int, aliases: Mapping[str, int]) -> str:
        """Register a new model with so many versions, and return its name."""
        name = f"story-{secrets.token_hex(3)}"
        await self.post("registered-models/create", {"name": name})
        for _ in range(versions):
            await self.version(name)
        for alias, version in aliases.items():
            await self.post("registered-models/alias", {"name": name, "alias": alias, "version": str(version)})
        return name

    async def version(self, model: str) -> int:
        """Register one more version."""
        logged = self._source.removeprefix("models:/")
        wanted = {"name": model, "source": self._source, "run_id": self._run, "model_id": logged}
        answer = await self.post("model-versions/create", wanted)
        return int(answer["model_version"]["version"])

    async def tags(self, model: str, version: int) -> dict[str, str]:
        """Return the tags of a version."""
        async with aiohttp.ClientSession() as http:
            url = f"{self.url}/api/2.0/mlflow/model-versions/get"
            async with http.get(url, params={"name": model, "version": str(version)}) as answer:
                tags: list[dict[str, Any]] = (await answer.json())["model_version"].get("tags", [])
        return {tag["key"]: tag["value"] for tag in tags}

    async def post(self, path: str, body: Json) -> Json:
        """Send one request, and return what is answered."""
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.url}/api/2.0/mlflow/{path}", json=body) as answer,
        ):
            said: Json = await answer.json()
            assert answer.ok, said
            return said


async def models_of(url: str) -> Models:
    """Return the registry at an address, with the artifacts of iris-classifier v1 for every story's versions."""
    async with aiohttp.ClientSession() as http:
        query = {"name": "iris-classifier", "version": "1"}
        async with http.get(f"{url}/api/2.0/mlflow/model-versions/get", params=query) as answer:
            version = (await answer.json())["model_version"]
    return Models(url, version["source"], version.get("run_id"))


@pytest.fixture
async def registry(mlflow_server: MLflowServer) -> Models:
    """Return the real MLflow, for the tests of every folder whose conftest.py names this."""
    return await models_of(mlflow_server.url)
