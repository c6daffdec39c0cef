"""How Callboard judges Deployments of a real control plane that a quota, a person or an autoscaler interferes with."""

from datetime import timedelta

import pytest

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.health import NOT_CREATED
from bot.rules.kubernetes.kinds import daemon_set, deployment, stateful_set
from bot.rules.kubernetes.kinds.kind import Kind
from bot.rules.wording.reasons import plain
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from tests.contract.kubernetes.manifests import NAME, template, workload
from tests.contract.kubernetes.onlooker import Onlooker, names
from tests.fixtures.waiting import until

pytestmark = pytest.mark.real


def rolling(unavailable: int) -> Json:
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": unavailable}}


async def rolled_out(onlooker: Onlooker, **spec: object) -> list[str]:
    """Roll out version 1 with two pods, and return them."""
    await onlooker.apply("deployments", workload(deployment.KIND, 1, replicas=2, **spec))
    await onlooker.follow(deployment.KIND)
    return names(await onlooker.until_healthy(1))


async def allow(onlooker: Onlooker, pods: int) -> None:
    """Set a quota, and wait until it is enforced."""
    await onlooker.apply("resourcequotas", {"metadata": {"name": "few"}, "spec": {"hard": {"pods": str(pods)}}})
    path = onlooker.path("resourcequotas", "few")

    async def counted() -> Json | None:
        found: Json = (await onlooker.plane.rest.get(path)).get("status") or {}
        return found.get("used")

    await until(counted, "the quota to be counted")


async def test_a_quota_that_the_old_pods_use_up_for_ever_fails_a_rollout(onlooker: Onlooker) -> None:
    await allow(onlooker, pods=2)
    await rolled_out(onlooker, strategy=rolling(0))
    await onlooker.change({"template": template(2)})
    refused = await onlooker.until_told(HealthStatus.DEGRADED, "quota exceeded")
    assert refused.patience == NOT_CREATED
    await onlooker.delete("resourcequotas", "few")
    await onlooker.change({"template": template(1)})
    await onlooker.until_healthy(1)


async def test_a_quota_that_a_leaving_pod_uses_up_fails_nothing(onlooker: Onlooker, runtime: ScriptedRuntime) -> None:
    runtime.behaviours["1"] = Behaviour(ignores_term=True)
    await allow(onlooker, pods=2)
    await rolled_out(onlooker, strategy=rolling(1))
    await onlooker.change({"template": template(2)})
    await onlooker.until_told(HealthStatus.PROGRESSING, "quota exceeded")
    await onlooker.until_healthy(2)
    failing = [v for v in onlooker.verdicts if v.status is HealthStatus.DEGRADED]
    assert {v.patience for v in failing} <= {NOT_CREATED}  # for a moment, before the old pod has to leave


@pytest.mark.parametrize("kind", [stateful_set.KIND, daemon_set.KIND], ids=lambda kind: kind.name)
async def test_a_quota_is_told_of_kinds_without_a_condition_too(onlooker: Onlooker, kind: Kind) -> None:
    more = {"serviceName": NAME, "replicas": 1} if kind is stateful_set.KIND else {}
    await onlooker.open_node()
    await allow(onlooker, pods=0)
    await onlooker.follow(kind)
    await onlooker.apply(kind.resource, workload(kind, 1, **more))
    told = await onlooker.until_told(HealthStatus.DEGRADED, "quota exceeded: few, requested: pods=1", within=15)
    assert told.patience >= timedelta(minutes=1), "somebody may raise it"
    await onlooker.delete("resourcequotas", "few")
    await onlooker.until_healthy(1)


async def test_a_paused_deployment_names_the_command_that_resumes_it(onlooker: Onlooker) -> None:
    await rolled_out(onlooker)
    await onlooker.change({"paused": True, "template": template(2)})
    paused = await onlooker.until_told(HealthStatus.SUSPENDED)
    assert f"kubectl rollout resume deployment/model -n {onlooker.namespace}" in plain(paused.reason)
    await onlooker.change({"paused": False})
    await onlooker.until_healthy(2)


async def test_what_an_autoscaler_does_after_a_rollout_is_no_rollout(
    onlooker: Onlooker, runtime: ScriptedRuntime
) -> None:
    """It writes the subresource `scale`, as `kubectl scale` does."""
    onlooker.only = frozenset(await rolled_out(onlooker))
    scale = f"{onlooker.path('deployments', NAME)}/scale"
    runtime.behaviours["1"] = Behaviour(ready_after=timedelta(seconds=1))
    since = len(onlooker.verdicts)
    for replicas in (4, 1):
        await onlooker.plane.rest.patch(scale, {"spec": {"replicas": replicas}})

        async def scaled(wanted: int = replicas) -> bool:
            pods = await onlooker.plane.rest.get(onlooker.path("pods"))
            return len(pods["items"]) == wanted

        await until(scaled, f"{replicas} pods")
    await onlooker.until(lambda v: len(v.pods) == 1)
    assert {v.status for v in onlooker.verdicts[since:]} == {HealthStatus.HEALTHY}
