"""The Deployment, ReplicaSet and garbage controllers do what the real ones do: each test runs against both."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from tests.contract.cluster.test_traces import reason, verdict
from tests.contract.kubernetes.manifests import deployment, version_of
from tests.contract.kubernetes.plane import Plane
from tests.contract.kubernetes.raw import MERGE, STRATEGIC, Json

pytestmark = pytest.mark.slow

NEVER_READY = Behaviour(ready_after=None)


def done(value: Json) -> bool:
    return verdict(value) == "DONE"


def condition(value: Json, kind: str) -> Json:
    conditions = (value.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c["type"] == kind), {})


async def rolled_out(plane: Plane, value: Json) -> Json:
    await plane.raw.post(plane.deployments, value)
    return await plane.until(f"{plane.deployments}/model", done)


async def sizes(plane: Plane) -> dict[str, int]:
    """Return how many pods each version's ReplicaSet asks for."""
    items = (await plane.raw.get(plane.replicasets))["items"]
    return {version_of(item): item["spec"]["replicas"] for item in items}


async def until_sizes(plane: Plane, wanted: dict[str, int]) -> None:
    def right(found: Json) -> bool:
        return {version_of(item): item["spec"]["replicas"] for item in found["items"]} == wanted

    await plane.until(plane.replicasets, right)


def to_version(version: str) -> Json:
    container = {"name": "server", "env": [{"name": "MODEL_VERSION", "value": version}]}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


async def test_the_pods_carry_the_hash_of_their_replicaset_and_it_its_deployment(plane: Plane) -> None:
    made = await rolled_out(plane, deployment(namespace=plane.namespace, replicas=1))
    [replicaset] = (await plane.raw.get(plane.replicasets))["items"]
    [pod] = (await plane.raw.get(plane.core("pods")))["items"]
    digest = replicaset["metadata"]["labels"]["pod-template-hash"]
    assert replicaset["metadata"]["name"] == f"model-{digest}"
    assert replicaset["spec"]["selector"]["matchLabels"] == {"app": "model", "pod-template-hash": digest}
    assert pod["metadata"]["labels"] == {"app": "model", "pod-template-hash": digest}
    assert [(o["kind"], o["uid"], o["controller"]) for o in replicaset["metadata"]["ownerReferences"]] == [
        ("Deployment", made["metadata"]["uid"], True)
    ]
    assert pod["metadata"]["ownerReferences"][0]["uid"] == replicaset["metadata"]["uid"]
    notes = replicaset["metadata"]["annotations"]
    assert notes["deployment.kubernetes.io/desired-replicas"] == "1"
    assert notes["deployment.kubernetes.io/max-replicas"] == "2"
    assert made["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"


async def test_a_finished_rollout_says_so_and_names_the_replicaset(plane: Plane) -> None:
    found = await rolled_out(plane, deployment(namespace=plane.namespace, replicas=1))
    [replicaset] = (await plane.raw.get(plane.replicasets))["items"]
    name = replicaset["metadata"]["name"]
    progressing, available = condition(found, "Progressing"), condition(found, "Available")
    assert (progressing["status"], progressing["reason"]) == ("True", "NewReplicaSetAvailable")
    assert progressing["message"] == f'ReplicaSet "{name}" has successfully progressed.'
    assert (available["status"], available["reason"]) == ("True", "MinimumReplicasAvailable")
    assert available["message"] == "Deployment has minimum availability."


async def test_an_exceeded_deadline_names_the_new_replicaset(plane: Plane, runtime: ScriptedRuntime) -> None:
    runtime.behaviours["2"] = NEVER_READY
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=1, progressDeadlineSeconds=2))
    await plane.raw.patch(f"{plane.deployments}/model", to_version("2"), STRATEGIC)
    found = await plane.until(f"{plane.deployments}/model", lambda d: reason(d) == "ProgressDeadlineExceeded")
    [new] = [r for r in (await plane.raw.get(plane.replicasets))["items"] if version_of(r) == "2"]
    progressing = condition(found, "Progressing")
    assert progressing["status"] == "False"
    assert progressing["message"] == f'ReplicaSet "{new["metadata"]["name"]}" has timed out progressing.'


