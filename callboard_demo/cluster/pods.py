"""One pod on the node: its containers in order, its status at the API server, its graceful termination.

Not here: which pods exist (`kubelet.py`), and the runs of a container (`containers.py`).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import aiohttp

from bot import clock
from bot.domain.json import Json
from callboard_demo.cluster.containers import Container, Surroundings
from callboard_demo.cluster.logs import Log
from callboard_demo.cluster.node import Addresses
from callboard_demo.cluster.objects import stamp
from callboard_demo.cluster.phases import conditions, phase
from callboard_demo.cluster.rest import TROUBLE, Refused, Rest
from callboard_demo.cluster.runtime import Runtime

_RETRY: Final = 0.5  # seconds until a failed status write is retried
_GONE: Final = frozenset({404, 409})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What a worker needs of the node."""

    rest: Rest
    runtime: Runtime
    addresses: Addresses
    session: aiohttp.ClientSession
    base: timedelta
    """The initial back-off."""
    report: Callable[..., None]
    """Reports an event about an object: (object, reason, message, warning=…, field=…)."""


class PodWorker:
    """A pod that this node runs."""

    def __init__(
        self,
        pod: Json,
        on: Node,
    ) -> None:
        self.pod = pod
        self._rest, self._addresses = on.rest, on.addresses
        self._address = on.addresses.take()
        self._leaving, self._lost, self._dirty = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._started = (pod.get("status") or {}).get("startTime") or stamp(clock.now())
        self._path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        around = Surroundings(
            pod=self._seen,
            address=self._address,
            runtime=on.runtime,
            session=on.session,
            base=on.base,
            look_up=self._look_up,
            changed=self._dirty.set,
            report=lambda reason, message, **more: on.report(self.pod, reason, message, **more),
        )
        self.inits = [Container(c, around, kind="initContainers") for c in pod["spec"].get("initContainers") or ()]
        self.mains = [Container(c, around) for c in pod["spec"]["containers"]]
        self._remember(on.report)
        self.update(pod)

    def _remember(self, report: Callable[..., None]) -> None:
        status = self.pod.get("status") or {}
        known = {
            c["name"]: c
            for c in [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
        }
        for container in [*self.inits, *self.mains]:
            if container.name in known:
                container.remember(known[container.name])
        if known:
            report(self.pod, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")

    def _seen(self) -> Json:
        status = {**(self.pod.get("status") or {}), "podIP": self._address, "hostIP": self._addresses.host}
        return {**self.pod, "status": status}

    def update(self, pod: Json) -> None:
        """Update the worker with the current pod."""
        self.pod = pod
        if pod["metadata"].get("deletionTimestamp"):
            self._leaving.set()

    def lose(self) -> None:
        """Stop at once without another status: the pod is gone from the API server, or the node is shutting down."""
        self._lost.set()
        if self._leaving.is_set():
            for container in [*self.inits, *self.mains]:
                container.kill()
        self._leaving.set()

    def log(self, container: str, *, previous: bool) -> Log | None:
        """Return the log of a container's current or previous run."""
        found = next((c for c in [*self.mains, *self.inits] if c.name == container), None)
        if found is None:
            return None
        return found.previous_log if previous else found.log

    # ── lifecycle ─────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Run the pod until it has finished and is deleted."""
        publishing = asyncio.create_task(self._publish_for_ever())
        self._dirty.set()
        try:
            await self._live()
        finally:
            publishing.cancel()
            await asyncio.wait([publishing])
            self._addresses.give_back(self._address)
        if not self._lost.is_set():
            await self._confirm_end()

    async def _live(self) -> None:
        for container in self.inits:
            if not await self._run_init(container):
                await self._leaving.wait()
                return
        if not self._leaving.is_set():
            await self._run_mains()

    async def _run_init(self, container: Container) -> bool:
        """Run an init container; return whether it succeeded."""
        policy = self.pod["spec"].get("restartPolicy", "Always")
        task = asyncio.create_task(container.keep("Never" if policy == "Never" else "OnFailure"))
        await self._until_over_or_leaving([task], [container])
        return container.exit_code == 0 and not self._leaving.is_set()

    async def _run_mains(self) -> None:
        policy = self.pod["spec"].get("restartPolicy", "Always")
        tasks = [asyncio.create_task(container.keep(policy)) for container in self.mains]
        await self._until_over_or_leaving(tasks, self.mains)
        await self._leaving.wait()  # a finished pod stays until somebody deletes it

    async def _until_over_or_leaving(self, tasks: list[asyncio.Task[None]], containers: list[Container]) -> None:
        leaving = asyncio.create_task(self._leaving.wait())
        over = asyncio.create_task(_all_over(tasks))
        await asyncio.wait([leaving, over], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        pairs = zip(containers, tasks, strict=True)
        await asyncio.gather(*(container.stop(task, self._grace()) for container, task in pairs if not task.done()))
        await asyncio.wait([leaving, over])
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def _grace(self) -> timedelta | None:
        if self._lost.is_set():
            return None
        default = self.pod["spec"].get("terminationGracePeriodSeconds", 30)
        return timedelta(seconds=max(1, self.pod["metadata"].get("deletionGracePeriodSeconds", default)))

    # ── status ────────────────────────────────────────────────────────────────────────────────────────

    def status(self) -> Json:
        """Return the pod's current status."""
        inits, mains = [c.status() for c in self.inits], [c.status() for c in self.mains]
        value: Json = {"phase": phase(self.pod, inits, mains), "startTime": self._started, "podIP": self._address}
        value |= {"hostIP": self._addresses.host, "podIPs": [{"ip": self._address}], "containerStatuses": mains}
        if inits:
            value["initContainerStatuses"] = inits
        value["conditions"] = conditions(self.pod, inits, mains, stamp(clock.now()))
        return value

    async def _publish_for_ever(self) -> None:
        reported: Json | None = None
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            if self._lost.is_set():
                return
            status = self.status()
            if status == reported:
                continue
            try:
                self.update(await self._rest.patch(f"{self._path}/status", self._status_patch(status)))
                reported = status
            except Refused as refused:
                if refused.code in _GONE:
                    continue
                await self._later()
            except TROUBLE:
                await self._later()

    def _status_patch(self, status: Json) -> Json:
        return {"metadata": {"uid": self.pod["metadata"]["uid"]}, "status": status}

    async def _later(self) -> None:
        await asyncio.sleep(_RETRY)
        self._dirty.set()

    async def _confirm_end(self) -> None:
        """Report to the API server that the pod has terminated, and delete it."""
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.pod["metadata"]["uid"]}}
        while True:
            try:
                with suppress(Refused):
                    await self._rest.patch(f"{self._path}/status", self._status_patch(self.status()))
                await self._rest.delete(self._path, options)
            except Refused as refused:
                if refused.code in _GONE:
                    return
                await asyncio.sleep(_RETRY)
            except TROUBLE:
                await asyncio.sleep(_RETRY)
            else:
                return

    async def _look_up(self, kind: str, name: str) -> Json | None:
        while True:
            try:
                return await self._rest.get(f"/api/v1/namespaces/{self.pod['metadata']['namespace']}/{kind}/{name}")
            except Refused:
                return None
            except TROUBLE:
                await asyncio.sleep(_RETRY)


async def _all_over(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
