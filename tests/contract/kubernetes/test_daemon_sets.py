"""How Callboard judges DaemonSets that a real control plane rolls out; it has one node."""

from datetime import timedelta

import pytest

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.rules.kubernetes.kinds import daemon_set
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from tests.contract.kubernetes.manifests import template, workload
from tests.contract.kubernetes.onlooker import Onlooker, names

pytestmark = pytest.mark.real

CRASHES = Behaviour(ready_after=None, crash_after=timedelta(seconds=0.1))


async def rolled_out(onlooker: Onlooker, **spec: object) -> str:
    """Roll out version 1, and return its pod."""
    await onlooker.open_node()
    await onlooker.apply("daemonsets", workload(daemon_set.KIND, 1, **spec))
    await onlooker.follow(daemon_set.KIND)
    [pod] = names(await onlooker.until_healthy(1))
    return pod


async def test_without_an_eligible_node_nothing_is_rolled_out(onlooker: Onlooker) -> None:
    await onlooker.follow(daemon_set.KIND)
    nowhere = template(1, nodeSelector={"accelerator": "none-such"})
    await onlooker.apply("daemonsets", workload(daemon_set.KIND, 1, template=nowhere))
    await onlooker.until_told(HealthStatus.SUSPENDED, "no node is eligible for the pods of model")
    assert HealthStatus.HEALTHY not in {v.status for v in onlooker.verdicts}


async def test_only_pods_of_the_new_template_count(onlooker: Onlooker) -> None:
    old = await rolled_out(onlooker)
    await onlooker.change({"template": template(2)})
    [new] = names(await onlooker.until_healthy(2))
    assert new != old
    assert not any(old in names(v) for v in onlooker.verdicts if v.pin and v.pin.version == 2)


async def test_a_broken_version_fails_and_a_revert_heals(onlooker: Onlooker, runtime: ScriptedRuntime) -> None:
    runtime.behaviours["2"] = CRASHES
    old = await rolled_out(onlooker)
    await onlooker.change({"template": template(2)})
    [broken] = names(await onlooker.until_told(HealthStatus.DEGRADED))
    await onlooker.change({"template": template(1)})
    [again] = names(await onlooker.until_healthy(1))
    assert len({old, broken, again}) == 3


async def test_a_pod_that_is_refused_is_the_cause_until_it_is_created(onlooker: Onlooker) -> None:
    limit: Json = {"type": "Container", "max": {"memory": "1Gi"}, "default": {"memory": "1Gi"}}
    its: Json = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"}, "spec": {"limits": [limit]}}
    await onlooker.apply("limitranges", its)
    await rolled_out(onlooker)
    large = template(2)
    large["spec"]["containers"][0]["resources"] = {"limits": {"memory": "2Gi"}}
    await onlooker.change({"template": large})
    await onlooker.until_told(HealthStatus.DEGRADED, "maximum memory usage per Container is 1Gi")
    await onlooker.change({"template": template(3)})
    await onlooker.until_healthy(3)


async def test_with_on_delete_people_are_told_that_they_must_delete_the_pods(onlooker: Onlooker) -> None:
    old = await rolled_out(onlooker, updateStrategy={"type": "OnDelete"})
    await onlooker.change({"template": template(2)})
    waiting = await onlooker.until_told(HealthStatus.PROGRESSING, "only when someone deletes them")
    assert (names(waiting), waiting.wanted) == ([], 1)
    await onlooker.delete("pods", old)
    [new] = names(await onlooker.until_healthy(2))
    assert new != old


async def test_a_pod_that_a_bad_version_never_reached_counts_after_the_revert(onlooker: Onlooker) -> None:
    """The template has a new generation then, but the controller knows the pod by its hash, and leaves it alone."""
    old = await rolled_out(onlooker, updateStrategy={"type": "OnDelete"})
    await onlooker.change({"template": template(2)})
    await onlooker.until_told(HealthStatus.PROGRESSING, "0 of 1")
    await onlooker.change({"template": template(1)})
    assert names(await onlooker.until_healthy(1)) == [old]
