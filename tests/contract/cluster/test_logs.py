"""The logs of pods, as the demo's cluster serves them: a real API server needs a kubelet for that."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from kubernetes.aio.client.exceptions import ApiException

from callboard_demo.cluster import Runtime
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from tests.contract.cluster.cluster_client import Client, connected, said
from tests.contract.control_plane import ControlPlane
from tests.fixtures.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def runtime() -> Runtime:
    return ScriptedRuntime({"talks": Behaviour(output="one\ntwo\nthree")})


@pytest.fixture
async def demo(fake: ControlPlane) -> AsyncIterator[Client]:
    """The client at the demo's cluster."""
    async with connected(fake) as client:
        yield client


async def pod(client: Client, *names: str, image: str = "registry.example/model-server:v1") -> None:
    """Make a pod whose containers print three lines."""
    made = [
        {
            "name": name,
            "image": image,
            "env": [{"name": "MODEL_VERSION", "value": "talks"}],
            "ports": [{"containerPort": 8080 + place}],
        }
        for place, name in enumerate(names)
    ]
    body = {"metadata": {"name": "a"}, "spec": {"containers": made, "terminationGracePeriodSeconds": 1}}
    await client.ask("POST", client.path("pods"), body)


async def started(client: Client) -> None:
    async def look() -> bool:
        value = await client.ask("GET", client.path("pods", "a"))
        states = value["status"].get("containerStatuses") or [{"state": {}}]
        return all("running" in each["state"] for each in states)

    await until(look, "every container to run")


async def log(client: Client, *query: tuple[str, str]) -> str:
    text: str = await (await client.open("GET", client.path("pods", "a/log"), query)).text()
    return text


async def test_a_log_is_served_whole_or_by_its_end(demo: Client) -> None:
    await pod(demo, "main")
    await started(demo)
    assert await log(demo) == "one\ntwo\nthree\n"
    assert await log(demo, ("tailLines", "2")) == "two\nthree\n"
    assert await log(demo, ("tailLines", "0")) == ""
    assert await log(demo, ("limitBytes", "5")) == "one\nt"
    assert await log(demo, ("sinceSeconds", "600"), ("tailLines", "1")) == "three\n"
    stamped = (await log(demo, ("timestamps", "true"))).splitlines()
    assert [line.split("Z ")[1] for line in stamped] == ["one", "two", "three"]


async def test_a_log_is_followed_to_the_end_of_its_container(demo: Client) -> None:
    await pod(demo, "main")
    await started(demo)
    following = (await demo.open("GET", demo.path("pods", "a/log"), [("follow", "true")])).content
    assert await following.readline() == b"one\n"
    await demo.ask("DELETE", demo.path("pods", "a"))
    assert await asyncio.wait_for(following.read(), 15) == b"two\nthree\n"


async def test_of_two_containers_one_must_be_named(demo: Client) -> None:
    await pod(demo, "main", "side")
    await started(demo)
    with pytest.raises(ApiException) as no:
        await log(demo)
    text = "a container name must be specified for pod a, choose one of: [main side]"
    assert (said(no)["code"], said(no)["message"]) == (400, text)
    assert await log(demo, ("container", "side"), ("tailLines", "1")) == "three\n"


async def test_a_container_that_has_not_started_has_no_log(demo: Client) -> None:
    await pod(demo, "main", image="registry.example/model-server:missing")
    with pytest.raises(ApiException) as no:
        await log(demo)
    assert said(no)["message"].startswith('container "main" in pod "a" is waiting to start: ')
