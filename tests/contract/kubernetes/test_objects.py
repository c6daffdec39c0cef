"""Objects are made, changed and refused as a Kubernetes API server does it; the same on a fake and a real one."""

from typing import Any

import pytest
from kubernetes.aio.client import AppsV1Api, CoreV1Api
from kubernetes.aio.client.exceptions import ApiException

from tests.contract.kubernetes.manifests import deployment
from tests.contract.kubernetes.plane import Plane
from tests.contract.kubernetes.raw import Json, status_of

pytestmark = pytest.mark.slow


def config_map(name: str, **data: str) -> Json:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def quiet(plane: Plane, **more: Any) -> Json:
    """Return a Deployment that wants no pods, so that only the writes of a test change it."""
    return deployment(namespace=plane.namespace, replicas=0, **more)


async def refused(request: Any) -> Json:
    with pytest.raises(ApiException) as caught:
        await request
    status = status_of(caught.value)
    assert (status["kind"], status["status"], status["code"]) == ("Status", "Failure", caught.value.status)
    return status


async def test_a_new_object_gets_its_identity_from_the_server(plane: Plane) -> None:
    made = await plane.raw.post(plane.deployments, quiet(plane))
    assert {"uid", "creationTimestamp", "resourceVersion"} <= made["metadata"].keys()
    assert made["metadata"]["generation"] == 1
    assert (made["kind"], made["apiVersion"]) == ("Deployment", "apps/v1")


async def test_a_deployment_gets_the_defaults_that_controllers_count_on(plane: Plane) -> None:
    wanted = quiet(plane)
    del wanted["spec"]["progressDeadlineSeconds"]
    spec = (await plane.raw.post(plane.deployments, wanted))["spec"]
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    pod, container = spec["template"]["spec"], spec["template"]["spec"]["containers"][0]
    assert (pod["restartPolicy"], pod["dnsPolicy"], pod["schedulerName"]) == (
        "Always",
        "ClusterFirst",
        "default-scheduler",
    )
    assert (container["imagePullPolicy"], container["ports"][0]["protocol"]) == ("IfNotPresent", "TCP")
    assert container["readinessProbe"] == {
        "httpGet": {"path": "/readyz", "port": 8080, "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 1,
        "successThreshold": 1,
        "failureThreshold": 3,
    }


async def test_generation_counts_changes_of_the_spec_alone(plane: Plane) -> None:
    path = f"{plane.deployments}/model"
    await plane.raw.post(plane.deployments, quiet(plane, paused=True))
    labelled = await plane.raw.patch(path, {"metadata": {"labels": {"a": "b"}}})
    changed = await plane.raw.patch(path, {"spec": {"minReadySeconds": 1}})
    assert (labelled["metadata"]["generation"], changed["metadata"]["generation"]) == (1, 2)


def pod(name: str, **spec: Any) -> Json:
    """Return a pod that no node takes."""
    container = {"name": "c", "image": "acme/model-server:1"}
    wanted = {"nodeSelector": {"no": "such-node"}, "containers": [container], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}}, "spec": wanted}


async def test_a_write_that_changes_nothing_makes_no_new_revision(plane: Plane) -> None:
    first = await plane.raw.post(plane.core("configmaps"), config_map("c", a="1"))
    again = await plane.raw.patch(f"{plane.core('configmaps')}/c", {"data": {"a": "1"}})
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_what_exists_is_not_made_again(plane: Plane) -> None:
    await plane.raw.post(plane.core("configmaps"), config_map("c"))
    status = await refused(plane.raw.post(plane.core("configmaps"), config_map("c")))
    assert (status["code"], status["reason"]) == (409, "AlreadyExists")
    assert status["message"] == 'configmaps "c" already exists'


async def test_what_is_not_there_is_404_with_its_name(plane: Plane) -> None:
    status = await refused(plane.raw.get(f"{plane.deployments}/nobody"))
    assert (status["code"], status["reason"]) == (404, "NotFound")
    assert status["message"] == 'deployments.apps "nobody" not found'
    assert status["details"] == {"name": "nobody", "group": "apps", "kind": "deployments"}


async def test_nothing_is_made_in_a_namespace_that_is_not_there(plane: Plane) -> None:
    status = await refused(plane.raw.post("/api/v1/namespaces/nowhere/configmaps", config_map("c")))
    assert (status["code"], status["message"]) == (404, 'namespaces "nowhere" not found')


async def test_a_kind_that_nobody_defined_is_404(plane: Plane) -> None:
    with pytest.raises(ApiException) as caught:
        await plane.raw.get("/apis/nobody.example/v1/namespaces/default/things")
    assert (caught.value.status, caught.value.body) == (404, "404 page not found\n")


async def test_a_deployment_whose_selector_misses_its_pods_is_invalid(plane: Plane) -> None:
    wanted = quiet(plane)
    wanted["spec"]["selector"] = {"matchLabels": {"app": "another"}}
    status = await refused(plane.raw.post(plane.deployments, wanted))
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert status["details"]["causes"][0]["field"] == "spec.template.metadata.labels"
    assert "`selector` does not match template `labels`" in status["message"]


