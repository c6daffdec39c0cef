"""The cluster's kube-proxy: each port of a Service is a loopback port, and each connection goes to one pod.

Connections are balanced, not requests: an open connection stays with its pod until either side closes it, while new
ones go elsewhere.  As on a real cluster, where updates pass through two controllers and a batch, the proxy learns of
pod changes late: until then it still connects to terminating pods, and not yet to new ones.  Not here: the choice of
pods (`endpoints.py`), UDP, session affinity.  A real node refuses connections to a Service without endpoints; this
proxy accepts and closes them at once.
"""

import asyncio
import itertools
import socket
from collections.abc import Coroutine
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from bot.domain.json import Json
from callboard_demo.children import bind
from callboard_demo.cluster.endpoints import Endpoint, endpoints
from callboard_demo.cluster.resources import PODS, SERVICES
from callboard_demo.cluster.storage import Storage, StoredChange


class Port(NamedTuple):
    """A port of a Service."""

    namespace: str
    service: str
    number: int


class _Listener(NamedTuple):
    address: str
    serving: asyncio.Task[None]


class ServiceProxy:
    """The Services of a cluster, on this machine's loopback interface."""

    def __init__(self, storage: Storage) -> None:
        self.lag = timedelta(seconds=1)
        """The delay before it learns of a change."""
        self._storage = storage
        self._latest: dict[Port, tuple[Endpoint, ...]] = {}
        self._known = self._latest
        self._listeners: dict[Port, _Listener] = {}
        self._turns = itertools.count()
        self._news: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Open a port for every existing Service, and then for each new one."""
        self._latest = self._now()
        self._update(self._latest)
        self._storage.on_change.append(self._noticed)

    async def close(self) -> None:
        """Close every port and every connection."""
        self._storage.on_change.remove(self._noticed)
        for news in self._news:
            news.cancel()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def address(self, namespace: str, service: str, port: int) -> str | None:
        """Return the address of a Service as `host:port`; None until the proxy knows of it."""
        listener = self._listeners.get(Port(namespace, service, port))
        return listener and listener.address

    def state(self) -> list[Json]:
        """Return all Services for the page, as JSON."""
        listeners = sorted(self._listeners.items())
        return [
            {"name": port.service, "namespace": port.namespace, "port": port.number, "address": listener.address}
            for port, listener in listeners
        ]

    # ── endpoints ─────────────────────────────────────────────────────────────────────────────────────

    def _now(self) -> dict[Port, tuple[Endpoint, ...]]:
        pods = self._storage.of_kind(PODS)
        services = [(each["metadata"], endpoints(each, pods)) for each in self._storage.of_kind(SERVICES)]
        return {Port(m["namespace"], m["name"], port): to for m, ports in services for port, to in ports.items()}

    def _noticed(self, change: StoredChange) -> None:
        if change.key.group or change.key.plural not in {PODS.plural, SERVICES.plural}:
            return
        now = self._now()
        if now == self._latest:
            return
        self._latest = now

        def arrive() -> None:
            self._news.discard(timer)
            self._update(now)

        timer = asyncio.get_running_loop().call_later(self.lag.total_seconds(), arrive)
        self._news.add(timer)

    def _update(self, now: dict[Port, tuple[Endpoint, ...]]) -> None:
        self._known = now
        for port in self._listeners.keys() - now.keys():
            self._listeners.pop(port).serving.cancel()
        for port in now.keys() - self._listeners.keys():
            self._listeners[port] = self._opened(port)

    def _opened(self, port: Port) -> _Listener:
        listener = bind(0)
        host, number = listener.getsockname()
        serving = self._do(self._serve(port, listener))
        serving.add_done_callback(lambda _: listener.close())
        return _Listener(f"{host}:{number}", serving)

    async def _serve(self, port: Port, listener: socket.socket) -> None:
        async with await asyncio.start_server(partial(self._taken, port), sock=listener) as server:
            await server.serve_forever()

    # ── connections ───────────────────────────────────────────────────────────────────────────────────

    def _do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _taken(self, port: Port, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._do(self._pass_on(port, reader, writer))

    async def _pass_on(self, port: Port, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = self._known.get(port)
        with closing(writer):
            if not behind:
                return
            try:
                there, back = await asyncio.open_connection(*behind[next(self._turns) % len(behind)])
                with closing(back):
                    async with asyncio.TaskGroup() as both:
                        both.create_task(_copy(reader, back))
                        both.create_task(_copy(there, writer))
            except* OSError:
                pass  # one side has closed or was unreachable: close the other too


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()