async def test_right_after_a_recreate_rollback_the_old_failure_still_stands(
    plane: Plane, runtime: ScriptedRuntime
) -> None:
    """The trap of facts §4: for a moment, the failure that is seen is that of the version before."""
    runtime.behaviours["2"] = NEVER_READY
    wanted = deployment(namespace=plane.namespace, replicas=1, progressDeadlineSeconds=2, strategy={"type": "Recreate"})
    await rolled_out(plane, wanted)
    path = f"{plane.deployments}/model"
    await plane.raw.patch(path, to_version("2"), STRATEGIC)
    failed = await plane.until(path, lambda d: reason(d) == "ProgressDeadlineExceeded")
    seen: list[Json] = []

    async def watch() -> None:
        async for event in plane.raw.watch(plane.deployments, failed["metadata"]["resourceVersion"]):
            seen.append(event["object"])

    watching = asyncio.create_task(watch())
    await plane.raw.patch(path, to_version("1"), STRATEGIC)
    await plane.until(path, done)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    observed = [d for d in seen if d["status"]["observedGeneration"] == d["metadata"]["generation"] == 3]
    assert reason(observed[0]) == "ProgressDeadlineExceeded"
    assert condition(observed[0], "Progressing")["message"] == condition(failed, "Progressing")["message"]


async def test_recreate_starts_nothing_before_the_old_pods_are_gone(plane: Plane) -> None:
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=2, strategy={"type": "Recreate"}))
    revision = (await plane.raw.get(plane.core("pods")))["metadata"]["resourceVersion"]
    alive = {p["metadata"]["name"]: "1" for p in (await plane.raw.get(plane.core("pods")))["items"]}
    await plane.raw.patch(f"{plane.deployments}/model", to_version("2"), STRATEGIC)
    together = []
    async with asyncio.timeout(30):
        async for event in plane.raw.watch(plane.core("pods"), revision):
            name = event["object"]["metadata"]["name"]
            if event["type"] == "DELETED":
                alive.pop(name)
            else:
                alive[name] = version_of(event["object"])
            together.append(set(alive.values()))
            if list(alive.values()) == ["2", "2"]:
                break
    assert {"1", "2"} not in together


async def test_a_rolling_update_keeps_within_surge_and_unavailable(plane: Plane) -> None:
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 1}}
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=3, strategy=rolling))
    revision = (await plane.raw.get(plane.deployments))["metadata"]["resourceVersion"]
    await plane.raw.patch(f"{plane.deployments}/model", to_version("2"), STRATEGIC)
    seen = []
    async with asyncio.timeout(30):
        async for event in plane.raw.watch(plane.deployments, revision):
            seen.append(event["object"])
            if done(seen[-1]) and version_of(seen[-1]) == "2":
                break
    observed = [d["status"] for d in seen if version_of(d) == "2" and verdict(d) != "not-observed"]
    assert max(s["replicas"] for s in observed) <= 5  # 3 and half of 3, rounded up
    assert min(s["availableReplicas"] for s in observed) >= 2


async def test_a_rollback_takes_up_the_old_replicaset_under_a_new_revision(plane: Plane) -> None:
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=1))
    [first] = (await plane.raw.get(plane.replicasets))["items"]
    path = f"{plane.deployments}/model"
    for version in ("2", "1"):
        await plane.raw.patch(path, to_version(version), STRATEGIC)
        await plane.until(path, done)
    again = await plane.raw.get(f"{plane.replicasets}/{first['metadata']['name']}")
    assert again["metadata"]["uid"] == first["metadata"]["uid"]
    assert again["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert again["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    found = await plane.raw.get(path)
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


async def test_scaling_in_the_middle_of_a_rollout_is_shared_out(plane: Plane, runtime: ScriptedRuntime) -> None:
    runtime.behaviours["2"] = NEVER_READY
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}}
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=4, strategy=rolling))
    path = f"{plane.deployments}/model"
    await plane.raw.patch(path, to_version("2"), STRATEGIC)
    await until_sizes(plane, {"1": 2, "2": 4})  # what the new one may have (4), and what must stay available (4 - 2)
    await plane.raw.patch(path, {"spec": {"replicas": 8}}, MERGE)
    await until_sizes(plane, {"1": 3, "2": 8})  # 8 and 3 in all: in proportion, what is left over to the largest


