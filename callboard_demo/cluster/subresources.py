"""The subresources: status, scale, and a pod's binding and log.

Eviction is served as a deletion, since no disruption budget is enforced.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

from aiohttp import web

from bot import clock
from bot.domain.json import Json
from callboard_demo.cluster import queries, refusals
from callboard_demo.cluster.logs import Log
from callboard_demo.cluster.objects import Objects, stamp
from callboard_demo.cluster.resources import Target
from callboard_demo.cluster.selectors import as_text
from callboard_demo.cluster.writes import Writes, no_dry_run, patcher


class Reader(Protocol):
    """Reads logs: the kubelet."""

    def log(self, namespace: str, pod: str, container: str, *, previous: bool = False) -> Log | None: ...


class Subresources:
    """The subresources of an object."""

    def __init__(self, objects: Objects, writes: Writes, logs: Reader) -> None:
        self._objects, self._writes, self._logs = objects, writes, logs

    async def serve(self, request: web.Request, target: Target) -> web.StreamResponse:
        """Serve a request on a subresource."""
        match request.method, target.subresource:
            case "GET", "log":
                return await self._log(request, target)
            case "POST", "binding":
                return web.json_response(await self._bind(request, target), status=201)
            case "POST", "eviction":
                options = (await queries.body(request) or {}).get("deleteOptions") or {}
                self._writes.delete(request, target, options)
                return web.json_response({"kind": "Status", "apiVersion": "v1", "status": "Success"}, status=201)
            case _, "scale":
                return web.json_response(await self._scale(request, target))
            case _, "status" | "finalize":
                return web.json_response(await self._part(request, target))
            case _:
                raise refusals.method_not_allowed()

    async def _part(self, request: web.Request, target: Target) -> Json:
        if request.method == "GET":
            return self._get(target)
        if request.method == "PUT":
            return await self._writes.replace(request, target)
        if request.method == "PATCH":
            return (await self._writes.patch(request, target))[0]
        raise refusals.method_not_allowed()

    def _get(self, target: Target) -> Json:
        return self._objects.get(target.resource, target.namespace, target.name or "")

    # ── scale ─────────────────────────────────────────────────────────────────────────────────────────

    async def _scale(self, request: web.Request, target: Target) -> Json:
        if request.method == "GET":
            return _scale_of(self._get(target))
        no_dry_run(request)
        body = await queries.body(request)
        if request.method not in {"PUT", "PATCH"}:
            raise refusals.method_not_allowed()

        def scaled(old: Json) -> Json:
            scale = _scale_of(old)
            wanted = body if request.method == "PUT" else patcher(request.content_type, body, target.resource)(scale)
            replicas = (wanted.get("spec") or {}).get("replicas", 0)
            meta = {**old["metadata"], **_version(wanted)}
            return {**old, "metadata": meta, "spec": {**old["spec"], "replicas": replicas}}

        return _scale_of(self._objects.change(target.resource, target.namespace, target.name or "", scaled))

    # ── binding ───────────────────────────────────────────────────────────────────────────────────────

    async def _bind(self, request: web.Request, target: Target) -> Json:
        node = (queries.an_object(await queries.body(request)).get("target") or {}).get("name")
        name, now = target.name or "", stamp(clock.now())

        def bound(old: Json) -> Json:
            if old["spec"].get("nodeName"):
                why = f'pod {name} is already assigned to node "{old["spec"]["nodeName"]}"'
                raise refusals.conflict(target.resource, name, why)
            return {**old, "spec": {**old["spec"], "nodeName": node}}

        self._objects.change(target.resource, target.namespace, name, bound)
        scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}

        def as_scheduled(old: Json) -> Json:
            rest = [c for c in old["status"].get("conditions") or () if c["type"] != "PodScheduled"]
            return {**old, "status": {**old["status"], "conditions": [*rest, scheduled]}}

        self._objects.change(target.resource, target.namespace, name, as_scheduled, subresource="status")
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}

    # ── log ───────────────────────────────────────────────────────────────────────────────────────────

    async def _log(self, request: web.Request, target: Target) -> web.StreamResponse:
        query, pod = request.query, self._get(target)
        container = _container(pod, query.get("container"))
        previous = queries.truthy(query, "previous")
        log = self._logs.log(target.namespace or "", pod["metadata"]["name"], container, previous=previous)
        if log is None:
            raise _no_log(pod, container, previous=previous)
        stamps = queries.truthy(query, "timestamps")
        since = _since(query.get("sinceTime"), queries.number(query, "sinceSeconds"))
        lines = log.lines(tail=queries.number(query, "tailLines"), since=since)
        text = b"".join(_line(line, stamps=stamps) for line in lines)
        if not queries.truthy(query, "follow"):
            limit = queries.number(query, "limitBytes")
            return web.Response(body=text[:limit], content_type="text/plain")
        return await _stream(
            request, text, (None if new is None else _line(new, stamps=stamps) async for new in log.follow())
        )


def _version(value: Json) -> Json:
    version = (value.get("metadata") or {}).get("resourceVersion")
    return {"resourceVersion": version} if version else {}


def _scale_of(value: Json) -> Json:
    names = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status = {"replicas": (value.get("status") or {}).get("replicas", 0)}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: value["metadata"][name] for name in names if name in value["metadata"]},
        "spec": {"replicas": value["spec"].get("replicas", 0)},
        "status": {**status, "selector": as_text(value["spec"].get("selector") or {})},
    }


def _container(pod: Json, asked: str | None) -> str:
    names = [c["name"] for c in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]]
    name = pod["metadata"]["name"]
    if asked is None and len(pod["spec"]["containers"]) > 1:
        listing = " ".join(c["name"] for c in pod["spec"]["containers"])
        raise refusals.bad_request(f"a container name must be specified for pod {name}, choose one of: [{listing}]")
    if asked is not None and asked not in names:
        raise refusals.bad_request(f"container {asked} is not valid for pod {name}")
    return asked or str(names[0])


def _no_log(pod: Json, container: str, *, previous: bool) -> refusals.Refusal:
    name = pod["metadata"]["name"]
    if previous:
        text = f'previous terminated container "{container}" in pod "{name}" not found'
        return refusals.bad_request(text)
    status = pod.get("status") or {}
    statuses = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    waiting = [(c.get("state") or {}).get("waiting") or {} for c in statuses if c["name"] == container]
    reason = (waiting[0] if waiting else {}).get("reason", "ContainerCreating")
    state = "trying and failing to pull image" if reason in {"ErrImagePull", "ImagePullBackOff"} else reason
    text = f'container "{container}" in pod "{name}" is waiting to start: {state}'
    return refusals.bad_request(text)


def _since(time: str | None, seconds: int | None) -> datetime | None:
    if time:
        return datetime.fromisoformat(time)
    return None if seconds is None else clock.now() - timedelta(seconds=seconds)


def _line(line: tuple[datetime, bytes], *, stamps: bool) -> bytes:
    moment, text = line
    head = moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode() if stamps else b""
    return head + text + b"\n"


async def _stream(request: web.Request, first: bytes, more: AsyncIterator[bytes | None]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    with suppress(ConnectionError):
        await response.write(first)
        async for line in more:
            if line is not None:
                await response.write(line)
            elif request.transport is None or request.transport.is_closing():
                break
        await response.write_eof()
    return response
