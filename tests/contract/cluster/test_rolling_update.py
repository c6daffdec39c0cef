"""A release under load: the manifests as they are shipped, real model servers, and a Service that hears late of it all.

In the demo's cluster, whose Services pass connections on as kube-proxy does (`callboard_demo.cluster.service_proxy`).
Two tests take away one thing each that the manifests have for this, and see that requests are lost then.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
import yaml

from bot.domain.json import Json
from callboard_demo.cluster import ProcessRuntime, Runtime
from callboard_demo.cluster.phases import is_ready
from callboard_demo.gitops.agent import FORCED, path_of
from callboard_demo.world import registry_at
from tests.contract.control_plane import TOKEN, ControlPlane
from tests.fixtures.registry import MLflowServer
from tests.fixtures.waiting import until
from tests.manifests.rendered import objects

FOLDER = "iris-classifier/staging"
NAME = "iris-classifier-staging"
LAG = timedelta(seconds=3)
"""How late the Service hears: later than a server that gets SIGTERM ends, unless it answers on before, for its hook."""
EVERY = 0.05
"""Seconds between a client's requests."""
PATIENCE = aiohttp.ClientTimeout(total=10)
WITHIN = 90.0
ENOUGH = 200
"""Requests that are sent during a rollout at the least: one pod after the other drains for six seconds."""


pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def runtime(mlflow_server: MLflowServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    """Real model servers, whose registry is where the manifests say that it is; models are downloaded to the test."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return ProcessRuntime(hosts=registry_at(mlflow_server.url))


# ── what is deployed ─────────────────────────────────────────────────────────────────────────────────


def shipped(version: int, replicas: int, change: Callable[[Json], None] | None = None) -> list[Json]:
    """Return what kustomize makes of the manifests, with other replicas, at a version, and changed by a control."""
    deployment, service = (deepcopy(objects(FOLDER, kind)[0]) for kind in ("Deployment", "Service"))
    deployment["spec"]["replicas"] = replicas
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    next(each for each in container["env"] if each["name"] == "MODEL_VERSION")["value"] = str(version)
    if change is not None:
        change(deployment["spec"])
    return [deployment, service]


async def apply(plane: ControlPlane, things: list[Json]) -> None:
    """Apply objects as the GitOps agent does."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/apply-patch+yaml"}
    async with aiohttp.ClientSession(plane.url, headers=headers, raise_for_status=True) as http:
        for each in things:
            async with http.patch(path_of(each), params=FORCED, data=yaml.safe_dump(each), ssl=False):
                pass


async def rolled_out(plane: ControlPlane, version: int, replicas: int) -> None:
    """Wait until there are so many pods of a version, all ready, and no others, not even some that are ending."""

    async def look() -> bool:
        pods = await plane.items("pods")
        return len(pods) == replicas and all(is_ready(pod) and pinned(pod) == str(version) for pod in pods)

    try:
        await until(look, f"{replicas} pods of version {version} alone", within=WITHIN)
    except AssertionError as error:
        shown = [(pinned(pod), pod["status"], last_words(plane, pod)) for pod in await plane.items("pods")]
        raise AssertionError(f"no {replicas} pods of version {version} alone: {shown}") from error


def pinned(pod: Json) -> str:
    return str(next(e["value"] for e in pod["spec"]["containers"][0]["env"] if e["name"] == "MODEL_VERSION"))


def last_words(plane: ControlPlane, pod: Json) -> str:
    log = plane.kubelet.log(plane.namespace, pod["metadata"]["name"], "server")
    return log.text(tail=5) if log else ""