async def test_a_paused_deployment_scales_but_does_not_roll(plane: Plane) -> None:
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=1))
    path = f"{plane.deployments}/model"
    await plane.raw.patch(path, {"spec": {"paused": True}}, MERGE)
    paused = await plane.until(path, lambda d: reason(d) == "DeploymentPaused")
    await plane.raw.patch(path, {"spec": {"replicas": 2}}, MERGE)
    await plane.raw.patch(path, to_version("2"), STRATEGIC)
    await plane.until(path, lambda d: d["status"].get("readyReplicas") == 2)
    assert condition(paused, "Progressing")["status"] == "Unknown"
    assert await sizes(plane) == {"1": 2}
    await plane.raw.patch(path, {"spec": {"paused": False}}, MERGE)
    await plane.until(path, done)
    await until_sizes(plane, {"1": 0, "2": 2})


async def test_only_so_many_old_replicasets_are_kept(plane: Plane) -> None:
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=1, revisionHistoryLimit=1))
    path = f"{plane.deployments}/model"
    for version in ("2", "3", "4"):
        await plane.raw.patch(path, to_version(version), STRATEGIC)
        await plane.until(path, lambda d: done(d) and reason(d) == "NewReplicaSetAvailable")
    await until_sizes(plane, {"3": 0, "4": 1})


async def test_a_pod_is_available_only_after_it_was_ready_for_a_while(plane: Plane) -> None:
    wanted = deployment(namespace=plane.namespace, replicas=1, minReadySeconds=2)
    await plane.raw.post(plane.deployments, wanted)
    path = f"{plane.deployments}/model"
    ready = await plane.until(path, lambda d: (d.get("status") or {}).get("readyReplicas") == 1)
    assert "availableReplicas" not in ready["status"]
    await plane.until(path, done)


async def test_a_quota_shows_as_replica_failure_with_its_text(plane: Plane) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"pods": "1"}}}
    await plane.raw.post(plane.core("resourcequotas"), quota)
    await plane.until(f"{plane.core('resourcequotas')}/few", lambda q: plane.fake is not None or bool(q.get("status")))
    await plane.raw.post(plane.deployments, deployment(namespace=plane.namespace, replicas=2))
    found = await plane.until(f"{plane.deployments}/model", lambda d: bool(condition(d, "ReplicaFailure")))
    failure = condition(found, "ReplicaFailure")
    assert (failure["status"], failure["reason"]) == ("True", "FailedCreate")
    assert "exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1" in failure["message"]
    await plane.raw.delete(f"{plane.core('resourcequotas')}/few")


async def test_a_deleted_pod_is_replaced(plane: Plane) -> None:
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=1))
    [pod] = (await plane.raw.get(plane.core("pods")))["items"]
    await plane.raw.delete(f"{plane.core('pods')}/{pod['metadata']['name']}")

    def replaced(found: Json) -> bool:
        return [p["metadata"]["uid"] != pod["metadata"]["uid"] for p in found["items"]] == [True]

    await plane.until(plane.core("pods"), replaced)
    await plane.until(f"{plane.deployments}/model", done)


async def test_scaling_down_takes_the_unready_pods_first(plane: Plane, runtime: ScriptedRuntime) -> None:
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=1))
    [old] = (await plane.raw.get(plane.core("pods")))["items"]
    runtime.default = NEVER_READY
    path = f"{plane.deployments}/model"
    await plane.raw.patch(path, {"spec": {"replicas": 3}}, MERGE)
    await plane.until(plane.core("pods"), lambda found: len(found["items"]) == 3)
    await plane.raw.patch(path, {"spec": {"replicas": 1}}, MERGE)
    await plane.until(
        plane.core("pods"), lambda found: [p["metadata"]["name"] for p in found["items"]] == [old["metadata"]["name"]]
    )


