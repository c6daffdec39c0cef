"""Each kind of patch does to a Deployment what the real API server does: the same on a fake and a real one."""

import asyncio
from typing import Any

import pytest
from kubernetes.aio.client.exceptions import ApiException

from tests.contract.kubernetes.manifests import deployment
from tests.contract.kubernetes.plane import Plane
from tests.contract.kubernetes.raw import APPLY, JSON_PATCH, MERGE, STRATEGIC, Json, status_of

pytestmark = pytest.mark.slow

SIDECAR = {"name": "sidecar", "image": "acme/sidecar:1"}


async def made(plane: Plane) -> str:
    """Make a Deployment of two containers that wants no pods; return its path."""
    wanted = deployment(namespace=plane.namespace, replicas=0)
    wanted["spec"]["template"]["spec"]["containers"].append(SIDECAR)
    await plane.raw.post(plane.deployments, wanted)
    return f"{plane.deployments}/model"


def containers(value: Json) -> dict[str, Json]:
    return {c["name"]: c for c in value["spec"]["template"]["spec"]["containers"]}


def env(container: Json) -> dict[str, str]:
    return {v["name"]: v["value"] for v in container.get("env") or ()}


def of_containers(*items: Json) -> Json:
    return {"spec": {"template": {"spec": {"containers": list(items)}}}}


async def test_a_strategic_merge_deletes_what_it_is_told_to(plane: Plane) -> None:
    path = await made(plane)
    variable = {"name": "MODEL_NAME", "$patch": "delete"}
    patch = of_containers(
        {"name": "server", "env": [variable], "readinessProbe": None}, {"name": "sidecar", "$patch": "delete"}
    )
    found = containers(await plane.raw.patch(path, patch, STRATEGIC))
    assert list(found) == ["server"]
    assert env(found["server"]) == {"MODEL_VERSION": "1"}
    assert "readinessProbe" not in found["server"]


async def test_a_strategic_merge_can_set_the_order(plane: Plane) -> None:
    path = await made(plane)
    patch = of_containers({"name": "sidecar"}, {"name": "server"})
    patch["spec"]["template"]["spec"]["$setElementOrder/containers"] = [{"name": "sidecar"}, {"name": "server"}]
    assert list(containers(await plane.raw.patch(path, patch, STRATEGIC))) == ["sidecar", "server"]


async def test_a_strategic_merge_can_change_the_strategy(plane: Plane) -> None:
    path = await made(plane)
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}
    assert (await plane.raw.patch(path, patch, STRATEGIC))["spec"]["strategy"] == {"type": "Recreate"}


async def test_a_json_patch_goes_by_place(plane: Plane) -> None:
    path = await made(plane)
    place = "/spec/template/spec/containers/0/env/1"
    patch = [
        {"op": "test", "path": f"{place}/name", "value": "MODEL_VERSION"},
        {"op": "replace", "path": f"{place}/value", "value": "9"},
        {"op": "add", "path": "/metadata/annotations", "value": {"a/b": "c"}},
        {"op": "copy", "from": f"{place}", "path": "/spec/template/spec/containers/0/env/-"},
        {"op": "replace", "path": "/spec/template/spec/containers/0/env/2/name", "value": "COPY"},
        {"op": "remove", "path": "/metadata/annotations/a~1b"},
    ]
    found = await plane.raw.patch(path, patch, JSON_PATCH)
    assert env(containers(found)["server"]) == {"MODEL_NAME": "model", "MODEL_VERSION": "9", "COPY": "9"}
    assert "a/b" not in found["metadata"].get("annotations", {})


async def test_a_patch_of_an_unknown_type_is_415(plane: Plane) -> None:
    path = await made(plane)
    with pytest.raises(ApiException) as caught:
        await plane.raw.patch(path, {}, "application/json")
    assert (caught.value.status, status_of(caught.value)["reason"]) == (415, "UnsupportedMediaType")


# ── server-side apply ────────────────────────────────────────────────────────────────────────────────


def applied(plane: Plane, version: str, *more: Json) -> Json:
    wanted = deployment(version, namespace=plane.namespace, replicas=0)
    wanted["spec"]["template"]["spec"]["containers"] += more
    return wanted


async def apply(plane: Plane, value: Any, manager: str = "agent", **query: str) -> Json:
    path = f"{plane.deployments}/model"
    return await plane.raw.patch(path, value, APPLY, fieldManager=manager, **query)


async def test_an_apply_makes_what_is_not_there(plane: Plane) -> None:
    found = await apply(plane, applied(plane, "1"))
    assert found["metadata"]["generation"] == 1
    managers = [(m["manager"], m["operation"]) for m in found["metadata"]["managedFields"]]
    assert managers == [("agent", "Apply")]


async def test_an_apply_of_the_same_changes_nothing(plane: Plane) -> None:
    await apply(plane, applied(plane, "1"))
    first = await plane.until(
        f"{plane.deployments}/model", lambda d: d.get("status", {}).get("observedGeneration") == 1
    )
    again = await apply(plane, applied(plane, "1"))
    assert again["metadata"]["generation"] == first["metadata"]["generation"]


async def test_an_apply_takes_away_what_it_no_longer_names_and_nothing_else(plane: Plane) -> None:
    await apply(plane, applied(plane, "1", SIDECAR))
    foreign = of_containers({"name": "server", "env": [{"name": "EXTRA", "value": "x"}]})
    await plane.raw.patch(f"{plane.deployments}/model", foreign, STRATEGIC, fieldManager="somebody")
    found = containers(await apply(plane, applied(plane, "2")))
    assert list(found) == ["server"]
    assert env(found["server"]) == {"MODEL_NAME": "model", "MODEL_VERSION": "2", "EXTRA": "x"}


async def test_an_apply_that_changes_a_value_is_known_with_the_time(plane: Plane) -> None:
    """By that time a change of a ConfigMap is told from pods that were created before it."""
    path = f"{plane.core('configmaps')}/c"
    made: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}

    async def apply(version: int) -> str:
        data = {"data": {"MODEL_VERSION": str(version)}}
        found = await plane.raw.patch(path, made | data, APPLY, fieldManager="agent")
        (entry,) = found["metadata"]["managedFields"]
        assert entry["fieldsV1"]["f:data"] == {"f:MODEL_VERSION": {}}
        return str(entry["time"])

    version, first = 1, await apply(1)
    async with asyncio.timeout(10):
        while (now := await apply(version := version + 1)) == first:
            pass
    assert now > first


async def test_an_apply_conflicts_with_whoever_else_set_a_field(plane: Plane) -> None:
    await apply(plane, applied(plane, "1"))
    await plane.raw.patch(f"{plane.deployments}/model", {"spec": {"replicas": 1}}, MERGE, fieldManager="scaler")
    with pytest.raises(ApiException) as caught:
        await apply(plane, applied(plane, "1"))
    status = status_of(caught.value)
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["details"]["causes"][0]["field"] == ".spec.replicas"
    assert "scaler" in status["details"]["causes"][0]["message"]
    forced = await apply(plane, applied(plane, "1"), force="true")
    assert forced["spec"]["replicas"] == 0


async def test_an_apply_needs_a_manager(plane: Plane) -> None:
    with pytest.raises(ApiException) as caught:
        await plane.raw.patch(f"{plane.deployments}/model", applied(plane, "1"), APPLY)
    assert caught.value.status in {400, 422}
