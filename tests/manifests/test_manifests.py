"""The manifests render with the real kustomize and are valid by published schemas, which see every mistake."""

import re
from copy import deepcopy
from typing import Any

import kubernetes_validate
import pytest

from bot.domain.json import Json
from tests.manifests.cel import program, rules
from tests.manifests.rendered import FOLDERS, MANIFESTS, WORKLOADS, mappings, pod, rendered, route_schema, validate

ALL = [each for folder in FOLDERS for each in rendered(MANIFESTS / folder)]
ONE_OF_EACH_KIND = {each["kind"]: each for each in ALL}


def test_every_folder_is_looked_at() -> None:
    found = {file.parent.relative_to(MANIFESTS).as_posix() for file in MANIFESTS.rglob("kustomization.yaml")}
    assert found - {"iris-classifier/base"} == set(FOLDERS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_all_objects_are_valid_strictly(folder: str) -> None:
    for each in rendered(MANIFESTS / folder):
        validate(each)


@pytest.mark.parametrize("kind", ONE_OF_EACH_KIND)
def test_a_field_that_does_not_exist_is_seen_wherever_it_stands(kind: str) -> None:
    unseen = []
    for path in mappings(ONE_OF_EACH_KIND[kind]):
        wrong = deepcopy(ONE_OF_EACH_KIND[kind])
        at: Any = wrong
        for key in path:
            at = at[key]
        at["mistyped"] = {}
        if _passes(wrong):
            unseen.append(path)
    assert unseen == []


def _passes(thing: Json) -> bool:
    try:
        validate(thing)
    except kubernetes_validate.ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"backendRefs": [{"name": "a"}]}, "rules[0].backendRefs[0]: Must have port for Service reference"),
        ({"matches": [{"path": {"value": "x"}}]}, "path: value must be an absolute path and start with '/'"),
        ({"timeouts": {"request": "1s", "backendRequest": "5s"}}, "timeouts: backendRequest timeout cannot be longer"),
        ({"filters": [{"type": "RequestRedirect"}]}, "filters[0]: filter.requestRedirect must be specified"),
    ],
)
def test_what_a_type_cannot_say_of_a_route_is_seen(rule: Json, says: str) -> None:
    wrong = deepcopy(ONE_OF_EACH_KIND["HTTPRoute"])
    wrong["spec"]["rules"][0] |= rule
    with pytest.raises(kubernetes_validate.ValidationError, match=re.escape(says)):
        validate(wrong)


def test_every_rule_of_a_route_can_be_asked() -> None:
    asked = list(rules(route_schema()))
    assert len(asked) == 89
    for rule in asked:
        program(rule)


def test_a_kind_without_a_schema_does_not_pass() -> None:
    with pytest.raises(kubernetes_validate.SchemaNotFoundError):
        validate({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GRPCRoute", "metadata": {"name": "a"}})


@pytest.mark.parametrize("folder", WORKLOADS)
def test_pods_keep_the_restricted_standard(folder: str) -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted."""
    spec = pod(folder)["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
    assert all(
        set(volume) - {"name"} <= {"emptyDir", "configMap", "persistentVolumeClaim", "secret"}
        for volume in spec["volumes"]
    )
    for each in spec["containers"]:
        assert not {"privileged", "procMount", "seLinuxOptions"} & set(each["securityContext"])
        assert all("hostPort" not in port for port in each["ports"])
        assert each["securityContext"]["allowPrivilegeEscalation"] is False
        assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize("folder", WORKLOADS)
def test_pods_take_no_more_than_they_were_given(folder: str) -> None:
    spec = pod(folder)["spec"]
    assert all(volume["emptyDir"].get("sizeLimit") for volume in spec["volumes"] if "emptyDir" in volume)
    for each in spec["containers"]:
        assert each["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"cpu", "memory"} <= set(each["resources"]["requests"])
        assert "memory" in each["resources"]["limits"]
        assert each["terminationMessagePolicy"] == "FallbackToLogsOnError"
