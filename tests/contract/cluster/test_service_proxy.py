"""Services of the demo's cluster: who stands behind them, and where connections to them go."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from bot.domain.json import Json
from callboard_demo.cluster.endpoints import Endpoint, endpoints
from tests.contract.control_plane import ControlPlane
from tests.fixtures.waiting import until

pytestmark = pytest.mark.slow

SERVICE: Json = {
    "metadata": {"name": "iris", "namespace": "models"},
    "spec": {"selector": {"model": "iris"}, "ports": [{"port": 80, "targetPort": "http"}]},
}


# ── who stands behind a Service ──────────────────────────────────────────────────────────────────────


def pod(address: str, *, ready: bool = True, leaving: bool = False, port: int = 8080, **meta: Any) -> Json:
    """Return a pod of the model, as the API server shows it."""
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if leaving else {}
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {
        "metadata": {"namespace": "models", "labels": {"model": "iris", "stage": "staging"}, **going, **meta},
        "spec": {"containers": [{"name": "server", "ports": [{"name": "http", "containerPort": port}]}]},
        "status": {"podIP": address, "conditions": [condition]},
    }


def behind(*pods: Json) -> list[Endpoint]:
    return [*endpoints(SERVICE, pods)[80]]


def test_ready_pods_stand_behind_a_service_each_with_its_port_of_that_name() -> None:
    pods = pod("127.77.0.2"), pod("127.77.0.3", ready=False), pod("127.77.0.4", port=9090)
    assert behind(*pods) == [("127.77.0.2", 8080), ("127.77.0.4", 9090)]


def test_pods_of_another_namespace_or_with_other_labels_do_not() -> None:
    assert behind(pod("127.77.0.2", namespace="other"), pod("127.77.0.3", labels={"model": "churn"})) == []


def test_a_pod_on_its_way_out_does_not_as_long_as_there_is_another() -> None:
    staying, leaving = pod("127.77.0.2"), pod("127.77.0.3", leaving=True)
    assert behind(staying, leaving) == [("127.77.0.2", 8080)]
    assert behind(leaving, pod("127.77.0.4", ready=False)) == [("127.77.0.3", 8080)]


def test_a_pod_without_the_named_port_takes_nothing() -> None:
    nameless = pod("127.77.0.2")
    del nameless["spec"]["containers"][0]["ports"]
    assert behind(nameless) == []


def test_a_port_can_be_a_number_and_is_its_own_target_otherwise() -> None:
    ports = [{"port": 80, "targetPort": 8081}, {"port": 9000}]
    found = endpoints({**SERVICE, "spec": {**SERVICE["spec"], "ports": ports}}, [pod("127.77.0.2")])
    assert found == {80: (("127.77.0.2", 8081),), 9000: (("127.77.0.2", 9000),)}


def test_a_service_that_selects_nothing_has_no_ports_here() -> None:
    assert endpoints({**SERVICE, "spec": {"ports": [{"port": 80}]}}, [pod("127.77.0.2")]) == {}


# ── where connections go ─────────────────────────────────────────────────────────────────────────────


async def served(plane: ControlPlane, *versions: int) -> str:
    """Make the Service, which hears at once, and a pod for each version; return its address once all answer there."""
    plane.demo.services.lag = timedelta(0)
    await plane.rest.post(plane.path("services"), SERVICE)
    for version in versions:
        await plane.rest.post(plane.path("pods"), server(version))
    address = await until(lambda: opened(plane), "the open port of the Service")
    if versions:
        await answering(address, set(versions))
    return address


def server(version: int) -> Json:
    """Return a pod that says which version it is, and answers on for a minute when it is deleted."""
    container = {
        "name": "server",
        "image": "acme/model-server:1",
        "ports": [{"name": "http", "containerPort": 8080}],
        "env": [{"name": "MODEL_VERSION", "value": str(version)}],
        "lifecycle": {"preStop": {"sleep": {"seconds": 60}}},
    }
    meta = {"name": f"v{version}", "labels": {"model": "iris"}}
    return {"metadata": meta, "spec": {"containers": [container], "terminationGracePeriodSeconds": 90}}


async def opened(plane: ControlPlane) -> str | None:
    return plane.demo.services.address(plane.namespace, "iris", 80)


@asynccontextmanager
async def connection(address: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Yield a client with one connection, which it keeps."""
    async with aiohttp.ClientSession(f"http://{address}", connector=aiohttp.TCPConnector(limit=1)) as http:
        yield http


async def version(http: aiohttp.ClientSession) -> int:
    """Return who answers, by a POST: aiohttp sends a lost GET a second time."""
    async with http.post("/invocations") as answer:
        [it] = (await answer.json())["predictions"]
        return int(it)


async def asked(address: str, times: int = 8) -> set[int]:
    """Return who answers to some new connections."""
    found = set()
    for _ in range(times):
        async with connection(address) as http:
            found.add(await version(http))
    return found


async def answering(address: str, versions: set[int]) -> None:
    """Wait until these answer to new connections, and no others."""

    async def look() -> bool:
        with suppress(aiohttp.ClientError):
            return await asked(address) == versions
        return False

    await until(look, f"answers of {versions} alone")


async def test_the_picture_shows_where_a_service_is_called(fake: ControlPlane) -> None:
    address = await served(fake)
    shown = {"name": "iris", "namespace": "models", "port": 80, "address": address}
    assert fake.demo.state()["services"] == [shown]


async def test_connections_are_shared_out_and_requests_are_not(fake: ControlPlane) -> None:
    address = await served(fake, 1, 2)
    async with connection(address) as http:
        assert len({await version(http) for _ in range(8)}) == 1
    assert await asked(address) == {1, 2}


async def test_the_proxy_hears_late_that_a_pod_goes(fake: ControlPlane) -> None:
    address = await served(fake, 1, 2)
    fake.demo.services.lag = timedelta(seconds=600)
    await fake.rest.delete(fake.path("pods", "v1"), {"gracePeriodSeconds": 0})

    async def lost() -> bool:
        with suppress(aiohttp.ClientError):
            return not await asked(address)
        return True

    await until(lost, "a lost connection")


async def test_a_connection_that_stands_stays_with_a_pod_that_goes_and_no_new_one_joins_it(fake: ControlPlane) -> None:
    address = await served(fake, 1)
    async with connection(address) as http:
        assert await version(http) == 1
        await fake.rest.post(fake.path("pods"), server(2))
        await answering(address, {1, 2})
        await fake.rest.delete(fake.path("pods", "v1"), {})
        await answering(address, {2})
        assert await version(http) == 1


async def test_a_connection_to_a_service_with_nobody_behind_it_is_ended(fake: ControlPlane) -> None:
    address = await served(fake)
    with pytest.raises(aiohttp.ClientError):
        await asked(address)


async def test_a_service_that_is_deleted_takes_no_connection(fake: ControlPlane) -> None:
    address = await served(fake, 1)
    await fake.rest.delete(fake.path("services", "iris"), {})

    async def closed() -> bool:
        return await opened(fake) is None

    await until(closed, "the port to close")
    with pytest.raises(aiohttp.ClientConnectorError):
        await asked(address)
