"""Several clusters: each has its own client, watch and way to its pods, and each one's trouble names it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import web

from bot.clients.pods import PodName
from bot.cluster.clusters import Clusters
from bot.domain.errors import Temporary
from bot.domain.reason import Name, Reason
from bot.domain.reasons import cluster as reasons
from bot.domain.verification import Question
from bot.rules.wording.reasons import plain
from tests.fixtures.clusters import NAMESPACE, merged, server
from tests.fixtures.waiting import until


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as found:
        yield found


def opened(stack: AsyncExitStack, kubeconfig: Path | None) -> Clusters:
    clusters = Clusters(str(kubeconfig) if kubeconfig is not None else None)
    stack.push_async_callback(clusters.close)
    return clusters


def shown(clusters: Clusters, name: str | None) -> str | None:
    """Return the version that the Deployment of a cluster pins."""
    seen = clusters.of(name).watch.snapshot(NAMESPACE, "iris", "production")
    if seen is None:
        return None
    (container,) = seen.workload["spec"]["template"]["spec"]["containers"]
    return next(str(env["value"]) for env in container["env"] if env["name"] == "MODEL_VERSION")


async def trouble(clusters: Clusters, name: str | None, told: Callable[[Reason], bool]) -> Reason:
    """Wait for a trouble of a cluster's watch."""
    found: list[Reason] = []

    def look() -> bool:
        why = clusters.of(name).watch.trouble(NAMESPACE)
        found[:] = [why] if why is not None and told(why) else []
        return bool(found)

    await until(look, f"a trouble of {name}", within=20)
    return found[0]


async def fresh(clusters: Clusters, name: str | None) -> None:
    watch = clusters.of(name).watch
    await until(lambda: watch.fresh(NAMESPACE) and watch.trouble(NAMESPACE) is None, f"objects of {name}", within=20)


async def test_the_same_workload_in_two_clusters_is_seen_twice(tmp_path: Path, stack: AsyncExitStack) -> None:
    one, other = [await stack.enter_async_context(server(tmp_path / name)) for name in ("a", "b")]
    (tmp_path / "config").write_text(merged(here=one.kubeconfig, there=other.kubeconfig))
    (tmp_path / "mounted").write_text(merged(x=one.kubeconfig, prod=other.kubeconfig))
    clusters = opened(stack, tmp_path / "config")
    await one.apply("1")
    await other.apply("2")
    for name in (None, "here", "there", f"{tmp_path}/mounted", f"{tmp_path}/mounted#prod"):
        await clusters.of(name).watch.ensure(NAMESPACE)
        await fresh(clusters, name)
    names = [None, "here", "there", f"{tmp_path}/mounted", f"{tmp_path}/mounted#prod"]
    assert [shown(clusters, name) for name in names] == ["1", "1", "2", "1", "2"]
    assert clusters.moved.is_set()
    assert clusters.of("there") is clusters.of("there")


async def test_a_cluster_that_is_down_is_named_and_the_other_one_goes_on(tmp_path: Path, stack: AsyncExitStack) -> None:
    one, other = [await stack.enter_async_context(server(tmp_path / name)) for name in ("a", "b")]
    (tmp_path / "config").write_text(merged(here=one.kubeconfig, there=other.kubeconfig))
    clusters = opened(stack, tmp_path / "config")
    await other.runner.cleanup()
    for name in (None, "there"):
        await clusters.of(name).watch.ensure(NAMESPACE)
    await fresh(clusters, None)
    await one.apply("1")
    await until(lambda: shown(clusters, None) == "1", "the Deployment of the one that is up", within=20)
    assert not clusters.of("there").watch.fresh(NAMESPACE)
    assert await clusters.unusable("there") is None, "it may be back any time"
    with pytest.raises(Temporary):
        await clusters.of("there").kubernetes.list(NAMESPACE, "pods")


async def test_a_context_that_is_missing_is_named_and_found_once_it_is_there(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    one = await stack.enter_async_context(server(tmp_path / "a"))
    config = tmp_path / "config"
    config.write_text(merged(here=one.kubeconfig))
    clusters = opened(stack, config)
    await clusters.of("there").watch.ensure(NAMESPACE)
    why = await trouble(clusters, "there", lambda reason: isinstance(reason, reasons.InCluster))
    unknown = reasons.ContextUnknown(context=Name("there"), contexts=(Name("here"),))
    cause = reasons.KubeconfigUnusable(path=Name(str(config)), cause=unknown, named=True)
    assert why == reasons.InCluster(cluster=Name("there"), cause=cause) == await clusters.unusable("there")
    assert plain(why) == (
        f"cluster there: cannot connect to Kubernetes: {config} cannot be used (it has no context there; its contexts "
        "are here); correct `cluster` in app.yaml, or this file"
    )
    config.write_text(merged(here=one.kubeconfig, there=one.kubeconfig))
    await fresh(clusters, "there")
    assert await clusters.unusable("there") is None


async def test_a_file_that_is_mounted_later_is_found(tmp_path: Path, stack: AsyncExitStack) -> None:
    one = await stack.enter_async_context(server(tmp_path / "a"))
    clusters, name = opened(stack, None), f"{tmp_path}/mounted#here"
    why = await clusters.unusable(name)
    assert why is not None
    assert plain(why) == (
        f"cluster {name}: cannot connect to Kubernetes: {tmp_path}/mounted cannot be used (there is no such file); "
        "correct `cluster` in app.yaml, or this file"
    )
    await clusters.of(name).watch.ensure(NAMESPACE)
    await trouble(clusters, name, lambda reason: reason == why)
    (tmp_path / "mounted").write_text(merged(here=one.kubeconfig))
    await fresh(clusters, name)


async def test_a_pod_of_another_cluster_is_asked_through_its_own_api_server(
    tmp_path: Path, stack: AsyncExitStack, unused_tcp_port: int
) -> None:
    """Here, another pod may have the address that it has there."""
    asked: list[str] = []

    async def stranger(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"name": "churn", "version": 9})

    app = web.Application()
    app.router.add_get("/{path:.*}", stranger)
    runner = web.AppRunner(app)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    one = await stack.enter_async_context(server(tmp_path / "a"))
    (tmp_path / "config").write_text(merged(here=one.kubeconfig))
    clusters = opened(stack, tmp_path / "config")
    pod = PodName(namespace=NAMESPACE, workload="iris", name="iris-7c9")
    with pytest.raises(Temporary) as raised:
        await clusters.of("here").pods.ask(f"127.0.0.1:{unused_tcp_port}", Question(path="/model"), pod)
    assert plain(raised.value.reason).startswith("cluster here: asking iris-7c9 in models through the API server")
    assert asked == []