# ── who asks ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True)
class Load:
    """Clients who ask the Service for predictions, one request after the other."""

    url: str
    body: bytes
    sent: int = 0
    lost: list[str] = field(default_factory=list)
    versions: Counter[int] = field(default_factory=Counter)
    """Who answered, by what the same client was told right after a prediction."""
    over: bool = False

    async def client(self, *, keeps: bool) -> None:
        """Ask until it is over, over one connection as long as it lasts, or over a new one each time."""
        connector = aiohttp.TCPConnector(limit=1, force_close=not keeps)
        async with aiohttp.ClientSession(self.url, connector=connector, timeout=PATIENCE) as http:
            while not self.over:
                await self._ask(http)
                await asyncio.sleep(EVERY)

    async def _ask(self, http: aiohttp.ClientSession) -> None:
        """Ask once, by a POST: aiohttp sends a lost GET a second time."""
        self.sent += 1
        try:
            kind = {"Content-Type": "application/json"}
            async with http.post("/invocations", data=self.body, headers=kind) as answer:
                if answer.status != 200 or not (await answer.json())["predictions"]:
                    self.lost.append(f"{answer.status} {await answer.text()}")
            async with http.get("/model") as answer:
                self.versions[(await answer.json())["version"]] += 1
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.lost.append(repr(error))

    async def until(self, seen: Callable[["Load"], object], what: str) -> None:
        """Wait until something is true of what was asked so far."""
        await until(lambda: seen(self), what, within=WITHIN)

    async def more(self, requests: int) -> None:
        """Wait until so many more have been sent."""
        enough = self.sent + requests
        await self.until(lambda load: load.sent >= enough, f"{requests} more requests")


@asynccontextmanager
async def load(plane: ControlPlane, registry: MLflowServer) -> AsyncIterator[Load]:
    """Ask the Service, which hears late from now on, with two clients that keep connections and two that do not."""
    body = await registry.do(registry.registry.input_example("iris-classifier"))
    asked = Load(url=await answering(plane), body=body)
    plane.demo.services.lag = LAG
    async with asyncio.TaskGroup() as clients:
        for keeps in (True, True, False, False):
            clients.create_task(asked.client(keeps=keeps))
        try:
            yield asked
        finally:
            asked.over = True


async def answering(plane: ControlPlane) -> str:
    """Return the address of the Service once somebody answers there."""

    async def look() -> str | None:
        address = plane.demo.services.address(plane.namespace, NAME, 80)
        if address is not None:
            with suppress(aiohttp.ClientError):
                async with aiohttp.ClientSession() as http, http.get(f"http://{address}/readyz") as answer:
                    return f"http://{address}" if answer.ok else None
        return None

    return await until(look, "an answer from the Service", within=WITHIN)


# ── what becomes of it ───────────────────────────────────────────────────────────────────────────────


async def test_a_release_under_load_loses_no_request(fake: ControlPlane, mlflow_server: MLflowServer) -> None:
    await apply(fake, shipped(1, replicas=2))
    await rolled_out(fake, 1, replicas=2)
    async with load(fake, mlflow_server) as asked:
        await asked.more(100)
        assert set(asked.versions) == {1}
        before = asked.sent
        await apply(fake, shipped(2, replicas=2))
        await rolled_out(fake, 2, replicas=2)
        assert asked.sent - before > ENOUGH, "the load has gone on all the time"
        assert set(asked.versions) == {1, 2}
        asked.versions.clear()
        await asked.more(100)
        assert set(asked.versions) == {2}
    assert asked.lost == []


async def test_requests_are_lost_where_no_new_pod_answers_before_the_old_one_goes(
    fake: ControlPlane, mlflow_server: MLflowServer
) -> None:
    def recreated(spec: Json) -> None:
        spec["strategy"] = {"type": "Recreate"}

    await loses(fake, mlflow_server, recreated)


async def test_requests_are_lost_where_a_pod_ends_before_its_service_has_heard_of_it(
    fake: ControlPlane, mlflow_server: MLflowServer
) -> None:
    def without_its_hook(spec: Json) -> None:
        del spec["template"]["spec"]["containers"][0]["lifecycle"]

    await loses(fake, mlflow_server, without_its_hook)


async def loses(plane: ControlPlane, registry: MLflowServer, change: Callable[[Json], None]) -> None:
    """Release version 2 in place of version 1, and see a request get lost, though none was before."""
    await apply(plane, shipped(1, 1, change))
    await rolled_out(plane, 1, replicas=1)
    async with load(plane, registry) as asked:
        await asked.more(50)
        assert asked.lost == []
        await apply(plane, shipped(2, 1, change))
        await asked.until(lambda load: load.lost, "a lost request")
