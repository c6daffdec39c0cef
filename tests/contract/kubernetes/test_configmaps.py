"""How Callboard follows a pin in a ConfigMap, on a real control plane."""

from typing import Any

import pytest

from bot.domain.cluster import Health
from bot.domain.json import Json
from bot.domain.reasons.configmaps import PodsOlder
from bot.domain.target import Pin
from bot.rules.kubernetes.kinds import deployment, stateful_set
from bot.rules.kubernetes.kinds.kind import Kind
from callboard_demo.cluster.scripted import ScriptedRuntime
from tests.contract.kubernetes.manifests import NAME, STAGE, template, workload
from tests.contract.kubernetes.onlooker import Onlooker
from tests.fixtures.waiting import until

pytestmark = pytest.mark.real


def release(name: str, version: int, **more: Any) -> Json:
    data = {"MODEL_NAME": NAME, "MODEL_STAGE": STAGE, "MODEL_VERSION": str(version)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data, **more}


def behind(name: str, **annotations: str) -> Json:
    """Return the pod template, which takes its pin from this ConfigMap."""
    found = template(0)
    (container,) = found["spec"]["containers"]
    container["env"], container["envFrom"] = [], [{"configMapRef": {"name": name}}]
    found["metadata"]["annotations"] = annotations
    return found


async def rolled_out(onlooker: Onlooker, kind: Kind, name: str, **more: Any) -> None:
    """Roll out version 1 with two pods."""
    onlooker.configmaps = True
    await onlooker.follow(kind)
    await onlooker.apply("configmaps", release(name, 1, **more))
    wanted = {"replicas": 2, "template": behind(name)} | ({"serviceName": NAME} if kind is stateful_set.KIND else {})
    await onlooker.apply(kind.resource, workload(kind, 1, **wanted))
    await onlooker.until(has(1))


def has(version: int) -> Any:
    """Return whether the new pods are ready and have the version."""

    def told(health: Health) -> bool:
        return (health.pin, health.pending, health.ready) == (Pin(stage=STAGE, version=version), None, 2)

    return told


@pytest.mark.parametrize(("first", "second"), [("pin-5f8c6t2b9d", "pin-9dkmb2t7gf"), ("pin-a", "pin-b")])
async def test_a_new_configmap_and_a_new_template_are_one_rollout(
    onlooker: Onlooker, runtime: ScriptedRuntime, first: str, second: str
) -> None:
    await rolled_out(onlooker, deployment.KIND, first, immutable=True)
    since = len(onlooker.verdicts)
    await onlooker.apply("configmaps", release(second, 2, immutable=True))
    await onlooker.change({"template": behind(second)})
    await onlooker.until(has(2))
    assert not [v for v in onlooker.verdicts[since:] if isinstance(v.pending, PodsOlder)]


@pytest.mark.parametrize("kind", [deployment.KIND, stateful_set.KIND], ids=lambda kind: kind.name)
async def test_a_changed_configmap_waits_until_somebody_restarts_the_pods(
    onlooker: Onlooker, runtime: ScriptedRuntime, kind: Kind
) -> None:
    await rolled_out(onlooker, kind, "pin")
    await a_second_later(onlooker)
    await onlooker.plane.rest.patch(onlooker.path("configmaps", "pin"), {"data": {"MODEL_VERSION": "2"}})
    waits = await onlooker.until(lambda v: isinstance(v.pending, PodsOlder))
    assert waits.pin == Pin(stage=STAGE, version=2)
    assert isinstance(waits.pending, PodsOlder)
    assert waits.pending.restart == f"kubectl rollout restart {kind.name.lower()}/{NAME} -n {onlooker.namespace}"
    await onlooker.change({"template": behind("pin", **{"kubectl.kubernetes.io/restartedAt": "now"})})
    await onlooker.until(has(2))


async def a_second_later(onlooker: Onlooker) -> None:
    """Wait until the API server's clock, which has whole seconds, shows another one than when the pods were created."""
    pods = await onlooker.plane.rest.get(onlooker.path("pods"))
    created = {pod["metadata"]["creationTimestamp"] for pod in pods["items"]}
    made: list[Json] = []

    async def later() -> bool:
        meta = {"generateName": "clock-"}
        made.append(await onlooker.apply("configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}))
        return bool(made[-1]["metadata"]["creationTimestamp"] > max(created))

    await until(later, "the next second")
