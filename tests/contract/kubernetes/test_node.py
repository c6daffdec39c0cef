"""The node of the demo's cluster goes down and comes up again; nothing is lost, clients' troubles are not its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import ServerDisconnectedError, web

from bot.domain.json import Json
from bot.rules.kubernetes.kinds import stateful_set
from callboard_demo.cluster import Cluster
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from callboard_demo.faults import Faults
from tests.contract.cluster.test_traces import verdict
from tests.contract.control_plane import TOKEN, the_demo
from tests.contract.kubernetes.manifests import deployment, workload
from tests.contract.kubernetes.plane import Plane, looked_at
from tests.contract.kubernetes.raw import client
from tests.contract.kubernetes.test_kubelet import is_ready, pod, status

pytestmark = pytest.mark.slow

SERVER = {"name": "server", "image": "acme/model-server:1"}


@asynccontextmanager
async def demo(folder: Path, certificate: Path, runtime: ScriptedRuntime) -> AsyncIterator[Plane]:
    """Start the demo's cluster with its state in a folder."""
    folder.mkdir(exist_ok=True)  # noqa: ASYNC240  (once, at the start of a test)
    async with the_demo(folder, certificate, runtime, timedelta(seconds=0.3)) as found, looked_at(found) as plane:
        yield plane


