"""Discovery: versions, groups, resources, and the small part of OpenAPI that kubectl reads.

kubectl reads OpenAPI only to learn whether the server validates fields (`fieldValidation`), so each document lists, for
each kind, its PATCH operation with that parameter and nothing more.
Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from collections.abc import Iterable, Sequence
from typing import Final

from bot.domain.json import Json
from callboard_demo.cluster.resources import Resource

VERSION: Final[Json] = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.0+callboard",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2025-04-23T13:07:12Z",
    "goVersion": "go1.24.2",
    "compiler": "gc",
    "platform": "linux/amd64",
}

_VERBS: Final = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_ALL: Final = frozenset(
    {"pods", "services", "deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs"}
)
"""The resources of `kubectl get all`."""
_SUB_VERBS: Final = {"log": ["get"], "binding": ["create"], "eviction": ["create"]}
_SUB_KINDS: Final = {"scale": ("Scale", "autoscaling", "v1"), "eviction": ("Eviction", "policy", "v1")}


def core_versions() -> Json:
    """Return the response to `/api`."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups(resources: Iterable[Resource]) -> Json:
    """Return the response to `/apis`."""
    versions: dict[str, list[str]] = {}
    for resource in resources:
        if resource.group and resource.version not in versions.setdefault(resource.group, []):
            versions[resource.group].append(resource.version)
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name, v) for name, v in versions.items()]}


def _group(name: str, versions: Sequence[str]) -> Json:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def group(resources: Iterable[Resource], name: str) -> Json | None:
    """Return the response to `/apis/{name}`; None for an unknown group."""
    found = [g for g in groups(resources)["groups"] if g["name"] == name]
    return {"kind": "APIGroup", "apiVersion": "v1", **found[0]} if found else None


def resource_list(resources: Iterable[Resource], group_version: str) -> Json | None:
    """Return the response to `/api/v1` or `/apis/{group}/{version}`; None if nothing is served there."""
    mine = [resource for resource in resources if resource.api_version == group_version]
    if not mine:
        return None
    entries = [entry for resource in mine for entry in _entries(resource)]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}


def _entries(resource: Resource) -> Iterable[Json]:
    entry: Json = {"name": resource.plural, "singularName": resource.kind.lower(), "namespaced": resource.namespaced}
    entry |= {"kind": resource.kind, "verbs": ["create"] if resource.plural.endswith("reviews") else _VERBS}
    if resource.short:
        entry["shortNames"] = list(resource.short)
    if resource.plural in _ALL:
        entry["categories"] = ["all"]
    yield entry
    for name in resource.subresources:
        kind, group, version = _SUB_KINDS.get(name, (resource.kind, "", ""))
        sub: Json = {"name": f"{resource.plural}/{name}", "singularName": "", "namespaced": resource.namespaced}
        sub |= {"group": group, "version": version} if group else {}
        yield {**sub, "kind": kind, "verbs": _SUB_VERBS.get(name, ["get", "patch", "update"])}


def openapi_index(resources: Iterable[Resource]) -> Json:
    """Return the response to `/openapi/v3`."""
    paths = {_base(resource)[1:] for resource in resources}
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}?hash=0"} for path in sorted(paths)}}


def openapi(resources: Iterable[Resource], path: str) -> Json | None:
    """Return the response to `/openapi/v3/{path}`; None if nothing is served there."""
    mine = [resource for resource in resources if _base(resource)[1:] == path]
    if not mine:
        return None
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    return {"openapi": "3.0.0", "info": info, "paths": dict(_operation(resource) for resource in mine)}


def _base(resource: Resource) -> str:
    return f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"


def _operation(resource: Resource) -> tuple[str, Json]:
    inside = "/namespaces/{namespace}" if resource.namespaced else ""
    names = ("fieldManager", "fieldValidation", "force")
    parameters = [{"name": n, "in": "query", "schema": {"type": "string", "uniqueItems": True}} for n in names]
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    patch = {"parameters": parameters, "responses": {}, "x-kubernetes-group-version-kind": kind}
    return f"{_base(resource)}{inside}/{resource.plural}/{{name}}", {"patch": patch}
