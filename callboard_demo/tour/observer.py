"""The tour's observations: git, MLflow's REST API, the Kubernetes API, pods' responses and the channel."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Self, TypeVar

import aiohttp

from bot.domain.json import Json
from callboard_demo.world import World

T = TypeVar("T")
NAMESPACE = "models"


class NotObserved(Exception):
    """An expected effect was not observed."""


class Observer:
    """Reads the systems through their public interfaces."""

    def __init__(self, world: World, http: aiohttp.ClientSession) -> None:
        self._world = world
        self._http = http

    @classmethod
    @asynccontextmanager
    async def open(cls, world: World) -> AsyncIterator[Self]:
        """Open an observer for the duration of the context."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as http:
            yield cls(world, http)

    async def until(self, what: str, check: Callable[[], Awaitable[T | None]], within: float) -> T:
        """Check repeatedly until the result is not None.

        Raises:
            NotObserved: there was no result within so many seconds.
        """
        deadline = monotonic() + within
        while monotonic() < deadline:
            try:
                found = await check()
            except (aiohttp.ClientError, TimeoutError):
                found = None
            if found is not None:
                return found
            await asyncio.sleep(0.3)
        raise NotObserved(f"not observed within {within:.0f} seconds: {what}")

    # ── git ───────────────────────────────────────────────────────────────────────────────────────────

    def pinned(self, stage: str) -> int | None:
        """Return the version of iris-classifier that main pins on a stage."""
        for path, text in self._world.forge.files(under=f"manifests/iris-classifier/{stage}").items():
            words = text.decode().replace('"', " ").replace("'", " ").split()
            if path.endswith(".yaml") and "MODEL_VERSION" in words:
                after = words[words.index("MODEL_VERSION") :]
                return int(next(word for word in after if word.isdigit()))
        return None

    def pulls(self, branch: str) -> list[Json]:
        """Return the pull requests of a branch, newest first."""
        found = [pull for pull in self._world.forge.state()["pulls"] if pull["head"] == branch]
        return sorted(found, key=lambda pull: -int(pull["number"]))

    # ── MLflow ────────────────────────────────────────────────────────────────────────────────────────

    async def registry(self, path: str, **query: str) -> Json:
        """GET from MLflow's REST API, bypassing the fault proxy."""
        url = f"{self._world.registry.url}/api/2.0/mlflow/{path}"
        async with self._http.get(url, params=query) as answer:
            body: Json = await answer.json()
            return body if answer.ok else {}

    async def alias(self, stage: str, model: str = "iris-classifier") -> int | None:
        """Return the version that a stage's alias points to in the registry."""
        answer = await self.registry("registered-models/alias", name=model, alias=stage)
        return int(answer["model_version"]["version"]) if answer else None

    async def tags(self, version: int) -> dict[str, str]:
        """Return a version's tags."""
        answer = await self.registry("model-versions/get", name="iris-classifier", version=str(version))
        return {tag["key"]: tag["value"] for tag in answer["model_version"].get("tags", [])}

    # ── the cluster ───────────────────────────────────────────────────────────────────────────────────

    async def kubernetes(self, path: str) -> Json:
        """GET from the Kubernetes API; `…` in a path is the namespace of the models."""
        async with self._http.get(self._address(path), headers=self._headers) as answer:
            body: Json = await answer.json()
            return body

    def _address(self, path: str) -> str:
        return f"{self._world.kubernetes_url}/{path.replace('…', f'namespaces/{NAMESPACE}')}"

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._world.kubernetes_token}"}

    async def pods(self, stage: str) -> list[Json]:
        """Return the ready pods of iris-classifier on a stage, as the Kubernetes API shows them."""
        items: list[Json] = (await self.kubernetes("api/v1/…/pods"))["items"]
        return [pod for pod in items if is_ready(pod) and _env(pod).get("MODEL_STAGE") == stage and _is_iris(pod)]

    async def pods_of(self, workload: str) -> list[Json]:
        """Return all pods with the label `model`, in the order of their names."""
        items: list[Json] = (await self.kubernetes("api/v1/…/pods"))["items"]
        mine = [pod for pod in items if pod["metadata"]["labels"].get("model") == workload]
        return sorted(mine, key=lambda pod: str(pod["metadata"]["name"]))

    async def set_env(self, deployment: str, name: str, value: str) -> None:
        """Set a variable of a Deployment's container, as somebody could with kubectl."""
        path = f"apis/apps/v1/…/deployments/{deployment}"
        container = (await self.kubernetes(path))["spec"]["template"]["spec"]["containers"][0]["name"]
        env = [{"name": container, "env": [{"name": name, "value": value}]}]
        await self.patch(path, {"spec": {"template": {"spec": {"containers": env}}}})

    async def patch(self, path: str, change: Json) -> None:
        """Change an object, as `kubectl patch` does."""
        headers = {**self._headers, "Content-Type": "application/strategic-merge-patch+json"}
        async with self._http.patch(self._address(path), headers=headers, data=json.dumps(change)) as answer:
            answer.raise_for_status()

    async def served(self, stage: str) -> list[int]:
        """Return the version that each ready pod of a stage reports."""
        return [int((await self._pod(pod, "/model"))["version"]) for pod in await self.pods(stage)]

    async def predict(self, stage: str, example: bytes) -> Any:
        """Return a pod's response on /invocations."""
        pod = (await self.pods(stage))[0]
        headers = {"Content-Type": "application/json"}
        async with self._http.post(_url(pod, "/invocations"), data=example, headers=headers) as answer:
            return await answer.json()

    async def names(self, pod: Json, model: str, version: int) -> bool:
        """Return whether a pod answers for a version of a model, by the Open Inference Protocol."""
        async with self._http.get(_url(pod, f"/v2/models/{model}/versions/{version}")) as answer:
            return answer.ok and (await answer.json())["name"] == model

    async def _pod(self, pod: Json, path: str) -> Json:
        async with self._http.get(_url(pod, path)) as answer:
            body: Json = await answer.json()
            return body

    # ── the channel ───────────────────────────────────────────────────────────────────────────────────

    def messages(self, *words: str) -> list[Json]:
        """Return the channel's messages that contain all these words, newest first."""
        found = [m for m in self._world.chat.state()["messages"] if all(word in visible_text(m) for word in words)]
        return sorted(found, key=lambda message: -float(message["ts"]))

    def private(self, to: str, *words: str) -> list[Json]:
        """Return one person's ephemeral messages that contain all these words."""
        messages = self._world.chat.state()["private"]
        return [
            one for one in messages if to in str(one["to"]).lower() and all(word in visible_text(one) for word in words)
        ]


def visible_text(message: Json) -> str:
    """Return all visible text of a message."""
    return "\n".join([str(message.get("text") or ""), *_texts(message.get("blocks") or [])])


def _texts(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["text"]] if isinstance(node.get("text"), str) else []
        return own + [text for value in node.values() for text in _texts(value)]
    return [text for value in node for text in _texts(value)] if isinstance(node, list) else []


def is_ready(pod: Json) -> bool:
    """Return whether a pod is ready, and not about to end."""
    conditions = {c["type"]: c["status"] for c in pod.get("status", {}).get("conditions", [])}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def _env(pod: Json) -> dict[str, str]:
    entries = [entry for container in pod["spec"]["containers"] for entry in container.get("env", [])]
    return {entry["name"]: str(entry.get("value", "")) for entry in entries}


def _is_iris(pod: Json) -> bool:
    return _env(pod).get("MODEL_NAME") == "iris-classifier"


def _url(pod: Json, path: str) -> str:
    ports = pod["spec"]["containers"][0].get("ports") or [{"containerPort": 8080}]
    return f"http://{pod['status']['podIP']}:{ports[0]['containerPort']}{path}"