async def test_pods_come_up_again_after_a_restart_as_after_a_reboot(tmp_path: Path, certificate: Path) -> None:
    async with demo(tmp_path, certificate, ScriptedRuntime()) as plane:
        await plane.raw.post(plane.deployments, deployment(namespace="models", replicas=1))
        await plane.until(f"{plane.deployments}/model", lambda d: verdict(d) == "DONE")
        [before] = (await plane.raw.get(plane.core("pods")))["items"]
    async with demo(tmp_path, certificate, ScriptedRuntime()) as plane:
        path = f"{plane.core('pods')}/{before['metadata']['name']}"
        after = await plane.until(path, lambda p: status(p)["restartCount"] == 1 and is_ready(p))
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        last = status(after)["lastState"]["terminated"]
        assert (last["exitCode"], last["reason"]) == (255, "Unknown")
        assert int(after["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])
        found = await plane.until(f"{plane.deployments}/model", lambda d: verdict(d) == "DONE")
        assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
        assert len((await plane.raw.get(plane.replicasets))["items"]) == 1


async def test_a_deletion_that_was_under_way_is_finished_after_a_restart(tmp_path: Path, certificate: Path) -> None:
    async with demo(tmp_path, certificate, ScriptedRuntime(default=Behaviour(ignores_term=True))) as plane:
        await plane.raw.post(plane.core("pods"), pod(SERVER, terminationGracePeriodSeconds=600))
        await plane.until(f"{plane.core('pods')}/p", is_ready)
        await plane.raw.delete(f"{plane.core('pods')}/p")
    async with demo(tmp_path, certificate, ScriptedRuntime()) as plane:
        await plane.until(plane.core("pods"), lambda found: not found["items"])


async def test_a_pod_that_is_deleted_by_force_is_gone_at_once(cluster: Plane, runtime: ScriptedRuntime) -> None:
    runtime.default = Behaviour(ignores_term=True)
    await cluster.raw.post(cluster.core("pods"), pod(SERVER, terminationGracePeriodSeconds=600))
    await cluster.until(f"{cluster.core('pods')}/p", is_ready)
    await cluster.raw.delete(f"{cluster.core('pods')}/p")
    await cluster.raw.delete(f"{cluster.core('pods')}/p", gracePeriodSeconds="0")
    assert (await cluster.raw.get(cluster.core("pods")))["items"] == []


async def test_pods_live_through_an_outage_of_the_api(tmp_path: Path, runtime: ScriptedRuntime) -> None:
    """Faults part the cluster from its clients, not the node from its API server."""
    faults = Faults()
    middlewares = [faults.middleware("kubernetes")]
    cluster = Cluster(folder=tmp_path, token=TOKEN, runtime=runtime, middlewares=middlewares)
    runner = web.AppRunner(cluster.app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await cluster.start()
    try:
        async with client(f"http://127.0.0.1:{runner.addresses[0][1]}", TOKEN) as raw:
            path = "/apis/apps/v1/namespaces/models/deployments"
            await raw.post(path, deployment(namespace="models", replicas=1))
            faults.set("kubernetes", "down", 600)
            await until_shown(cluster, lambda state: [p["serves"] for p in state["pods"]] == [1])
            with pytest.raises(ServerDisconnectedError):
                await raw.get(path)
    finally:
        await cluster.close()
        await runner.cleanup()


async def until_shown(cluster: Cluster, test: Callable[[Json], bool]) -> Json:
    """Return the cluster's picture as soon as it passes a test."""
    changed = asyncio.Event()
    cluster.on_change.append(changed.set)
    async with asyncio.timeout(30):
        while not test(state := cluster.state()):
            changed.clear()
            await changed.wait()
    cluster.on_change.remove(changed.set)
    return state


async def test_the_picture_shows_what_each_pod_is_to_serve_and_what_it_serves(
    cluster: Plane, runtime: ScriptedRuntime
) -> None:
    assert cluster.fake is not None
    runtime.behaviours["2"] = Behaviour(says_version=1)
    await cluster.raw.post(cluster.deployments, deployment("2", namespace="models", replicas=1))
    state = await until_shown(cluster.fake, lambda s: any(p["serves"] for p in s["pods"]))
    [shown] = state["pods"]
    del shown["name"], shown["ip"], shown["age_s"]
    assert shown == {
        "namespace": "models",
        "model": "model",
        "stage": None,
        "pin_version": "2",
        "phase": "Running",
        "ready": True,
        "restarts": 0,
        "status": "Running",
        "port": 8080,
        "serves": 1,
        "terminating": False,
    }
    assert state["workloads"] == [
        {
            "kind": "Deployment",
            "name": "model",
            "namespace": "models",
            "replicas": 1,
            "updated": 1,
            "available": 1,
            "revision": "1",
            "condition": "NewReplicaSetAvailable",
        }
    ]


async def test_the_picture_shows_what_a_configmap_pins(cluster: Plane) -> None:
    assert cluster.fake is not None
    settings = {"MODEL_NAME": "demand", "MODEL_STAGE": "production", "MODEL_VERSION": "3"}
    await cluster.raw.post(cluster.core("configmaps"), {"metadata": {"name": "demand-x"}, "data": settings})
    value = deployment("1", namespace="models", replicas=1)
    [container] = value["spec"]["template"]["spec"]["containers"]
    del container["env"]
    container["envFrom"] = [{"configMapRef": {"name": "demand-x"}}]
    await cluster.raw.post(cluster.deployments, value)
    state = await until_shown(cluster.fake, lambda s: any(p["serves"] for p in s["pods"]))
    [shown] = state["pods"]
    assert {name: shown[name] for name in ("model", "stage", "pin_version", "serves")} == {
        "model": "demand",
        "stage": "production",
        "pin_version": "3",
        "serves": 3,
    }


async def test_the_picture_shows_stateful_sets_beside_deployments(cluster: Plane) -> None:
    assert cluster.fake is not None
    path = f"/apis/apps/v1/namespaces/{cluster.namespace}/statefulsets"
    await cluster.raw.post(path, workload(stateful_set.KIND, 1, serviceName="model", replicas=2))
    state = await until_shown(cluster.fake, lambda s: len([p for p in s["pods"] if p["serves"]]) == 2)
    assert [pod["name"] for pod in state["pods"]] == ["model-0", "model-1"]
    assert state["workloads"] == [
        {
            "kind": "StatefulSet",
            "name": "model",
            "namespace": "models",
            "replicas": 2,
            "updated": 2,
            "available": 2,
            "revision": None,
            "condition": None,
        }
    ]


async def test_the_picture_shows_why_a_pod_does_not_run(cluster: Plane, runtime: ScriptedRuntime) -> None:
    assert cluster.fake is not None
    runtime.behaviours["1"] = Behaviour(crash_after=timedelta(0))
    await cluster.raw.post(cluster.deployments, deployment("1", namespace="models", replicas=1))
    state = await until_shown(cluster.fake, lambda s: "CrashLoopBackOff" in [p["status"] for p in s["pods"]])
    assert state["pods"][0]["serves"] is None


async def test_two_clusters_give_out_different_addresses(tmp_path: Path, certificate: Path) -> None:
    addresses = []
    async with (
        demo(tmp_path / "a", certificate, ScriptedRuntime()) as first,
        demo(tmp_path / "b", certificate, ScriptedRuntime()) as second,
    ):
        for plane in (first, second):
            await plane.raw.post(plane.core("pods"), pod(SERVER))
            found = await plane.until(f"{plane.core('pods')}/p", is_ready)
            addresses.append(found["status"]["podIP"].rpartition(".")[0])
    assert addresses[0] != addresses[1]
