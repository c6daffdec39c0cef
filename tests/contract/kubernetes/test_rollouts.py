"""How Callboard judges Argo Rollouts: the API server, the ReplicaSets and their pods are real.

The test writes what the controller of Argo Rollouts writes:
https://github.com/argoproj/argo-rollouts/blob/master/utils/rollout/rolloututil.go
"""

from datetime import timedelta

import pytest

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.reasons import cluster
from bot.rules.kubernetes.kinds import deployment, rollout
from bot.rules.wording.reasons import plain
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from tests.contract.kubernetes.custom import define, replicaset, undefine
from tests.contract.kubernetes.manifests import template, workload
from tests.contract.kubernetes.onlooker import Onlooker, names
from tests.fixtures.waiting import until

pytestmark = pytest.mark.real

HASH = "rollouts-pod-template-hash"
CANARY: Json = {"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}
PAUSED: Json = {
    "phase": "Paused",
    "message": "CanaryPauseStep",
    "controllerPause": True,
    "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-03-02T09:00:12Z"}],
    "currentStepIndex": 1,
}
RUNNING: Json = {"phase": "Progressing", "message": "more replicas need to be updated", "currentStepIndex": 0}
ABORTED: Json = {
    "phase": "Degraded",
    "message": "RolloutAborted: Rollout aborted update to revision 2",
    "abort": True,
    "abortedAt": "2026-03-02T09:05:00Z",
    "currentStepIndex": 0,
}
DONE: Json = {"phase": "Healthy", "message": None, "controllerPause": None, "pauseConditions": None}


async def stable(onlooker: Onlooker) -> Json:
    """Roll out version 1 with two pods."""
    await define(onlooker.plane, rollout.KIND)
    await onlooker.follow(rollout.KIND)
    its = await onlooker.apply("rollouts", workload(rollout.KIND, 1, replicas=2, strategy=CANARY))
    await onlooker.until_told(HealthStatus.PROGRESSING)
    await replicaset(onlooker, its, 1, {HASH: "one"}, 2)
    await onlooker.write_status({"observedGeneration": "1", "currentPodHash": "one", "stableRS": "one", **DONE})
    assert len(names(await onlooker.until_healthy(1))) == 2
    return its


async def updated(onlooker: Onlooker, its: Json) -> None:
    """Change to version 2, and start its first pod."""
    await onlooker.change({"template": template(2)})
    await onlooker.until_told(HealthStatus.PROGRESSING, "not processed the latest change")
    await replicaset(onlooker, its, 2, {HASH: "two"}, 1)
    await onlooker.write_status({"observedGeneration": "2", "currentPodHash": "two", **RUNNING})


async def test_a_canary_waits_at_its_step_and_is_healthy_when_it_is_promoted(onlooker: Onlooker) -> None:
    its = await stable(onlooker)
    await updated(onlooker, its)
    first = await onlooker.until(lambda v: v.ready == 1 and v.status is HealthStatus.PROGRESSING)
    assert [name[:7] for name in names(first)] == ["model-2"]
    await onlooker.write_status(PAUSED)
    await onlooker.until_told(HealthStatus.SUSPENDED, "CanaryPauseStep")
    scaled = {"spec": {"replicas": 2}}
    await onlooker.plane.rest.patch(onlooker.path("replicasets", "model-2"), scaled)
    await onlooker.write_status({"stableRS": "two", **DONE})
    done = await onlooker.until_healthy(2)
    assert [name[:7] for name in names(done)] == ["model-2", "model-2"]


async def test_an_aborted_rollout_fails_although_its_pods_are_well(onlooker: Onlooker) -> None:
    await updated(onlooker, await stable(onlooker))
    await onlooker.until(lambda v: v.ready == 1)
    await onlooker.write_status(ABORTED)
    await onlooker.until_told(HealthStatus.DEGRADED, "Rollout aborted update to revision 2")
    await onlooker.change({"template": template(1)})
    await onlooker.write_status({"observedGeneration": "3", "currentPodHash": "one", "abort": None, **DONE})
    assert [name[:7] for name in names(await onlooker.until_healthy(1))] == ["model-1", "model-1"]