async def test_a_container_without_an_image_is_invalid(plane: Plane) -> None:
    wanted = quiet(plane)
    wanted["spec"]["template"]["spec"]["containers"][0]["image"] = ""
    status = await refused(plane.raw.post(plane.deployments, wanted))
    assert status["details"]["causes"] == [
        {
            "reason": "FieldValueRequired",
            "message": "Required value",
            "field": "spec.template.spec.containers[0].image",
        }
    ]
    assert status["message"] == (
        'Deployment.apps "model" is invalid: spec.template.spec.containers[0].image: Required value'
    )


async def test_a_selector_never_changes(plane: Plane) -> None:
    await plane.raw.post(plane.deployments, quiet(plane))
    body = {"spec": {"selector": {"matchLabels": {"app": "x"}}, "template": {"metadata": {"labels": {"app": "x"}}}}}
    status = await refused(plane.raw.patch(f"{plane.deployments}/model", body))
    assert (status["code"], status["details"]["causes"][0]["field"]) == (422, "spec.selector")
    assert "field is immutable" in status["message"]


async def test_a_pods_command_never_changes(plane: Plane) -> None:
    await plane.raw.post(plane.core("pods"), pod("p"))
    body = {"spec": {"restartPolicy": "Never"}}
    status = await refused(plane.raw.patch(f"{plane.core('pods')}/p", body))
    assert (status["code"], status["reason"]) == (422, "Invalid")
    assert "pod updates may not change fields other than" in status["message"]


async def test_a_body_that_is_no_object_is_400(plane: Plane) -> None:
    status = await refused(plane.raw.ask("POST", plane.core("configmaps"), body=[1]))
    assert (status["code"], status["reason"]) == (400, "BadRequest")


async def test_a_generated_name_is_the_prefix_and_five_letters(plane: Plane) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "c-"}}
    name = (await plane.raw.post(plane.core("configmaps"), body))["metadata"]["name"]
    assert name.startswith("c-")
    assert len(name) == 7


@pytest.mark.parametrize("query", [{"labelSelector": "a in (b"}, {"fieldSelector": "spec.containers=x"}])
async def test_a_selector_that_means_nothing_is_400(plane: Plane, query: dict[str, str]) -> None:
    status = await refused(plane.raw.get(plane.core("pods"), **query))
    assert (status["code"], status["reason"]) == (400, "BadRequest")


async def test_scale_reads_and_writes_the_number_of_replicas(plane: Plane) -> None:
    await plane.raw.post(plane.deployments, quiet(plane, paused=True))
    path = f"{plane.deployments}/model/scale"
    scale = await plane.raw.get(path)
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert (scale["spec"].get("replicas", 0), scale["status"]["selector"]) == (0, "app=model")
    await plane.raw.patch(path, {"spec": {"replicas": 1}})
    value = await plane.raw.get(f"{plane.deployments}/model")
    assert (value["spec"]["replicas"], value["metadata"]["generation"]) == (1, 2)


async def test_a_custom_kind_is_kept_whole_once_it_is_defined(plane: Plane) -> None:
    names = {"plural": "shows", "singular": "show", "kind": "Show", "listKind": "ShowList"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    group = f"{plane.namespace}.example.com"
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"shows.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }
    await plane.raw.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    path = f"/apis/{group}/v1/namespaces/{plane.namespace}/shows"
    wanted = {
        "apiVersion": f"{group}/v1",
        "kind": "Show",
        "metadata": {"name": "s"},
        "spec": {"acts": [1, {"a": None}]},
    }
    await _once_served(plane, path)
    made = await plane.raw.post(path, wanted)
    changed = await plane.raw.patch(f"{path}/s", {"spec": {"more": True}, "status": {"phase": "on"}})
    assert (made["spec"], made["metadata"]["generation"]) == (wanted["spec"], 1)
    assert (changed["spec"]["more"], changed["metadata"]["generation"]) == (True, 2)
    assert changed["status"] == {"phase": "on"}
    await plane.raw.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/shows.{group}")


async def _once_served(plane: Plane, path: str) -> None:
    """Wait until a new kind is served: a real API server takes a moment."""

    async def served() -> bool:
        try:
            await plane.raw.get(path)
        except ApiException:
            return False
        return True

    for _ in range(300):
        if await served():
            return
    raise AssertionError(f"{path} is not served")


async def test_the_clients_typed_models_take_what_the_server_says(plane: Plane) -> None:
    await plane.raw.post(plane.deployments, quiet(plane))
    await plane.raw.post(plane.core("pods"), pod("p"))
    deployments = await AppsV1Api(plane.raw.api).list_namespaced_deployment(plane.namespace)
    pods = await CoreV1Api(plane.raw.api).list_namespaced_pod(plane.namespace)
    assert [d.metadata.name for d in deployments.items] == ["model"]
    assert [p.metadata.name for p in pods.items] == ["p"]