async def test_what_a_deleted_deployment_owns_goes_with_it(plane: Plane) -> None:
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=2))
    answer = await plane.raw.delete(f"{plane.deployments}/model")
    assert (answer["kind"], answer["status"]) == ("Status", "Success")
    await plane.until(plane.replicasets, lambda found: not found["items"])
    await plane.until(plane.core("pods"), lambda found: not found["items"])


async def test_foreground_deletion_keeps_the_owner_until_its_dependents_are_gone(plane: Plane) -> None:
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=1))
    revision = (await plane.raw.get(plane.deployments))["metadata"]["resourceVersion"]
    leaving = await plane.raw.delete(f"{plane.deployments}/model", propagationPolicy="Foreground")
    assert leaving["metadata"]["finalizers"] == ["foregroundDeletion"]
    async with asyncio.timeout(30):
        async for event in plane.raw.watch(plane.deployments, revision):
            if event["type"] == "DELETED":
                break
    assert (await plane.raw.get(plane.replicasets))["items"] == []


async def test_orphaned_dependents_stay(plane: Plane) -> None:
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=1))
    await plane.raw.delete(f"{plane.deployments}/model", propagationPolicy="Orphan")
    await plane.until(plane.deployments, lambda found: not found["items"])
    [replicaset] = (await plane.raw.get(plane.replicasets))["items"]
    assert "ownerReferences" not in replicaset["metadata"]
    assert len((await plane.raw.get(plane.core("pods")))["items"]) == 1


async def test_an_object_with_a_finalizer_waits_for_whoever_set_it(plane: Plane) -> None:
    path = plane.core("configmaps")
    meta = {"name": "c", "finalizers": ["example.com/mine"]}
    await plane.raw.post(path, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    await plane.raw.delete(f"{path}/c")
    assert "deletionTimestamp" in (await plane.raw.get(f"{path}/c"))["metadata"]
    await plane.raw.patch(f"{path}/c", {"metadata": {"finalizers": None}}, MERGE)
    await plane.until(path, lambda found: "c" not in [item["metadata"]["name"] for item in found["items"]])


async def test_what_happened_is_told_in_events(plane: Plane) -> None:
    await rolled_out(plane, deployment(namespace=plane.namespace, replicas=1))
    [replicaset] = (await plane.raw.get(plane.replicasets))["items"]
    [pod] = (await plane.raw.get(plane.core("pods")))["items"]
    wanted = {
        ("Deployment", "model", "ScalingReplicaSet"),
        ("ReplicaSet", replicaset["metadata"]["name"], "SuccessfulCreate"),
        *(("Pod", pod["metadata"]["name"], why) for why in ("Scheduled", "Pulled", "Created", "Started")),
    }

    def told(found: Json) -> bool:
        about = [(e["involvedObject"], e["reason"]) for e in found["items"]]
        return wanted <= {(o["kind"], o["name"], why) for o, why in about}

    events = await plane.until(plane.core("events"), told)
    assert all(e["type"] == "Normal" and e["count"] >= 1 for e in events["items"])


async def test_a_rollout_goes_on_while_pods_take_their_time_to_end(plane: Plane, runtime: ScriptedRuntime) -> None:
    """Pods on their way out count no more: the rollout is done while the last old one still ends."""
    runtime.default = Behaviour(ignores_term=True)
    wanted = deployment(namespace=plane.namespace, replicas=1)
    wanted["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 3
    await rolled_out(plane, wanted)
    runtime.default = Behaviour(ready_after=timedelta(0))
    await plane.raw.patch(f"{plane.deployments}/model", to_version("2"), STRATEGIC)
    await plane.until(f"{plane.deployments}/model", lambda d: done(d) and version_of(d) == "2")
    pods = (await plane.raw.get(plane.core("pods")))["items"]
    assert sorted((version_of(p), "deletionTimestamp" in p["metadata"]) for p in pods) == [("1", True), ("2", False)]