async def test_a_rollout_takes_its_pin_from_the_deployment_that_it_refers_to(onlooker: Onlooker) -> None:
    """The Deployment stays at 0 pods; its generation is what Argo observes."""
    await define(onlooker.plane, rollout.KIND)
    await onlooker.follow(rollout.KIND)
    source = workload(deployment.KIND, 1, replicas=0)
    source["metadata"]["name"] = "model-template"
    await onlooker.apply("deployments", source)
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "model-template", "scaleDown": "never"}
    head: Json = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "model"}}
    spec: Json = {"replicas": 1, "workloadRef": reference, "strategy": CANARY}
    its = await onlooker.apply("rollouts", {**head, "spec": spec})
    await replicaset(onlooker, its, 1, {HASH: "one"}, 1)
    observed = {"observedGeneration": "1", "workloadObservedGeneration": "1"}
    await onlooker.write_status({**observed, "currentPodHash": "one", "stableRS": "one", **DONE})
    await onlooker.until_healthy(1)
    path = onlooker.path("deployments", "model-template")
    await onlooker.plane.rest.patch(path, {"spec": {"template": template(2)}})
    unseen = await onlooker.until(lambda v: v.pin is not None and v.pin.version == 2)
    assert unseen.status is HealthStatus.PROGRESSING
    await replicaset(onlooker, its, 2, {HASH: "two"}, 1)
    await onlooker.write_status({"workloadObservedGeneration": "2", "currentPodHash": "two", **RUNNING})
    await onlooker.until(lambda v: v.ready == 1 and v.status is HealthStatus.PROGRESSING)
    await onlooker.write_status({"stableRS": "two", **DONE})
    assert [name[:7] for name in names(await onlooker.until_healthy(2))] == ["model-2"]


async def test_a_broken_pod_of_the_new_hash_fails_it_before_its_controller_does(
    onlooker: Onlooker, runtime: ScriptedRuntime
) -> None:
    runtime.behaviours["2"] = Behaviour(ready_after=None, crash_after=timedelta(seconds=0.1))
    await updated(onlooker, await stable(onlooker))
    broken = await onlooker.until_told(HealthStatus.DEGRADED, "CrashLoopBackOff")
    assert [name[:7] for name in names(broken)] == ["model-2"]


async def test_a_paused_rollout_names_the_command_that_resumes_it(onlooker: Onlooker) -> None:
    await stable(onlooker)
    await onlooker.change({"paused": True})
    paused = await onlooker.until_told(HealthStatus.SUSPENDED, "is paused")
    assert f"kubectl patch rollout/model -n {onlooker.namespace}" in plain(paused.reason)


async def test_a_kind_that_is_not_defined_is_trouble_of_that_kind_alone(onlooker: Onlooker) -> None:
    await undefine(onlooker.plane, rollout.KIND)
    await onlooker.apply("deployments", workload(deployment.KIND, 1, replicas=1))
    await onlooker.follow(rollout.KIND)
    await onlooker.follow(deployment.KIND)
    trouble = await until(lambda: onlooker.watch.trouble(onlooker.namespace, rollout.KIND), "the trouble")
    assert isinstance(trouble, cluster.NotFound)
    assert "rollouts" in plain(trouble)
    await onlooker.until_healthy(1)
    assert onlooker.watch.trouble(onlooker.namespace, deployment.KIND) is None
    await define(onlooker.plane, rollout.KIND)
    await until(lambda: onlooker.watch.fresh(onlooker.namespace, rollout.KIND), "the kind to be watched", within=40)
    assert onlooker.watch.trouble(onlooker.namespace, rollout.KIND) is None
