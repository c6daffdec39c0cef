"""The API's write verbs: from a request's body to a stored object and its field owners.

Not here: the rules for every write (`objects.py`), and subresources (`subresources.py`).
"""

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from bot import clock
from bot.domain.json import Json
from callboard_demo.cluster import ownership, patches, queries, refusals
from callboard_demo.cluster.objects import Objects, stamp
from callboard_demo.cluster.resources import NAMESPACES, PODS, Resource, Target
from callboard_demo.cluster.storage import key_of


class Writes:
    """Create, replace, patch and delete."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def create(self, request: web.Request, target: Target) -> Json:
        """Store the object in the body; return it."""
        no_dry_run(request)
        value = _fitting(target, await queries.body(request))
        if value["metadata"].get("resourceVersion"):
            raise refusals.bad_request("resourceVersion should not be set on objects to be created")
        owned = ownership.record(None, value, queries.manager(request), stamp(clock.now()))
        return self._objects.create(target.resource, _home(target, value), owned)

    async def replace(self, request: web.Request, target: Target) -> Json:
        """Replace the stored object by the one in the body; return it."""
        no_dry_run(request)
        value = _fitting(target, await queries.body(request))
        return self.change(request, target, lambda old: value)

    async def patch(self, request: web.Request, target: Target) -> tuple[Json, bool]:
        """Apply the patch in the body to an object; return it, and whether it was created."""
        no_dry_run(request)
        kind, patch = request.content_type, await queries.body(request)
        if kind == queries.APPLY_PATCH:
            return self._apply(request, target, _fitting(target, patch))
        return self.change(request, target, patcher(kind, patch, target.resource)), False

    def change(self, request: web.Request, target: Target, change: Callable[[Json], Json]) -> Json:
        """Change an object by a function; the writer owns what differs."""
        who, now, sub = queries.manager(request), stamp(clock.now()), target.subresource

        def owned(old: Json) -> Json:
            new = change(old)
            return new if sub == "status" else ownership.record(old, new, who, now)

        return self._objects.change(target.resource, target.namespace, target.name or "", owned, subresource=sub)

    def _apply(self, request: web.Request, target: Target, wanted: Json) -> tuple[Json, bool]:
        who = request.query.get("fieldManager")
        if not who:
            raise refusals.bad_request("PatchOptions.meta.k8s.io is invalid: fieldManager: Required value")
        force, now = queries.truthy(request.query, "force"), stamp(clock.now())
        resource, namespace, name = target.resource, target.namespace, target.name or ""
        if self._objects.storage.get(key_of(resource, namespace, name)) is None:
            made = ownership.apply(None, wanted, who, force=force, now=now)
            return self._objects.create(resource, namespace, made), True

        def applied(old: Json) -> Json:
            if target.subresource == "status":
                return {**old, "status": patches.merge(old.get("status"), wanted.get("status") or {})}
            return ownership.apply(old, wanted, who, force=force, now=now)

        return self._objects.change(resource, namespace, name, applied, subresource=target.subresource), False

    def delete(self, request: web.Request, target: Target, options: Json) -> Json:
        """Delete an object by its DeleteOptions (body or query); return what the real server would."""
        no_dry_run(request)
        resource, namespace, name = target.resource, target.namespace, target.name or ""
        old = self._objects.get(resource, namespace, name)
        _check_preconditions(resource, old, options)
        grace = options.get("gracePeriodSeconds", queries.number(request.query, "gracePeriodSeconds"))
        left = self._objects.delete(resource, namespace, name, grace=grace, policy=_policy(request, options))
        still_there = self._objects.storage.get(key_of(resource, namespace, name)) is not None
        return left if still_there or resource == PODS else _success(resource, old)

    def delete_many(self, request: web.Request, target: Target, values: Sequence[Json], options: Json) -> Json:
        """Delete each of the objects; return them as a list."""
        no_dry_run(request)
        grace, resource = options.get("gracePeriodSeconds"), target.resource
        for value in values:
            meta, policy = value["metadata"], _policy(request, options)
            self._objects.delete(resource, meta.get("namespace"), meta["name"], grace=grace, policy=policy)
        head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version}
        return {**head, "metadata": {"resourceVersion": str(self._objects.storage.revision)}, "items": list(values)}


def no_dry_run(request: web.Request) -> None:
    """Refuse a dry run, which this cluster does not support."""
    if "dryRun" in request.query:
        raise refusals.bad_request("dryRun is not supported by this cluster")


def _fitting(target: Target, body: Any) -> Json:
    """Return the body as an object of the target's kind, with name and namespace filled in from the path.

    Raises:
        Refusal: 400, it has another kind, name or namespace.
    """
    value, resource = queries.an_object(body), target.resource
    version, kind = value.get("apiVersion", resource.api_version), value.get("kind", resource.kind)
    if (version, kind) != (resource.api_version, resource.kind):
        message = f"{kind} in version {version!r} cannot be handled as a {resource.kind} in {resource.api_version!r}"
        raise refusals.bad_request(message)
    meta = dict(value.get("metadata") or {})
    if target.name and meta.setdefault("name", target.name) != target.name:
        message = f"the name of the object ({meta['name']}) does not match the name on the URL ({target.name})"
        raise refusals.bad_request(message)
    if target.namespace and meta.setdefault("namespace", target.namespace) != target.namespace:
        raise refusals.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    return {**value, "apiVersion": version, "kind": kind, "metadata": meta}


def _home(target: Target, value: Json) -> str | None:
    if target.resource == NAMESPACES:
        return None
    return target.namespace or value["metadata"].get("namespace")


def patcher(kind: str, patch: Any, resource: Resource) -> Callable[[Json], Json]:
    """Return the function that applies a patch of this content type.

    Raises:
        Refusal: 415, this resource does not support the type.
    """
    if kind == queries.JSON_PATCH:
        return lambda old: patches.json_patch(old, patch)
    body = queries.an_object(patch)
    if kind == queries.MERGE_PATCH:
        return lambda old: queries.an_object(patches.merge(old, body))
    if kind == queries.STRATEGIC_PATCH and not resource.custom:
        return lambda old: patches.strategic(old, body)
    known = [queries.JSON_PATCH, queries.MERGE_PATCH, queries.STRATEGIC_PATCH, queries.APPLY_PATCH]
    raise refusals.unsupported(*(k for k in known if not (resource.custom and k == queries.STRATEGIC_PATCH)))


def _policy(request: web.Request, options: Json) -> str:
    asked = options.get("propagationPolicy") or request.query.get("propagationPolicy")
    if asked is None and options.get("orphanDependents"):
        return "Orphan"
    return str(asked or "Background")


def _check_preconditions(resource: Resource, old: Json, options: Json) -> None:
    for field, name in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        wanted = (options.get("preconditions") or {}).get(field)
        if wanted and wanted != (have := old["metadata"][field]):
            why = f"Precondition failed: {name} in precondition: {wanted}, {name} in object meta: {have}"
            raise refusals.conflict(resource, old["metadata"]["name"], why)


def _success(resource: Resource, old: Json) -> Json:
    details = {"name": old["metadata"]["name"], "kind": resource.plural, "uid": old["metadata"]["uid"]}
    details |= {"group": resource.group} if resource.group else {}
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
