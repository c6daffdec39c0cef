"""The whole state in one JSON object, and the stream that sends it after every change.

Each event has the whole state, so a browser that misses some loses nothing.  Changes within 0.3 s are sent together,
and an unchanged state is not sent again.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
from aiohttp import web

from bot.domain.json import Json
from callboard_demo.page.systems import Systems

COALESCE = 0.3  # the least number of seconds between two events
POLL = 1.0  # seconds; ages, health and promotions change without a callback


class PageState:
    """Reads everything that the page shows."""

    def __init__(self, systems: Systems, training: Callable[[], list[Json]]) -> None:
        self._systems = systems
        self._training = training
        self._models: list[Json] = []

    async def read(self) -> Json:
        """Return the state that docs/demo.md describes."""
        models, promotions = await asyncio.gather(self._registry(), self._systems.bot.promotions())
        chat, forge, cluster = self._systems.chat.state(), self._systems.forge.state(), self._systems.cluster.state()
        return {
            **{part: chat[part] for part in ("channels", "people", "messages", "private", "commands")},
            "repository": forge["repository"],
            "pulls": forge["pulls"],
            "pods": cluster["pods"],
            "workloads": cluster["workloads"],
            "services": cluster["services"],
            "models": models,
            "training": self._training(),
            "promotions": promotions,
            "bot": self._systems.bot.state(),
            "faults": self._systems.faults.state(),
        }

    async def _registry(self) -> list[Json]:
        # If the registry does not respond, keep its last state.
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            self._models = (await self._systems.registry.state())["models"]
        return self._models


class Stream:
    """Server-sent events: the whole state on connect, and after every change."""

    def __init__(self, read: Callable[[], Awaitable[Json]]) -> None:
        self._read = read
        self._latest = b""
        self._watchers: dict[asyncio.Event, None] = {}
        self._dirty = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def wake(self) -> None:
        """Read the state again soon.  Cheap; may be called any number of times."""
        self._dirty.set()

    async def start(self) -> None:
        """Start to watch for changes."""
        self._task = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Close every stream."""
        self._closing = True
        self._notify()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve GET /api/events: the state after every change.

        https://html.spec.whatwg.org/multipage/server-sent-events.html
        """
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        changed = asyncio.Event()
        self._watchers[changed] = None
        try:
            with suppress(ConnectionError):  # the browser disconnected, as every stream ends
                await self._send(response, changed)
        finally:
            del self._watchers[changed]
        return response

    async def _send(self, response: web.StreamResponse, changed: asyncio.Event) -> None:
        await self._renew()
        while not self._closing:
            changed.clear()
            await response.write(b"data: " + self._latest + b"\n\n")
            await changed.wait()

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self._dirty.wait()
            self._dirty.clear()
            if self._watchers:
                await self._renew()
            await asyncio.sleep(COALESCE)

    async def _renew(self) -> None:
        state = encode(await self._read())
        if state != self._latest:
            self._latest = state
            self._notify()

    def _notify(self) -> None:
        for changed in self._watchers:
            changed.set()


def encode(state: Json) -> bytes:
    """Return the state as one line of JSON (a line break would end the event)."""
    return json.dumps(state, separators=(",", ":"), default=str).encode()
