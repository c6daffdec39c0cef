"""Validation: each function returns (field path, message) pairs, worded as by the real server.

Not here: the 422 response (`refusals.invalid`).  Only mistakes that people make in manifests are checked; this cluster
does not depend on the real server's many other rules.
Source: https://github.com/kubernetes/kubernetes/blob/v1.20.2/pkg/apis/apps/validation/validation.go
"""

import re
from collections.abc import Collection, Iterator
from typing import Any, TypeAlias

from bot.domain.json import Json
from callboard_demo.cluster.resources import Resource
from callboard_demo.cluster.selectors import matches

Mistakes: TypeAlias = Iterator[tuple[str, str]]

_SUBDOMAIN = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
_LABEL = re.compile(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
_PATH_NAMES = frozenset({"roles", "rolebindings", "clusterroles", "clusterrolebindings"})
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character"
)
_CHANGEABLE = frozenset({"replicas", "template", "updateStrategy"})
"""Of a StatefulSet's spec."""
_WORKLOADS = frozenset({"deployments", "replicasets", "statefulsets", "daemonsets"})


def mistakes(resource: Resource, value: Json, old: Json | None) -> list[tuple[str, str]]:
    """Return the mistakes in an object that replaces `old` (None: it is new)."""
    found = list(_name(resource, value["metadata"]))
    if resource.group == "apps" and resource.plural in _WORKLOADS:
        found += _workload(value, old)
    if resource.qualified == "statefulsets.apps":
        found += _stateful_update(value, old)
    if resource.qualified == "pods":
        found += _pod_spec(value.get("spec"), "spec")
        found += _pod_update(value, old)
    return found


def _name(resource: Resource, meta: Json) -> Mistakes:
    name = meta.get("name")
    if not name:
        yield "metadata.name", "Required value: name or generateName is required"
    elif resource.plural not in _PATH_NAMES and (len(name) > 253 or not _SUBDOMAIN.match(name)):
        yield "metadata.name", f'Invalid value: "{name}": {_SUBDOMAIN_RULE}'


def _workload(value: Json, old: Json | None) -> Mistakes:
    spec = value.get("spec") or {}
    yield from _replicas(spec.get("replicas", 0))
    selector, template = spec.get("selector"), spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not selector:
        yield "spec.selector", "Required value"
    elif not matches(selector, labels):
        yield (
            "spec.template.metadata.labels",
            f"Invalid value: {_go(labels)}: `selector` does not match template `labels`",
        )
    if old is not None and selector != old["spec"].get("selector"):
        yield "spec.selector", f"Invalid value: {_go(selector)}: field is immutable"
    yield from _pod_spec(template.get("spec"), "spec.template.spec")
    policy = (template.get("spec") or {}).get("restartPolicy", "Always")
    if policy != "Always":
        yield "spec.template.spec.restartPolicy", f'Unsupported value: "{policy}": supported values: "Always"'
    yield from _strategy(spec.get("strategy") or {})


def _replicas(replicas: Any) -> Mistakes:
    if not isinstance(replicas, int) or replicas < 0:
        yield "spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0"


def _strategy(strategy: Json) -> Mistakes:
    rolling = strategy.get("rollingUpdate") or {}
    if strategy.get("type") == "Recreate" and rolling:
        yield "spec.strategy.rollingUpdate", "Forbidden: may not be specified when strategy `type` is 'Recreate'"
    if rolling.get("maxUnavailable") in {0, "0%"} and rolling.get("maxSurge") in {0, "0%"}:
        text = 'Invalid value: intstr.IntOrString{Type:0, IntVal:0, StrVal:""}: may not be 0 when `maxSurge` is 0'
        yield "spec.strategy.rollingUpdate.maxUnavailable", text


def _pod_spec(spec: Any, path: str) -> Mistakes:
    if not isinstance(spec, dict) or not spec.get("containers"):
        yield f"{path}.containers", "Required value"
        return
    seen: set[str] = set()
    for kind in ("initContainers", "containers"):
        for place, container in enumerate(spec.get(kind) or ()):
            yield from _container(container, f"{path}.{kind}[{place}]", seen)


def _container(container: Json, path: str, seen: set[str]) -> Mistakes:
    name = container.get("name")
    if not name:
        yield f"{path}.name", "Required value"
    elif not _LABEL.match(name):
        yield f"{path}.name", f'Invalid value: "{name}": a lowercase RFC 1123 label is required'
    elif name in seen:
        yield f"{path}.name", f'Duplicate value: "{name}"'
    seen.add(name or "")
    if not container.get("image"):
        yield f"{path}.image", "Required value"
    for place, port in enumerate(container.get("ports") or ()):
        number = port.get("containerPort")
        if not isinstance(number, int) or not 0 < number < 65536:
            yield (
                f"{path}.ports[{place}].containerPort",
                f"Invalid value: {number}: must be between 1 and 65535, inclusive",
            )
    for place, variable in enumerate(container.get("env") or ()):
        if not isinstance(variable.get("value", ""), str):
            yield f"{path}.env[{place}].value", f"Invalid value: {variable['value']}: must be a string"


def _stateful_update(value: Json, old: Json | None) -> Mistakes:
    if old is not None and _without(value["spec"], _CHANGEABLE) != _without(old["spec"], _CHANGEABLE):
        yield (
            "spec",
            "Forbidden: updates to statefulset spec for fields other than 'replicas', 'template', and 'updateStrategy' "
            "are forbidden",
        )


def _pod_update(value: Json, old: Json | None) -> Mistakes:
    if old is not None and _fixed(value["spec"]) != _fixed(old["spec"]):
        yield (
            "spec",
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`, "
            "`spec.initContainers[*].image`, `spec.activeDeadlineSeconds` or `spec.tolerations`",
        )


def _fixed(spec: Json) -> Json:
    rest = _without(spec, {"activeDeadlineSeconds", "tolerations", "nodeName"})
    for kind in ("containers", "initContainers"):
        rest[kind] = [{k: v for k, v in c.items() if k != "image"} for c in spec.get(kind) or ()]
    return rest


def _without(spec: Json, names: Collection[str]) -> Json:
    return {k: v for k, v in spec.items() if k not in names}


def _go(value: Any) -> str:
    text = ", ".join(f'"{k}":"{v}"' for k, v in sorted((value or {}).items()))
    return f"map[string]string{{{text}}}"
