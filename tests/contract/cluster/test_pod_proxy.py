"""The proxy of pods, as the demo's cluster serves it to the bot: a real API server refuses the loopback addresses.

What a real one (1.20) answers is in `tests/clients/test_pods_two_ways.py`.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.clients.kubernetes.client import Kubernetes, Refused
from bot.clients.pods import PodName, Pods
from bot.domain.cluster import Served
from bot.domain.errors import Temporary
from bot.domain.json import Json
from bot.domain.reasons.cluster import NotAllowed, PodNotProxied, UnreachableBothWays
from bot.domain.verification import Question
from callboard_demo.cluster import Runtime
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime, digest
from tests.contract.control_plane import ControlPlane
from tests.fixtures.raising import raising

pytestmark = pytest.mark.slow

POD = PodName(namespace="models", workload="iris", name="a")
ENV = {"MODEL_NAME": "iris", "MODEL_STAGE": "production", "MODEL_VERSION": "3"}


@pytest.fixture
def runtime() -> Runtime:
    return ScriptedRuntime(default=Behaviour(firewalled=True))


@pytest.fixture
async def kubernetes(fake: ControlPlane) -> AsyncIterator[Kubernetes]:
    """The bot's client at the demo's cluster."""
    client = await Kubernetes.connect(str(fake.kubeconfig))
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
async def address(fake: ControlPlane) -> str:
    """The address of a model server behind a firewall."""
    server = {
        "name": "server",
        "image": "model-server:1",
        "ports": [{"containerPort": 8080}],
        "env": [{"name": name, "value": value} for name, value in ENV.items()],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1},
    }
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [server]}}
    await fake.rest.post(fake.path("pods"), body)

    def ready(pod: Json) -> bool:
        conditions = pod["status"].get("conditions") or []
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    return f"{(await fake.pod('a', ready))['status']['podIP']}:8080"


async def ask(kubernetes: Kubernetes, path: str, pod: str = "a", port: int = 8080) -> tuple[int, bytes]:
    question = Question(path=path)
    return await kubernetes.ask_pod("models", pod, port, question, most=1 << 20, within=timedelta(seconds=9))


async def test_a_pod_behind_a_firewall_is_asked_through_the_api_server(kubernetes: Kubernetes, address: str) -> None:
    pods = Pods(proxy=kubernetes.ask_pod)
    assert await pods.served(address, POD) == Served(model="iris", version=3, digest=digest("iris", 3))
    await pods.close()


async def test_what_is_not_there_is_told_by_the_one_that_knows(kubernetes: Kubernetes, address: str) -> None:
    status, _ = await ask(kubernetes, "/v2/models/iris")
    assert status == 404, "the pod's own answer"
    with raising(Temporary, PodNotProxied) as no_pod:
        await ask(kubernetes, "/model", pod="b")
    assert 'pods "b" not found' in str(no_pod.value)
    with raising(Temporary, PodNotProxied) as no_server:
        await ask(kubernetes, "/model", port=1)
    assert "error trying to reach service" in str(no_server.value)


async def test_without_the_right_nobody_is_asked(fake: ControlPlane, kubernetes: Kubernetes, address: str) -> None:
    fake.demo.forbid("get", "pods/proxy")
    with raising(Refused, NotAllowed):
        await ask(kubernetes, "/model")
    pods = Pods(proxy=kubernetes.ask_pod)
    with raising(Temporary, UnreachableBothWays):
        await pods.served(address, POD)
    await pods.close()
