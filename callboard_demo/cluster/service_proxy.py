"""What kube-proxy is to a real node: each port of a Service is a loopback port, and each connection goes to one pod.

A connection, not a request, is balanced: one that stands stays with its pod until either of them ends it, though new
ones go elsewhere.  The proxy hears late of what happens to pods, as on a real cluster, where the news takes two
controllers and a batch: for so long it sends connections to pods that are going, and none to those that have come.
Not here: which pods those are (`endpoints.py`), UDP, session affinity.  Where a real node refuses a connection (there
is nobody behind the Service), this one takes it and ends it at once.
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
    """One port of one Service."""

    namespace: str
    service: str
    number: int


class _Door(NamedTuple):
    address: str
    serving: asyncio.Task[None]


class ServiceProxy:
    """The Services of a cluster, on this machine's loopback."""

    def __init__(self, storage: Storage) -> None:
        self.lag = timedelta(seconds=1)
        """How late it hears of what happens from now on."""
        self._storage = storage
        self._said: dict[Port, tuple[Endpoint, ...]] = {}
        self._heard = self._said
        self._doors: dict[Port, _Door] = {}
        self._turns = itertools.count()
        self._news: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Open a port for every Service there is, and from then on for those that come."""
        self._said = self._now()
        self._hear(self._said)
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
        """Return where a Service is called, as `host:port`; None as long as the proxy has not heard of it."""
        door = self._doors.get(Port(namespace, service, port))
        return door and door.address

    def state(self) -> list[Json]:
        """Return the picture of all Services for the page, as JSON."""
        doors = sorted(self._doors.items())
        return [{"name": p.service, "namespace": p.namespace, "port": p.number, "address": d.address} for p, d in doors]

    # ── who stands behind what ───────────────────────────────────────────────────────────────────────

    def _now(self) -> dict[Port, tuple[Endpoint, ...]]:
        pods = self._storage.of_kind(PODS)
        services = [(each["metadata"], endpoints(each, pods)) for each in self._storage.of_kind(SERVICES)]
        return {Port(m["namespace"], m["name"], port): to for m, ports in services for port, to in ports.items()}

    def _noticed(self, change: StoredChange) -> None:
        if change.key.group or change.key.plural not in {PODS.plural, SERVICES.plural}:
            return
        now = self._now()
        if now == self._said:
            return
        self._said = now

        def arrive() -> None:
            self._news.discard(timer)
            self._hear(now)

        timer = asyncio.get_running_loop().call_later(self.lag.total_seconds(), arrive)
        self._news.add(timer)

    def _hear(self, now: dict[Port, tuple[Endpoint, ...]]) -> None:
        self._heard = now
        for port in self._doors.keys() - now.keys():
            self._doors.pop(port).serving.cancel()
        for port in now.keys() - self._doors.keys():
            self._doors[port] = self._opened(port)

    def _opened(self, port: Port) -> _Door:
        listener = bind(0)
        host, number = listener.getsockname()
        serving = self._do(self._serve(port, listener))
        serving.add_done_callback(lambda _: listener.close())
        return _Door(f"{host}:{number}", serving)

    async def _serve(self, port: Port, listener: socket.socket) -> None:
        async with await asyncio.start_server(partial(self._taken, port), sock=listener) as server:
            await server.serve_forever()

    # ── connections ──────────────────────────────────────────────────────────────────────────────────

    def _do(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _taken(self, port: Port, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._do(self._pass_on(port, reader, writer))

    async def _pass_on(self, port: Port, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = self._heard.get(port)
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
                pass  # one of the two has hung up, or was not there: so does the proxy on the other


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()
