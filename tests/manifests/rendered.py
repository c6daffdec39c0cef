"""The manifests as the real kustomize makes them, and what is wrong with an object by published schemas.

Not itself a test.  Kubernetes' own kinds are held against kubernetes-validate's schemas, which allow no unknown field;
HTTPRoute against its definition in tests/data/gateway-api, the rules in it included.  A kind without a schema is an
error, not a pass.
"""

import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import yaml
from jsonschema.exceptions import ValidationError
from openapi_schema_validator import OAS30Validator

from bot.domain.json import Json
from tests.manifests.cel import broken
from tests.paths import ROOT

MANIFESTS: Final = ROOT / "manifests"
KUBECTL: Final = Path(sys.executable).with_name("kubectl")
STAGES: Final = ("staging", "production", "canary")
CALLBOARDS: Final = ("callboard", "callboard-postgresql")
FOLDERS: Final = (*(f"iris-classifier/{each}" for each in (*STAGES, "live", "weights")), *CALLBOARDS)
WORKLOADS: Final = (*(f"iris-classifier/{each}" for each in STAGES), *CALLBOARDS)
ROUTES: Final = ROOT / "tests/data/gateway-api/httproutes.yaml"
KUBERNETES: Final = "1.37"


@cache
def rendered(folder: Path) -> tuple[Json, ...]:
    """Return the objects of a kustomization."""
    run = subprocess.run([KUBECTL, "kustomize", folder], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, ""), "kustomize neither fails nor warns"
    return tuple(yaml.safe_load_all(run.stdout))


def objects(folder: str, kind: str) -> list[Json]:
    """Return the objects of a kind in a folder of manifests/."""
    return [each for each in rendered(MANIFESTS / folder) if each["kind"] == kind]


def one(folder: str, kind: str) -> Json:
    """Return the only object of a kind."""
    (found,) = objects(folder, kind)
    return found


def pod(folder: str) -> Json:
    """Return the pod template of a folder's Deployment."""
    return dict(one(folder, "Deployment")["spec"]["template"])


def container(folder: str) -> Json:
    """Return the only container of a folder's pods."""
    (found,) = pod(folder)["spec"]["containers"]
    return dict(found)


def env(folder: str) -> dict[str, str]:
    """Return the variables that stand in the manifest itself."""
    return {each["name"]: each["value"] for each in container(folder)["env"] if "value" in each}


def validate(thing: Json) -> None:
    """Look at an object as its published schema does.

    Raises:
        kubernetes_validate.ValidationError: it has a field that it may not have, or lacks one.
        SchemaNotFoundError: its kind has no schema.
    """
    if (thing["apiVersion"], thing["kind"]) == ("gateway.networking.k8s.io/v1", "HTTPRoute"):
        kubernetes_validate.validate(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": thing["metadata"]}, KUBERNETES, strict=True
        )
        for mistake in OAS30Validator(_closed(route_schema())).iter_errors(thing):
            raise kubernetes_validate.ValidationError(mistake, "v1")
        for said in broken(route_schema(), thing):
            raise kubernetes_validate.ValidationError(ValidationError(said), "v1")
    else:
        kubernetes_validate.validate(thing, KUBERNETES, strict=True)


@cache
def route_schema() -> Json:
    """Return what is published of HTTPRoute."""
    versions = yaml.safe_load(ROUTES.read_text())["spec"]["versions"]
    return next(dict(each["schema"]["openAPIV3Schema"]) for each in versions if each["name"] == "v1")


def _closed(schema: Any) -> Any:
    """Return a schema that allows no field which it does not name, as an API server that validates strictly does."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    return {**closed, "additionalProperties": False} if isinstance(schema.get("properties"), dict) else closed


def mappings(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every mapping in an object."""
    if isinstance(value, dict):
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from mappings(each, (*path, key))
