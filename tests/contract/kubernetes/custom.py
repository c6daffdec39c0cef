"""Kinds of other projects on a real API server: the least definition of each, and what their controllers would create.

The definitions are Callboard's own and accept any field; those of the projects only say which fields exist.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Final

import yaml

from bot.domain.json import Json
from bot.rules.kubernetes.kinds.kind import Kind
from callboard_demo.cluster.rest import Refused
from tests.contract.control_plane import ControlPlane
from tests.contract.kubernetes.manifests import NAME, owner, template
from tests.contract.kubernetes.onlooker import Onlooker
from tests.fixtures.waiting import until

CRDS: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
FOLDER: Final = Path(__file__).parent / "crds"


async def define(plane: ControlPlane, kind: Kind) -> None:
    """Define a kind, unless it is there, and wait until it is served.  All tests of a run share it."""
    await define_resource(plane, kind.path, kind.resource)


async def define_resource(plane: ControlPlane, path: str, resource: str) -> None:
    """Define what has this path and plural name in the API, as `define` does."""
    try:
        await plane.rest.post(CRDS, yaml.safe_load((FOLDER / f"{resource}.yaml").read_text()))
    except Refused as refused:
        assert refused.code == 409

    async def served() -> bool:
        with suppress(Refused, json.JSONDecodeError):  # a path that is not known is answered with plain text
            await plane.rest.get(f"{path}/namespaces/{plane.namespace}/{resource}")
            return True
        return False

    await until(served, f"{resource} to be served", within=30)


async def undefine(plane: ControlPlane, kind: Kind) -> None:
    """Remove the definition of a kind, and wait until it is gone."""
    path = f"{CRDS}/{kind.resource}.{kind.group}"

    async def gone() -> bool:
        try:
            await plane.rest.delete(path, {})
        except Refused as refused:
            assert refused.code == 404
            return True
        return False

    await until(gone, f"the end of {kind.resource}", within=30)


async def replicaset(onlooker: Onlooker, its: Json, version: int, labels: dict[str, str], replicas: int) -> None:
    """Create a ReplicaSet that an object controls: Kubernetes makes its pods."""
    made = of_template("ReplicaSet", f"{NAME}-{version}", version, labels)
    made["metadata"] |= {"ownerReferences": owner(its), "labels": made["spec"]["selector"]["matchLabels"]}
    made["spec"]["replicas"] = replicas
    await onlooker.apply("replicasets", made)


def of_template(kind: str, name: str, version: int, labels: dict[str, str]) -> Json:
    """Return a Deployment or a ReplicaSet whose pods have these labels too."""
    pods = template(version)
    pods["metadata"]["labels"] |= labels
    spec: Json = {"selector": {"matchLabels": pods["metadata"]["labels"]}, "template": pods}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
