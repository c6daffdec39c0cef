"""What changes in a cluster concerns only the targets whose workloads it belongs to."""

from typing import Any

import pytest

from bot.cluster.objects import Objects, kept
from bot.cluster.touched import Touched
from bot.domain.json import Json
from bot.domain.target import Place, Target

TARGET = Target(model="iris", stage="production")
PLACE = Place(paths=("a.yaml",), namespace="models", workload="server")


def thing(name: str, owner: str = "", **more: Any) -> Json:
    owners = [{"kind": "X", "name": owner, "uid": f"u-{owner}"}] if owner else []
    return {"metadata": {"name": name, "uid": f"u-{name}", "ownerReferences": owners, **more.pop("meta", {})}, **more}


def serving(model: str, stage: str) -> Json:
    env = [{"name": "MODEL_NAME", "value": model}, {"name": "MODEL_STAGE", "value": stage}]
    return {"template": {"spec": {"containers": [{"name": "c", "env": env}]}}}


def event(kind: str, name: str) -> Json:
    return thing("e", involvedObject={"kind": kind, "name": name}, reason="FailedCreate")


def put(objects: Objects, resource: str, obj: Json) -> Touched:
    """Store an object; return what that touched."""
    objects.put(resource, kept(resource, obj))
    found, objects.touched = objects.touched, Touched()
    return found


@pytest.fixture
def objects() -> Objects:
    """Return a Deployment of two levels, beside another one."""
    made = Objects()
    put(made, "deployments", thing("server", spec=serving("iris", "production")))
    put(made, "deployments", thing("other", spec=serving("iris", "staging")))
    put(made, "replicasets", thing("server-1", "server", spec={}))
    put(made, "pods", thing("server-1-a", "server-1", spec={"containers": []}))
    return made


@pytest.mark.parametrize(
    ("resource", "obj"),
    [
        ("deployments", thing("server", spec=serving("iris", "production"))),
        ("replicasets", thing("server-1", "server", spec={})),
        ("pods", thing("server-1-a", "server-1", spec={"containers": []})),
        ("events", event("Pod", "server-1-a")),
        ("events", event("ReplicaSet", "server-1")),
        ("events", event("Deployment", "server")),
    ],
)
def test_a_change_concerns_the_workload_that_it_belongs_to(objects: Objects, resource: str, obj: Json) -> None:
    touched = put(objects, resource, obj)
    assert touched.concerns(TARGET, PLACE)
    assert touched.concerns(TARGET, None), "it is found by what it serves, too"
    assert not touched.concerns(Target(model="iris", stage="staging"), None)
    assert not touched.concerns(Target(model="x", stage="y"), Place(paths=(), namespace="models", workload="other"))


def test_what_is_deleted_concerns_its_workload(objects: Objects) -> None:
    objects.drop("pods", "server-1-a")
    assert objects.touched.concerns(TARGET, PLACE)


def test_a_pod_found_by_its_label_concerns_the_workload_that_the_label_names() -> None:
    labelled = thing("p", meta={"labels": {"serving.kserve.io/inferenceservice": "server"}}, spec={"containers": []})
    assert put(Objects(), "pods", labelled).concerns(TARGET, PLACE)


def test_a_workload_that_arrives_after_its_pods_is_touched_then() -> None:
    objects = Objects()
    assert not put(objects, "pods", thing("server-1-a", "server-1", spec={"containers": []}))
    put(objects, "replicasets", thing("server-1", "server", spec={}))
    assert put(objects, "deployments", thing("server", spec={})).concerns(TARGET, PLACE)


def test_owners_in_a_circle_end() -> None:
    objects = Objects()
    put(objects, "replicasets", thing("a", "b", spec={}))
    assert put(objects, "replicasets", thing("b", "a", spec={})).workloads == {"a", "b"}


def test_an_event_about_nothing_that_is_known_concerns_nobody(objects: Objects) -> None:
    assert not put(objects, "events", event("Node", "n1"))
    assert not put(objects, "events", event("Pod", "elsewhere"))


def test_what_was_listed_concerns_everybody() -> None:
    assert Touched(whole=True).concerns(TARGET, None)
    assert not Touched()


def test_a_deployment_concerns_the_rollout_that_takes_its_template_from_it() -> None:
    objects = Objects()
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "template"}
    put(objects, "rollouts", thing("server", spec={"workloadRef": reference}))
    assert put(objects, "deployments", thing("template", spec={})).concerns(TARGET, PLACE)
    assert not put(objects, "deployments", thing("another", spec={})).concerns(TARGET, PLACE)
    objects.drop("rollouts", "server")
    objects.drop("deployments", "template")
    objects.drop("deployments", "another")
    assert objects.empty
