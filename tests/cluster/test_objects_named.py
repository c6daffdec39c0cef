"""Which workload is taken for a target's: the one that its place names, else the one that says so itself."""

import pytest

from bot.cluster.objects import Objects, kept
from bot.domain.json import Json
from tests.fixtures.workload import template


def found(*workloads: Json, named: str | None) -> str | None:
    """Return which of the Deployments of a namespace is taken for the target's."""
    cluster = Objects()
    cluster.replace("deployments", [kept("deployments", obj) for obj in workloads])
    snapshot = cluster.snapshot("iris-classifier", "production", named)
    return str(snapshot.workload["metadata"]["name"]) if snapshot is not None else None


def serving(name: str, **env: str) -> Json:
    """Return a Deployment with this environment."""
    its = template(env=[{"name": key, "value": value} for key, value in env.items()])
    meta = {"name": name, "namespace": "models", "uid": f"d-{name}"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"template": its}}


IRIS = {"MODEL_NAME": "iris-classifier", "MODEL_STAGE": "production"}


@pytest.mark.parametrize("env", [{}, IRIS, IRIS | {"MODEL_STAGE": "staging"}], ids=["none", "its own", "another stage"])
def test_the_workload_that_the_place_names_wins(env: dict[str, str]) -> None:
    """One whose environment is in a ConfigMap, or whose stage is about to change, is still the one that was named."""
    others = serving("a-shadow", **IRIS), serving("z-shadow", **IRIS)
    assert found(*others, serving("named", **env), named="named") == "named"


def test_a_named_workload_of_another_model_is_not_taken() -> None:
    other = serving("named", MODEL_NAME="churn", MODEL_STAGE="production")
    assert found(other, serving("a", **IRIS), named="named") == "a"
    assert found(other, named="named") is None


def test_without_a_name_the_environment_finds_the_workload() -> None:
    assert found(serving("b", **IRIS), serving("a", **IRIS), serving("c"), named=None) == "a"
    assert found(serving("b", **IRIS), named="gone") == "b"
