"""The kubelet, with a small scheduler: follows the pods, and runs a worker for each pod on this node.

It talks to the API server only over HTTP, so it can run the pods of this cluster or of a real control plane.
Not here: the lifecycle of a pod (`pods.py`).  Logs are read by calling `log`: there is no kubelet port.
"""

import asyncio
import ssl
from collections.abc import Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import aiohttp

from bot import clock
from bot.domain.json import Json
from callboard_demo.cluster import node
from callboard_demo.cluster.logs import Log
from callboard_demo.cluster.objects import stamp
from callboard_demo.cluster.pods import Node, PodWorker
from callboard_demo.cluster.reporting import Reporter
from callboard_demo.cluster.rest import TROUBLE, Refused, Rest
from callboard_demo.cluster.runtime import Runtime

_ENDED: Final = frozenset({"Succeeded", "Failed"})
_PATIENCE: Final = 0.3  # seconds before a request to an unreachable API server is retried


class Kubelet:
    """The agent of one node."""

    def __init__(
        self,
        *,
        url: str,
        token: str,
        runtime: Runtime,
        base: timedelta = timedelta(seconds=10),
        verify: bool | ssl.SSLContext = True,
    ) -> None:
        """`base` is the initial back-off of crashed containers and image pulls; `verify` is for https."""
        self._url, self._token, self._verify = url, token, verify
        self._runtime, self._base = runtime, base
        self._reporters = {"kubelet": Reporter("kubelet", node.NAME), "scheduler": Reporter("default-scheduler")}
        self._workers: dict[str, PodWorker] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._chores: set[asyncio.Task[None]] = set()
        self._following: asyncio.Task[None] | None = None
        self._unwritten: asyncio.Queue[Json] = asyncio.Queue()

    async def start(self) -> None:
        """Start to follow the API server."""
        self._addresses = node.Addresses()
        self._rest = Rest(self._url, self._token, verify=self._verify)
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))
        self._following = asyncio.create_task(self._follow())
        self._do(self._write_events())

    async def close(self) -> None:
        """Stop every container, then everything else; the stored pods resume at the next start."""
        if self._following is None:
            return
        await _ended([self._following])
        for worker in self._workers.values():
            worker.lose()
        if self._running:
            await asyncio.wait(self._running.values())
        await _ended([*self._chores])
        await self._session.close()
        await self._rest.__aexit__(None, None, None)
        self._addresses.close()

    def log(self, namespace: str, pod: str, container: str, *, previous: bool = False) -> Log | None:
        """Return the log of a container's current run, or of the previous one; None if there was none."""
        for worker in self._workers.values():
            meta = worker.pod["metadata"]
            if (meta["namespace"], meta["name"]) == (namespace, pod):
                return worker.log(container, previous=previous)
        return None

    def _do(self, chore: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    # ── following the API server ──────────────────────────────────────────────────────────────────────

    async def _follow(self) -> None:
        while True:
            with suppress(*TROUBLE, Refused):
                await self._register()
                await self._list_and_watch()
            await asyncio.sleep(_PATIENCE)

    async def _register(self) -> None:
        with suppress(Refused):
            await self._rest.post("/api/v1/nodes", node.node_object(stamp(clock.now())))
        status = {"status": node.node_status(stamp(clock.now()))}
        await self._rest.patch(f"/api/v1/nodes/{node.NAME}/status", status)

    async def _list_and_watch(self) -> None:
        listed = await self._rest.get("/api/v1/pods")
        here = {pod["metadata"]["uid"] for pod in listed["items"]}
        for uid, worker in list(self._workers.items()):
            if uid not in here:
                worker.lose()
        for pod in listed["items"]:
            self._take({"apiVersion": "v1", "kind": "Pod", **pod})
        revision = listed["metadata"]["resourceVersion"]
        while True:
            async for event in self._rest.watch("/api/v1/pods", revision):
                if event["type"] == "ERROR":
                    return
                revision = event["object"]["metadata"]["resourceVersion"]
                self._notice(event)

    def _notice(self, event: Json) -> None:
        if event["type"] == "DELETED":
            worker = self._workers.get(event["object"]["metadata"]["uid"])
            if worker is not None:
                worker.lose()
        elif event["type"] != "BOOKMARK":
            self._take(event["object"])

    def _take(self, pod: Json) -> None:
        uid, spec = pod["metadata"]["uid"], pod["spec"]
        if uid in self._workers:
            self._workers[uid].update(pod)
        elif not spec.get("nodeName") and not pod["metadata"].get("deletionTimestamp"):
            self._do(self._schedule(pod))
        elif spec.get("nodeName") != node.NAME:
            return
        elif pod["metadata"].get("deletionTimestamp"):
            self._do(self._bury(pod))
        elif (pod.get("status") or {}).get("phase") not in _ENDED:
            self._run(uid, pod)

    def _run(self, uid: str, pod: Json) -> None:
        worker = PodWorker(pod, self._node())
        task = asyncio.create_task(worker.run())
        self._workers[uid], self._running[uid] = worker, task
        task.add_done_callback(lambda done: self._forget(uid, done))

    def _node(self) -> Node:
        return Node(
            rest=self._rest,
            runtime=self._runtime,
            addresses=self._addresses,
            session=self._session,
            base=self._base,
            report=self._report,
        )

    def _forget(self, uid: str, done: asyncio.Task[None]) -> None:
        self._workers.pop(uid, None)
        self._running.pop(uid, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            context = {"message": "the worker of a pod failed", "exception": error, "task": done}
            asyncio.get_running_loop().call_exception_handler(context)

    # ── scheduling ────────────────────────────────────────────────────────────────────────────────────

    async def _schedule(self, pod: Json) -> None:
        meta = pod["metadata"]
        path, obstacle = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}", node.why_not(pod)
        with suppress(*TROUBLE, Refused):
            if obstacle is None:
                await self._rest.post(f"{path}/binding", _binding(pod))
                text = f"Successfully assigned {meta['namespace']}/{meta['name']} to {node.NAME}"
                self._report(pod, "Scheduled", text, who="scheduler")
            elif not any(c.get("reason") == "Unschedulable" for c in (pod.get("status") or {}).get("conditions") or ()):
                self._report(pod, "FailedScheduling", obstacle, warning=True, who="scheduler")
                condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": obstacle}
                times = {"lastProbeTime": None, "lastTransitionTime": stamp(clock.now())}
                await self._rest.patch(f"{path}/status", {"status": {"conditions": [{**condition, **times}]}})

    async def _bury(self, pod: Json) -> None:
        """Release a pod that was deleted while no kubelet was running."""
        meta = pod["metadata"]
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
        with suppress(*TROUBLE, Refused):
            await self._rest.delete(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}", options)

    # ── events ────────────────────────────────────────────────────────────────────────────────────────

    def _report(
        self, about: Json, reason: str, message: str, *, warning: bool = False, field: str = "", who: str = "kubelet"
    ) -> None:
        event = self._reporters[who].event(about, reason, message, clock.now(), warning=warning, field=field)
        self._unwritten.put_nowait(event)

    async def _write_events(self) -> None:
        while True:
            event = await self._unwritten.get()
            meta = event["metadata"]
            path = f"/api/v1/namespaces/{meta['namespace']}/events"
            with suppress(*TROUBLE, Refused):  # an event that cannot be written is no reason to fail
                if event["count"] == 1:
                    await self._rest.post(path, event)
                else:
                    await self._rest.patch(f"{path}/{meta['name']}", {k: event[k] for k in ("count", "lastTimestamp")})


def _binding(pod: Json) -> Json:
    meta = {"name": pod["metadata"]["name"], "namespace": pod["metadata"]["namespace"]}
    target = {"apiVersion": "v1", "kind": "Node", "name": node.NAME}
    return {"apiVersion": "v1", "kind": "Binding", "metadata": meta, "target": target}


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
