"""The StatefulSet controller does what the real one does: each test runs against both."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from kubernetes.aio.client.exceptions import ApiException

from bot.rules.kubernetes.kinds import stateful_set
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from tests.contract.kubernetes.manifests import template, version_of, workload
from tests.contract.kubernetes.plane import Plane
from tests.contract.kubernetes.raw import MERGE, Json

pytestmark = pytest.mark.slow

NEVER_READY = Behaviour(ready_after=None)
CRASHES = Behaviour(ready_after=None, crash_after=timedelta(seconds=0.1))
HASH = "controller-revision-hash"


class Sets:
    """The StatefulSet `model` of a control plane, its revisions and its pods."""

    def __init__(self, plane: Plane) -> None:
        self.plane = plane
        self.path = f"/apis/apps/v1/namespaces/{plane.namespace}/statefulsets"
        self.revisions = f"/apis/apps/v1/namespaces/{plane.namespace}/controllerrevisions"

    async def start(self, replicas: int = 2, **spec: Any) -> Json:
        """Create it at version 1, and wait until it is rolled out."""
        value = workload(stateful_set.KIND, 1, serviceName="model", replicas=replicas, **spec)
        await self.plane.raw.post(self.path, value)
        return await self.status(readyReplicas=replicas, currentReplicas=replicas)

    async def change(self, **spec: Any) -> None:
        await self.plane.raw.patch(f"{self.path}/model", {"spec": spec}, MERGE)

    async def status(self, **wanted: Any) -> Json:
        """Return the object once its newest generation is observed and its status has these values; None: absent."""

        def told(value: Json) -> bool:
            status = value["status"]
            observed = status.get("observedGeneration") == value["metadata"]["generation"]
            return observed and all(status.get(name) == count for name, count in wanted.items())

        return await self.plane.until(f"{self.path}/model", told)

    async def pods(self) -> dict[str, Json]:
        items = (await self.plane.raw.get(self.plane.core("pods")))["items"]
        return {pod["metadata"]["name"]: pod for pod in items}

    async def versions(self) -> dict[str, str]:
        return {name: version_of(pod) for name, pod in (await self.pods()).items()}

    async def until_versions(self, **wanted: str) -> None:
        """Wait until these pods, and no others, have these versions."""
        named = {name.replace("_", "-"): version for name, version in wanted.items()}

        def right(found: Json) -> bool:
            return {p["metadata"]["name"]: version_of(p) for p in found["items"]} == named

        await self.plane.until(self.plane.core("pods"), right)

    async def history(self) -> dict[str, tuple[int, str]]:
        """Return number and version of each ControllerRevision by its name."""
        items = (await self.plane.raw.get(self.revisions))["items"]
        return {
            each["metadata"]["name"]: (each["revision"], version_of({"spec": each["data"]["spec"]})) for each in items
        }

    async def events(self, revision: str, pods: int, versions: str) -> AsyncIterator[dict[str, str]]:
        """Yield the versions of the pods after each change, until so many pods have one of these versions."""
        alive = await self.versions()
        async for event in self.plane.raw.watch(self.plane.core("pods"), revision):
            pod = event["object"]
            if event["type"] == "DELETED":
                alive.pop(pod["metadata"]["name"], None)
            else:
                alive[pod["metadata"]["name"]] = version_of(pod)
            yield dict(alive)
            if [*alive.values()] == [versions] * pods:
                return


@pytest.fixture
def sets(plane: Plane) -> Sets:
    return Sets(plane)


async def test_pods_have_stable_names_and_say_whose_they_are(sets: Sets) -> None:
    found = await sets.start()
    status, pods = found["status"], await sets.pods()
    assert sorted(pods) == ["model-0", "model-1"]
    [(revision, number_and_version)] = (await sets.history()).items()
    assert number_and_version == (1, "1")
    assert (status["currentRevision"], status["updateRevision"]) == (revision, revision)
    counts = {name: status.get(name) for name in ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas")}
    assert counts == {"replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "updatedReplicas": 2}
    for name, pod in pods.items():
        assert pod["metadata"]["labels"] == {
            "app": "model",
            HASH: revision,
            "statefulset.kubernetes.io/pod-name": name,
        }
        assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == (name, "model")
        [owner] = pod["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["uid"], owner["controller"]) == ("StatefulSet", found["metadata"]["uid"], True)


async def test_the_server_fills_in_how_pods_are_managed(sets: Sets) -> None:
    spec = (await sets.start(replicas=1))["spec"]
    assert (spec["podManagementPolicy"], spec["revisionHistoryLimit"]) == ("OrderedReady", 10)
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}


async def test_a_pod_is_created_only_when_the_one_before_it_is_ready(sets: Sets, runtime: ScriptedRuntime) -> None:
    runtime.behaviours["1"] = NEVER_READY
    await sets.plane.raw.post(sets.path, workload(stateful_set.KIND, 1, serviceName="model", replicas=2))
    await sets.plane.until(
        sets.plane.core("pods"), lambda found: [p["status"].get("phase") for p in found["items"]] == ["Running"]
    )
    found = await sets.status(replicas=1, readyReplicas=None, currentReplicas=1)
    assert sorted(await sets.pods()) == ["model-0"]
    assert found["status"]["updatedReplicas"] == 1


async def test_an_update_replaces_one_pod_after_the_other_the_last_first(sets: Sets) -> None:
    await sets.start()
    revision = (await sets.plane.raw.get(sets.plane.core("pods")))["metadata"]["resourceVersion"]
    await sets.change(template=template(2))
    course: list[dict[str, str]] = []
    async for alive in sets.events(revision, 2, "2"):
        if not course or course[-1] != alive:
            course.append(alive)
    assert [{name.removeprefix("model-"): version for name, version in each.items()} for each in course] == [
        {"0": "1", "1": "1"},
        {"0": "1"},
        {"0": "1", "1": "2"},
        {"1": "2"},
        {"1": "2", "0": "2"},
    ]
    found = await sets.status(readyReplicas=2, currentReplicas=2, updatedReplicas=2)
    names = {version: name for name, (_, version) in (await sets.history()).items()}
    assert (found["status"]["currentRevision"], found["status"]["updateRevision"]) == (names["2"], names["2"])


async def test_a_template_that_was_there_before_keeps_its_revision_under_a_new_number(sets: Sets) -> None:
    first = (await sets.start(replicas=1))["status"]["updateRevision"]
    for version in (2, 1):
        await sets.change(template=template(version))
        await sets.status(readyReplicas=1, updatedReplicas=1, currentReplicas=1)
        await sets.until_versions(model_0=str(version))
    assert (await sets.history())[first] == (3, "1")


async def test_a_broken_pod_stays_when_its_change_is_reverted(sets: Sets, runtime: ScriptedRuntime) -> None:
    runtime.behaviours["2"] = CRASHES
    await sets.start()
    await sets.change(template=template(2))
    await sets.until_versions(model_0="1", model_1="2")
    found = await sets.status(updatedReplicas=1, readyReplicas=1)
    assert found["status"]["currentRevision"] != found["status"]["updateRevision"]
    await sets.change(template=template(1))
    found = await sets.status(readyReplicas=1)
    assert found["status"]["currentRevision"] == found["status"]["updateRevision"]
    assert (await sets.pods())["model-1"]["metadata"]["labels"][HASH] != found["status"]["updateRevision"]
    await sets.plane.raw.delete(f"{sets.plane.core('pods')}/model-1")
    await sets.status(readyReplicas=2, currentReplicas=2)
    assert await sets.versions() == {"model-0": "1", "model-1": "1"}


async def test_in_parallel_a_broken_pod_is_replaced(sets: Sets, runtime: ScriptedRuntime) -> None:
    runtime.behaviours["2"] = CRASHES
    await sets.start(podManagementPolicy="Parallel")
    await sets.change(template=template(2))
    await sets.until_versions(model_0="1", model_1="2")
    await sets.change(template=template(1))
    await sets.until_versions(model_0="1", model_1="1")
    await sets.status(readyReplicas=2, currentReplicas=2)


async def test_below_a_partition_pods_stay_as_they_are(sets: Sets) -> None:
    await sets.start(updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}})
    await sets.change(template=template(2))
    found = await sets.status(updatedReplicas=1, currentReplicas=1, readyReplicas=2)
    assert found["status"]["currentRevision"] != found["status"]["updateRevision"]
    assert await sets.versions() == {"model-0": "1", "model-1": "2"}
    await sets.plane.raw.delete(f"{sets.plane.core('pods')}/model-0")
    await sets.status(updatedReplicas=1, currentReplicas=1, readyReplicas=2)
    assert await sets.versions() == {"model-0": "1", "model-1": "2"}


async def test_with_on_delete_nothing_is_replaced_until_somebody_deletes_it(sets: Sets) -> None:
    await sets.start(updateStrategy={"type": "OnDelete"})
    await sets.change(template=template(2))
    await sets.status(updatedReplicas=None, readyReplicas=2, currentReplicas=2)
    for name in ("model-0", "model-1"):
        await sets.plane.raw.delete(f"{sets.plane.core('pods')}/{name}")
    await sets.until_versions(model_0="2", model_1="2")
    found = await sets.status(updatedReplicas=2, readyReplicas=2, currentReplicas=None)
    assert found["status"]["currentRevision"] != found["status"]["updateRevision"]


async def test_scaling_starts_at_the_end_and_changes_no_revision(sets: Sets) -> None:
    first = (await sets.start(replicas=3))["status"]["updateRevision"]
    await sets.change(replicas=1)
    await sets.until_versions(model_0="1")
    await sets.change(replicas=2)
    found = await sets.status(replicas=2, readyReplicas=2)
    assert (await sets.versions(), found["status"]["updateRevision"]) == ({"model-0": "1", "model-1": "1"}, first)


async def test_only_so_many_unused_revisions_are_kept(sets: Sets) -> None:
    await sets.start(replicas=1, revisionHistoryLimit=1)
    for version in (2, 3, 4):
        await sets.change(template=template(version))
        await sets.until_versions(model_0=str(version))
        await sets.status(readyReplicas=1, updatedReplicas=1, currentReplicas=1)
    await sets.plane.until(sets.revisions, lambda found: sorted(each["revision"] for each in found["items"]) == [3, 4])


async def test_only_the_template_the_size_and_the_strategy_may_change(sets: Sets) -> None:
    await sets.start(replicas=1)
    with pytest.raises(ApiException) as refused:
        await sets.change(serviceName="other")
    assert refused.value.status == 422
    assert "updates to statefulset spec for fields other than 'replicas', 'template'" in refused.value.body


async def test_its_pods_go_with_it(sets: Sets) -> None:
    await sets.start()
    await sets.plane.raw.delete(f"{sets.path}/model")
    for path in (sets.plane.core("pods"), sets.revisions):
        await sets.plane.until(path, lambda found: found["items"] == [])
