"""How Callboard judges StatefulSets that a control plane rolls out: a real one, and the demo's."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import takewhile

import pytest

from bot.domain.cluster import HealthStatus
from bot.rules.kubernetes.kinds import stateful_set
from bot.rules.wording.reasons import plain
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from tests.contract.control_plane import ControlPlane
from tests.contract.kubernetes.manifests import template, workload
from tests.contract.kubernetes.onlooker import Onlooker, looking_on, names

pytestmark = pytest.mark.slow

CRASHES = Behaviour(ready_after=None, crash_after=timedelta(seconds=0.1))
BOTH = ["model-0", "model-1"]


@pytest.fixture
async def onlooker(control_plane: ControlPlane) -> AsyncIterator[Onlooker]:
    """Each of the two, as Callboard sees it."""
    async with looking_on(control_plane) as found:
        yield found


async def rolled_out(onlooker: Onlooker, **spec: object) -> None:
    """Roll out version 1 with two pods."""
    await onlooker.apply("statefulsets", workload(stateful_set.KIND, 1, serviceName="model", replicas=2, **spec))
    await onlooker.follow(stateful_set.KIND)
    assert names(await onlooker.until_healthy(1)) == BOTH


async def test_a_stateful_set_is_healthy_once_every_pod_is_of_the_new_revision(
    onlooker: Onlooker, runtime: ScriptedRuntime
) -> None:
    runtime.behaviours["2"] = Behaviour(ready_after=timedelta(seconds=2))  # slow enough that the watch sees the rollout
    await rolled_out(onlooker)
    await onlooker.change({"template": template(2)})
    done = await onlooker.until_healthy(2)
    assert names(done) == BOTH
    before = takewhile(lambda v: v is not done, onlooker.verdicts)
    under_way = [v for v in before if v.pin and v.pin.version == 2]
    assert {v.status for v in under_way} == {HealthStatus.PROGRESSING}
    assert ["model-1"] in map(names, under_way)


async def test_a_broken_pod_stays_after_a_revert_and_people_are_told_to_delete_it(
    onlooker: Onlooker, runtime: ScriptedRuntime
) -> None:
    runtime.behaviours["2"] = CRASHES
    await rolled_out(onlooker)
    await onlooker.change({"template": template(2)})
    assert names(await onlooker.until_told(HealthStatus.DEGRADED)) == ["model-1"]
    await onlooker.change({"template": template(1)})
    stuck = await onlooker.until_told(HealthStatus.PROGRESSING, f"kubectl delete pod/model-1 -n {onlooker.namespace}")
    assert (names(stuck), stuck.wanted) == (["model-0"], 2)
    await onlooker.delete("pods", "model-1")
    assert names(await onlooker.until_healthy(1)) == BOTH


async def test_a_fix_waits_for_the_broken_pod_too(onlooker: Onlooker, runtime: ScriptedRuntime) -> None:
    runtime.behaviours["2"] = CRASHES
    await rolled_out(onlooker)
    await onlooker.change({"template": template(2)})
    await onlooker.until_told(HealthStatus.DEGRADED)
    await onlooker.change({"template": template(3)})
    await onlooker.until_told(HealthStatus.PROGRESSING, "kubectl delete pod/model-1")
    await onlooker.delete("pods", "model-1")
    assert names(await onlooker.until_healthy(3)) == BOTH


async def test_a_parallel_stateful_set_heals_by_itself(onlooker: Onlooker, runtime: ScriptedRuntime) -> None:
    runtime.behaviours["2"] = CRASHES
    await rolled_out(onlooker, podManagementPolicy="Parallel")
    await onlooker.change({"template": template(2)})
    await onlooker.until_told(HealthStatus.DEGRADED)
    await onlooker.change({"template": template(1)})
    assert names(await onlooker.until_healthy(1)) == BOTH
    assert not any("kubectl delete" in plain(v.reason) for v in onlooker.verdicts)


async def test_below_a_partition_pods_keep_their_revision_and_do_not_count(onlooker: Onlooker) -> None:
    await rolled_out(onlooker, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}})
    await onlooker.change({"template": template(2)})
    done = await onlooker.until_healthy(2)
    assert (names(done), done.wanted) == (["model-1"], 1)


async def test_with_on_delete_people_are_told_that_they_must_delete_the_pods(onlooker: Onlooker) -> None:
    await rolled_out(onlooker, updateStrategy={"type": "OnDelete"})
    await onlooker.change({"template": template(2)})
    waiting = await onlooker.until_told(HealthStatus.PROGRESSING, "only when someone deletes them")
    assert names(waiting) == []
    for pod in BOTH:
        await onlooker.delete("pods", pod)
    assert names(await onlooker.until_healthy(2)) == BOTH
