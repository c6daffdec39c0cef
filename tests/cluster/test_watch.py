"""What the watch shows is what the cluster holds, through every break: held against the demo's API server.

Faults that no API server gives on demand come from a scripted one: `test_watch_scripted.py`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from bot import clock
from bot.clients.kubernetes.client import Kubernetes
from bot.clients.pods import Pods
from bot.cluster.watch import WAKE_EVERY, Watch
from bot.domain.cluster import Health, HealthStatus, Served
from bot.domain.reason import Name
from bot.domain.reasons.cluster import Listing, NotAllowed, NotWatched
from bot.domain.reasons.health import Progress
from bot.rules.kubernetes.health import judge
from bot.rules.wording.reasons import plain
from callboard_demo.cluster import Cluster
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime, digest
from tests.fixtures.waiting import until
from tests.fixtures.watch_world import NAME, manifest

TOKEN = "s3cr3t"
WATCHED = ("deployments", "replicasets", "pods", "events")


@dataclass(kw_only=True)
class World:
    """A cluster with scripted pods, and a watch of it over the real protocol."""

    cluster: Cluster
    runtime: ScriptedRuntime
    kubernetes: Kubernetes
    watch: Watch
    session: aiohttp.ClientSession
    port: int
    lists: list[str] = field(default_factory=list)
    watches: list[str] = field(default_factory=list)
    woken: list[float] = field(default_factory=list)

    async def apply(self, version: str, *, namespace: str = "models", name: str = NAME, model: str = "iris") -> None:
        """Apply the Deployment of a version, as a GitOps agent would."""
        url = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}?fieldManager=test&force=true"
        body = json.dumps(manifest(version, self.port, name=name, model=model))
        headers = {"Content-Type": "application/apply-patch+yaml"}
        async with self.session.patch(url, data=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()

    def health(self, namespace: str = "models") -> Health | None:
        seen = self.watch.snapshot(namespace, "iris", "production")
        return judge(seen, now=clock.now(), stage="production") if seen else None

    async def released(self, version: int) -> Health:
        """Wait until the watch shows that version healthy."""
        await until(lambda: self.shows(HealthStatus.HEALTHY, version), f"v{version} healthy")
        return self.health() or pytest.fail("gone again")

    def shows(self, status: HealthStatus, version: int) -> bool:
        health = self.health()
        return health is not None and health.status is status and bool(health.pin and health.pin.version == version)


@pytest.fixture
async def world(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[World]:
    lists: list[str] = []
    watches: list[str] = []
    woken: list[float] = []

    @web.middleware
    async def counting(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "GET":
            (watches if "watch" in request.query else lists).append(request.path.rpartition("/")[2])
        return await handler(request)

    async with AsyncExitStack() as stack:
        runtime = ScriptedRuntime()
        cluster = Cluster(
            folder=tmp_path / "cluster",
            token=TOKEN,
            runtime=runtime,
            middlewares=[counting],
            backoff=timedelta(seconds=0.2),
        )
        url = await served(cluster, stack)
        (tmp_path / "kubeconfig").write_text(cluster.kubeconfig(url))
        kubernetes = await Kubernetes.connect(str(tmp_path / "kubeconfig"))
        stack.push_async_callback(kubernetes.close)
        watch = Watch(
            kubernetes, lambda _: woken.append(asyncio.get_running_loop().time()), pause=timedelta(seconds=0.05)
        )
        stack.push_async_callback(watch.close)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        session = await stack.enter_async_context(aiohttp.ClientSession(url, headers=headers))
        yield World(
            cluster=cluster,
            runtime=runtime,
            kubernetes=kubernetes,
            watch=watch,
            session=session,
            port=unused_tcp_port,
            lists=lists,
            watches=watches,
            woken=woken,
        )


async def served(cluster: Cluster, stack: AsyncExitStack) -> str:
    runner = web.AppRunner(cluster.app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await cluster.start()
    stack.push_async_callback(cluster.close)
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def watched(world: World) -> None:
    await world.watch.ensure("models")
    await until(lambda: world.watch.fresh("models"), "the first lists")
    await until(lambda: sorted(world.watches) == sorted(WATCHED), "the watches")


# ── what is seen ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_rollout_is_seen_from_its_first_pod_to_what_it_serves(world: World) -> None:
    await world.apply("1")
    await watched(world)
    await world.released(1)
    await world.apply("2")
    health = await world.released(2)
    assert (health.reason, health.wanted, health.ready) == (Progress(ready=2, wanted=2, version=2), 2, 2)
    pods = Pods()
    answers = [await pods.served(pod.address or "") for pod in health.pods]
    await pods.close()
    assert answers == [Served(model="iris", version=2, digest=digest("iris", 2))] * 2


async def test_a_broken_version_is_seen_with_its_cause_and_its_log(world: World) -> None:
    world.runtime.behaviours["2"] = Behaviour(crash_after=timedelta(0), exit_code=3, output="ValueError: periwinkle")
    await watched(world)
    await world.apply("1")
    await world.released(1)
    await world.apply("2")
    await until(lambda: world.shows(HealthStatus.DEGRADED, 2), "the crash loop")
    health = world.health()
    assert health is not None
    assert "exit code 3" in plain(health.reason)
    assert health.culprit is not None
    log = await world.kubernetes.log("models", health.culprit, previous=True)
    assert "ValueError: periwinkle" in log


async def test_the_way_back_is_seen_too(world: World) -> None:
    """The old ReplicaSet is taken up again: what the failed one left behind must not count against it."""
    world.runtime.behaviours["2"] = Behaviour(crash_after=timedelta(0))
    await watched(world)
    await world.apply("1")
    await world.released(1)
    await world.apply("2")
    await until(lambda: world.shows(HealthStatus.DEGRADED, 2), "the crash loop")
    await world.apply("1")
    assert (await world.released(1)).reason == Progress(ready=2, wanted=2, version=1)


async def test_an_image_that_is_not_there_is_seen_with_its_name(world: World) -> None:
    await watched(world)
    await world.apply("1")
    await world.released(1)
    url = f"/apis/apps/v1/namespaces/models/deployments/{NAME}"
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "model-server:missing"}]}}}}
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    async with world.session.patch(url, json=patch, headers=headers) as answer:
        assert answer.status == 200
    await until(lambda: world.shows(HealthStatus.DEGRADED, 1), "the missing image")
    health = world.health()
    assert health is not None
    assert "cannot pull image model-server:missing: " in plain(health.reason)
    assert health.patience > timedelta(0)


async def test_a_workload_that_is_deleted_is_seen_no_more(world: World) -> None:
    await world.apply("1")
    await watched(world)
    await world.released(1)
    async with world.session.delete(f"/apis/apps/v1/namespaces/models/deployments/{NAME}") as answer:
        assert answer.status == 200
    await until(lambda: world.health() is None, "the end of the Deployment")


async def test_each_workload_has_its_own_objects_alone(world: World) -> None:
    await world.apply("1")
    await world.apply("7", name="churn-production", model="churn")
    await watched(world)
    await world.released(1)
    await until(lambda: len(_pods(world, "churn")) == 2, "churn's pods")
    assert _pods(world, "iris").isdisjoint(_pods(world, "churn"))
    assert world.watch.snapshot("models", "iris", "staging") is None
    named = world.watch.snapshot("models", "iris", "staging", NAME)
    assert named is not None, "by its name a workload is found whose stage is about to change"
    assert world.watch.snapshot("models", "iris", "staging", "churn-production") is None


def _pods(world: World, model: str) -> set[str]:
    seen = world.watch.snapshot("models", model, "production")
    return {pod["metadata"]["name"] for pod in seen.pods} if seen else set()


async def test_what_is_seen_of_a_pod_comes_with_its_events(world: World) -> None:
    await world.apply("1")
    await watched(world)
    await world.released(1)

    def told() -> set[str]:
        seen = world.watch.snapshot("models", "iris", "production")
        return {event["involvedObject"]["kind"] for event in seen.events} if seen else set()

    await until(lambda: told() >= {"Deployment", "ReplicaSet", "Pod"}, "the events")


async def test_a_namespace_is_watched_once_however_many_ask(world: World) -> None:
    for _ in range(5):
        await world.watch.ensure("models")
    await watched(world)
    assert sorted(world.lists) == sorted(world.watches) == sorted(WATCHED)


async def test_one_namespace_says_nothing_of_another(world: World) -> None:
    await world.apply("1", namespace="default")
    await watched(world)
    assert world.watch.snapshot("models", "iris", "production") is None
    assert world.watch.trouble("default") == NotWatched(namespace=Name("default"))
    assert not world.watch.fresh("default")


async def test_many_changes_at_once_ring_a_few_times(world: World) -> None:
    await watched(world)
    for version in range(1, 9):
        await world.apply(str(version))
    await world.released(8)
    await until(lambda: len(world.woken) > 1, "the second wake-up")
    gaps = [later - earlier for earlier, later in pairwise(world.woken)]
    assert min(gaps) > WAKE_EVERY.total_seconds() * 0.9


# ── breaks ───────────────────────────────────────────────────────────────────────────────────────────


async def test_after_a_break_it_goes_on_where_it_was_without_listing_again(world: World) -> None:
    await world.apply("1")
    await watched(world)
    await world.released(1)
    world.cluster.drop_watches()
    await world.apply("2")
    await world.released(2)
    assert sorted(world.lists) == sorted(WATCHED)
    assert world.watch.trouble("models") is None


async def test_when_the_cluster_has_forgotten_the_past_it_lists_again(world: World) -> None:
    await world.apply("1")
    await watched(world)
    await world.released(1)
    world.cluster.stall_watches()
    await world.apply("2")
    world.cluster.forget_history()
    world.cluster.stall_watches(stalled=False)
    world.cluster.drop_watches()
    await world.released(2)
    assert sorted(world.lists) != sorted(WATCHED)


async def test_a_missing_right_is_told_at_once_and_until_it_is_granted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cluster.stream.LOST", timedelta(hours=1))
    world.cluster.forbid("list", "pods")
    await world.watch.ensure("models")
    await until(lambda: world.watch.trouble("models") is not None, "the trouble")
    trouble = world.watch.trouble("models")
    assert isinstance(trouble, NotAllowed)
    assert trouble.during == Listing(kind=Name("pods"), namespace=Name("models"))
    assert "kubectl create role" in plain(trouble)
    assert TOKEN not in f"{trouble}{plain(trouble)}"
    assert not world.watch.fresh("models")
    world.cluster.allow_all()
    await until(lambda: world.watch.trouble("models") is None, "the right")
    await until(lambda: world.watch.fresh("models"), "the first lists")


async def test_events_that_may_not_be_read_are_done_without(world: World) -> None:
    world.cluster.forbid("*", "events")
    await world.apply("1")
    await world.watch.ensure("models")
    await world.released(1)
    assert world.watch.fresh("models")
    assert world.watch.trouble("models") is None


async def test_nothing_is_left_running_when_it_is_closed(world: World) -> None:
    before = asyncio.all_tasks()
    watch = Watch(world.kubernetes, lambda _: None)
    await watch.ensure("models")
    await until(lambda: watch.fresh("models"), "the first lists")
    await watch.close()
    assert {task for task in asyncio.all_tasks() - before if "_follow" in repr(task)} == set()
