"""One pod on the node: its containers in their order, its status kept up at the API server, its graceful end.

Not here: which pods there are (`kubelet.py`), one container's runs (`containers.py`).
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

_RETRY: Final = 0.5  # seconds until a status that could not be written is tried again
_GONE: Final = frozenset({404, 409})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """What a worker needs of the node."""

    rest: Rest
    runtime: Runtime
    addresses: Addresses
    session: aiohttp.ClientSession
    base: timedelta
    """The first back-off."""
    say: Callable[..., None]
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
            say=lambda reason, message, **more: on.say(self.pod, reason, message, **more),
        )
        self.inits = [Container(c, around, kind="initContainers") for c in pod["spec"].get("initContainers") or ()]
        self.mains = [Container(c, around) for c in pod["spec"]["containers"]]
        self._remember(on.say)
        self.update(pod)

    def _remember(self, say: Callable[..., None]) -> None:
        status = self.pod.get("status") or {}
        known = {
            c["name"]: c
            for c in [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
        }
        for container in [*self.inits, *self.mains]:
            if container.name in known:
                container.remember(known[container.name])
        if known:
            say(self.pod, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")

    def _seen(self) -> Json:
        status = {**(self.pod.get("status") or {}), "podIP": self._address, "hostIP": self._addresses.host}
        return {**self.pod, "status": status}

    def update(self, pod: Json) -> None:
        """Take up the pod as it is now."""
        self.pod = pod
        if pod["metadata"].get("deletionTimestamp"):
            self._leaving.set()

    def lose(self) -> None:
        """End at once and say no more: the pod is gone from the API server, or the node goes down."""
        self._lost.set()
        if self._leaving.is_set():
            for container in [*self.inits, *self.mains]:
                container.kill()
        self._leaving.set()

    def log(self, container: str, *, previous: bool) -> Log | None:
        """Return the log of a container's run, or of the one before it."""
        found = next((c for c in [*self.mains, *self.inits] if c.name == container), None)
        if found is None:
            return None
        return found.previous_log if previous else found.log

    # ── the pod's life ───────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Run the pod until it is over and gone."""
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
        """Run an init container; say whether it has done its work."""
        policy = self.pod["spec"].get("restartPolicy", "Always")
        task = asyncio.create_task(container.keep("Never" if policy == "Never" else "OnFailure"))
        await self._until_over_or_leaving([task], [container])
        return container.exit_code == 0 and not self._leaving.is_set()

    async def _run_mains(self) -> None:
        policy = self.pod["spec"].get("restartPolicy", "Always")
        tasks = [asyncio.create_task(container.keep(policy)) for container in self.mains]
        await self._until_over_or_leaving(tasks, self.mains)
        await self._leaving.wait()  # a pod that has ended stays until somebody deletes it

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

    # ── what the API server is told ──────────────────────────────────────────────────────────────────

    def status(self) -> Json:
        """Return the pod's status as it is now."""
        inits, mains = [c.status() for c in self.inits], [c.status() for c in self.mains]
        value: Json = {"phase": phase(self.pod, inits, mains), "startTime": self._started, "podIP": self._address}
        value |= {"hostIP": self._addresses.host, "podIPs": [{"ip": self._address}], "containerStatuses": mains}
        if inits:
            value["initContainerStatuses"] = inits
        value["conditions"] = conditions(self.pod, inits, mains, stamp(clock.now()))
        return value

    async def _publish_for_ever(self) -> None:
        told: Json | None = None
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            if self._lost.is_set():
                return
            status = self.status()
            if status == told:
                continue
            try:
                self.update(await self._rest.patch(f"{self._path}/status", self._told(status)))
                told = status
            except Refused as refused:
                if refused.code in _GONE:
                    continue
                await self._later()
            except TROUBLE:
                await self._later()

    def _told(self, status: Json) -> Json:
        return {"metadata": {"uid": self.pod["metadata"]["uid"]}, "status": status}

    async def _later(self) -> None:
        await asyncio.sleep(_RETRY)
        self._dirty.set()

    async def _confirm_end(self) -> None:
        """Tell the API server that the pod has ended, and that it may go."""
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.pod["metadata"]["uid"]}}
        while True:
            try:
                with suppress(Refused):
                    await self._rest.patch(f"{self._path}/status", self._told(self.status()))
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
