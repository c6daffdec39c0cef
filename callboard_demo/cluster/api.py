"""The Kubernetes API over HTTP: authorization, routing to objects and verbs.  Other modules do the rest.

Not here: the meaning of a write (`objects.py`), watch streams (`watches.py`), discovery texts (`discovery.py`).
One `Api` serves two listeners: a public one, whose client may be refused verbs (`forbid`), and the node's own.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.domain.json import Json
from callboard_demo.cluster import discovery, pod_proxy, queries, refusals
from callboard_demo.cluster.kinds import Kinds
from callboard_demo.cluster.objects import Objects
from callboard_demo.cluster.resources import ACCESS_REVIEWS, Resource, Target, resolve
from callboard_demo.cluster.subresources import Reader, Subresources
from callboard_demo.cluster.tables import table
from callboard_demo.cluster.watches import Interest, Watches
from callboard_demo.cluster.writes import Writes

USER: Final = "system:serviceaccount:callboard:callboard"
"""The user name of the bearer token."""

_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch"}
_LARGEST: Final = 3 * 1024 * 1024  # the API server's limit on a request's body
_OPEN_PATHS: Final = frozenset({"/healthz", "/livez", "/readyz", "/version"})
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_TRUSTED: Final = web.AppKey("trusted", bool)


class Api:
    """The routes, over one set of objects."""

    def __init__(self, objects: Objects, *, token: str, logs: Reader) -> None:
        self._objects = objects
        self._token = token
        self._kinds = Kinds(objects.storage)
        self._writes = Writes(objects)
        self._subresources = Subresources(objects, self._writes, logs)
        self._forbidden: set[tuple[str, str, str | None]] = set()
        self.watches = Watches(objects.storage)

    def application(self, middlewares: Sequence[Middleware] = (), *, trusted: bool = False) -> web.Application:
        """Return the routes as an application, `middlewares` outermost; a trusted client is never forbidden a verb."""
        app = web.Application(middlewares=[*middlewares, _as_status, self._authenticated], client_max_size=_LARGEST)
        app[_TRUSTED] = trusted
        app.router.add_get("/{path:healthz|livez|readyz}", _ok)
        app.router.add_get("/version", self._describe(lambda r: discovery.VERSION))
        app.router.add_get("/api", self._describe(lambda r: discovery.core_versions()))
        app.router.add_get("/apis", self._describe(lambda r: discovery.groups(self._kinds.all())))
        app.router.add_get("/openapi/v3", self._describe(lambda r: discovery.openapi_index(self._kinds.all())))
        app.router.add_get("/openapi/v3/{path:.+}", self._describe(self._openapi))
        app.router.add_get("/api/v1", self._describe(lambda r: discovery.resource_list(self._kinds.all(), "v1")))
        app.router.add_get(
            "/apis/{group}", self._describe(lambda r: discovery.group(self._kinds.all(), r.match_info["group"]))
        )
        app.router.add_get("/apis/{group}/{version}", self._describe(self._resources))
        app.router.add_route("*", pod_proxy.ROUTE, self._proxy)
        app.router.add_route("*", "/api/{version}/{tail:.+}", self._handle)
        app.router.add_route("*", "/apis/{group}/{version}/{tail:.+}", self._handle)
        app.on_shutdown.append(self._shut)
        return app

    def forbid(self, verb: str, plural: str, namespace: str | None = None) -> None:
        """Refuse a verb on a resource (`pods`, `pods/log`; `*` for all) with 403; namespace None means all of them."""
        self._forbidden.add((verb, plural, namespace))

    def allow_all(self) -> None:
        """Undo every `forbid`."""
        self._forbidden.clear()

    async def _shut(self, app: web.Application) -> None:
        self.watches.close()

    # ── discovery ─────────────────────────────────────────────────────────────────────────────────────

    def _describe(self, describe: Callable[[web.Request], Json | None]) -> _Handler:
        async def handler(request: web.Request) -> web.Response:
            answer = describe(request)
            if answer is None:
                raise web.HTTPNotFound
            return web.json_response(answer)

        return handler

    def _openapi(self, request: web.Request) -> Json | None:
        return discovery.openapi(self._kinds.all(), request.match_info["path"])

    def _resources(self, request: web.Request) -> Json | None:
        group, version = request.match_info["group"], request.match_info["version"]
        return discovery.resource_list(self._kinds.all(), f"{group}/{version}")

    # ── authorization ─────────────────────────────────────────────────────────────────────────────────

    @web.middleware
    async def _authenticated(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if request.path not in _OPEN_PATHS and given != f"Bearer {self._token}":
            raise refusals.unauthorized()
        return await handler(request)

    def _is_forbidden(self, verb: str, plural: str, namespace: str | None) -> bool:
        return any(
            verb_ in {verb, "*"} and plural_ in {plural, "*"} and namespace_ in {namespace, None}
            for verb_, plural_, namespace_ in self._forbidden
        )

    def _authorise(self, request: web.Request, verb: str, target: Target) -> None:
        sub = target.subresource
        plural = f"{target.resource.plural}/{sub}" if sub else target.resource.plural
        if not request.app[_TRUSTED] and self._is_forbidden(verb, plural, target.namespace):
            raise refusals.forbidden(USER, verb, target.resource, sub, target.namespace)

    def _review(self, request: web.Request, review: Json) -> Json:
        asked = (review.get("spec") or {}).get("resourceAttributes") or {}
        plural = "/".join(filter(None, [asked.get("resource", ""), asked.get("subresource")]))
        verb, namespace = asked.get("verb", ""), asked.get("namespace")
        allowed = request.app[_TRUSTED] or not self._is_forbidden(verb, plural, namespace)
        return {**review, "status": {"allowed": allowed}}

    # ── objects and verbs ─────────────────────────────────────────────────────────────────────────────

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        info = request.match_info
        target = resolve(info.get("group", ""), info["version"], info["tail"], self._kinds.custom)
        if target is None or (
            target.resource.custom and not target.resource.kind and request.method in {"GET", "DELETE"}
        ):
            raise web.HTTPNotFound
        verb = _verb(request, target)
        self._authorise(request, verb, target)
        if target.subresource:
            return await self._subresources.serve(request, target)
        if target.name is None:
            return await self._collection(request, target, verb)
        return await self._item(request, target)

    async def _proxy(self, request: web.Request) -> web.StreamResponse:
        verb = {"DELETE": "delete", **_VERBS}.get(request.method, "get")
        self._authorise(request, verb, pod_proxy.place(request).target)
        return await pod_proxy.forward(request, self._objects)

    async def _collection(self, request: web.Request, target: Target, verb: str) -> web.StreamResponse:
        if verb == "list":
            return web.json_response(self._list(request, target))
        if verb == "watch":
            return await self.watches.serve(request, _interest(request, target))
        if verb == "create":
            return await self._create(request, target)
        if verb == "deletecollection":
            options = await queries.body(request) or {}
            return web.json_response(
                self._writes.delete_many(request, target, self._selected(request, target), options)
            )
        raise refusals.method_not_allowed()

    async def _item(self, request: web.Request, target: Target) -> web.StreamResponse:
        resource, namespace, name = target.resource, target.namespace, target.name or ""
        if request.method == "GET":
            return web.json_response(_view(request, resource)(self._objects.get(resource, namespace, name)))
        if request.method == "PUT":
            return web.json_response(await self._writes.replace(request, target))
        if request.method == "PATCH":
            target = replace(target, resource=await self._taught(request, resource))
            value, made = await self._writes.patch(request, target)
            return web.json_response(value, status=201 if made else 200)
        if request.method == "DELETE":
            return web.json_response(self._writes.delete(request, target, await queries.body(request) or {}))
        raise refusals.method_not_allowed()

    async def _create(self, request: web.Request, target: Target) -> web.Response:
        if target.resource == ACCESS_REVIEWS:
            return web.json_response(self._review(request, queries.an_object(await queries.body(request))), status=201)
        target = replace(target, resource=await self._taught(request, target.resource))
        return web.json_response(await self._writes.create(request, target), status=201)

    async def _taught(self, request: web.Request, resource: Resource) -> Resource:
        """Return the resource with the kind of its first object, and remember it."""
        if resource.kind:
            return resource
        known = replace(resource, kind=queries.an_object(await queries.body(request)).get("kind", ""))
        if known.kind:
            self._kinds.learn(known)
        return known

    def _selected(self, request: web.Request, target: Target) -> list[Json]:
        wanted = queries.selector(request.query, target.resource)
        return [v for v in self._objects.storage.of_kind(target.resource, target.namespace) if wanted(v)]

    def _list(self, request: web.Request, target: Target) -> Json:
        query, resource = request.query, target.resource
        limit, revision = queries.number(query, "limit"), self._objects.storage.revision
        values, meta = queries.page(self._selected(request, target), limit, query.get("continue", ""), revision)
        if _wants_table(request):
            return table(resource, values, meta, query.get("includeObject", "Metadata"))
        items = values if resource.custom else [_bare(value) for value in values]
        return {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": meta, "items": items}


def _verb(request: web.Request, target: Target) -> str:
    if request.method == "GET" and target.name is None:
        return "watch" if queries.truthy(request.query, "watch") else "list"
    if request.method == "DELETE":
        return "deletecollection" if target.name is None else "delete"
    return _VERBS.get(request.method, "get")


def _interest(request: web.Request, target: Target) -> Interest:
    query = request.query
    revision = queries.number(query, "resourceVersion") or None
    initial = queries.truthy(query, "sendInitialEvents")
    return Interest(
        resource=target.resource,
        namespace=target.namespace,
        selected=queries.selector(query, target.resource),
        revision=None if initial else revision,
        seconds=queries.number(query, "timeoutSeconds"),
        bookmarks=queries.truthy(query, "allowWatchBookmarks"),
        initial_events=initial,
        render=_view(request, target.resource),
    )


def _wants_table(request: web.Request) -> bool:
    return "as=Table" in request.headers.get("Accept", "")


def _view(request: web.Request, resource: Resource) -> Callable[[Json], Json]:
    if not _wants_table(request):
        return lambda value: value
    include = request.query.get("includeObject", "Metadata")
    return lambda v: table(resource, [v], {"resourceVersion": v["metadata"]["resourceVersion"]}, include)


def _bare(value: Json) -> Json:
    """Return an item of a typed list as the real server writes it: without `kind`, which the list already has."""
    return {k: v for k, v in value.items() if k not in {"kind", "apiVersion"}}


async def _ok(request: web.Request) -> web.Response:
    return web.Response(text="ok")


@web.middleware
async def _as_status(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Turn every `Refusal` into its `Status` body."""
    try:
        return await handler(request)
    except refusals.Refusal as refusal:
        return web.json_response(refusal.body(), status=refusal.code)
    except web.HTTPMethodNotAllowed:
        return web.json_response(refusals.method_not_allowed().body(), status=405)
    except web.HTTPNotFound:
        return web.Response(text="404 page not found\n", status=404)
