"""The whole world in one JSON object, and the stream that sends it anew whenever something has changed.

Every picture is whole, so a browser that missed some has lost nothing.  Pictures are coalesced: whatever happens within
0.3 s is one picture, and one that equals the last is not sent.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
from aiohttp import web

from bot.domain.errors import Temporary
from bot.domain.json import Json
from callboard_demo.page.sights import Sights

COALESCE = 0.3  # seconds between two pictures, at least
LOOK_AGAIN = 1.0  # seconds: ages, healths and promotions change without a call to anybody


class Picture:
    """Everything that the page shows."""

    def __init__(self, sights: Sights, training: Callable[[], list[Json]]) -> None:
        self._sights = sights
        self._training = training
        self._models: list[Json] = []

    async def take(self) -> Json:
        """Return the state of the world as docs/demo.md describes it."""
        models, promotions = await asyncio.gather(self._registry(), self._sights.bot.promotions())
        chat, forge, cluster = self._sights.chat.state(), self._sights.forge.state(), self._sights.cluster.state()
        return {
            **{part: chat[part] for part in ("channels", "people", "messages", "private", "commands")},
            "repository": forge["repository"],
            "pulls": forge["pulls"],
            "pods": cluster["pods"],
            "deployments": cluster["deployments"],
            "services": cluster["services"],
            "models": models,
            "training": self._training(),
            "promotions": promotions,
            "bot": self._sights.bot.state(),
            "faults": self._sights.faults.state(),
        }

    async def _registry(self) -> list[Json]:
        # A registry that does not answer at this moment: what was seen last stands.
        with suppress(aiohttp.ClientError, OSError, TimeoutError, Temporary):
            self._models = (await self._sights.registry.state())["models"]
        return self._models


class Stream:
    """Server-sent events: one whole picture on connect, then one per change."""

    def __init__(self, take: Callable[[], Awaitable[Json]]) -> None:
        self._take = take
        self._latest = b""
        self._watchers: dict[asyncio.Event, None] = {}
        self._dirty = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def wake(self) -> None:
        """Take a new picture soon.  Cheap; may be called as often as one likes."""
        self._dirty.set()

    async def start(self) -> None:
        """Begin to look for changes."""
        self._task = asyncio.create_task(self._look())

    async def close(self) -> None:
        """End every stream."""
        self._closing = True
        self._tell()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer GET /api/events with a picture per change.

        https://html.spec.whatwg.org/multipage/server-sent-events.html
        """
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        changed = asyncio.Event()
        self._watchers[changed] = None
        try:
            with suppress(ConnectionError):  # the browser went away: the ordinary end of a stream
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

    async def _look(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN):
                    await self._dirty.wait()
            self._dirty.clear()
            if self._watchers:
                await self._renew()
            await asyncio.sleep(COALESCE)

    async def _renew(self) -> None:
        picture = encode(await self._take())
        if picture != self._latest:
            self._latest = picture
            self._tell()

    def _tell(self) -> None:
        for changed in self._watchers:
            changed.set()


def encode(picture: Json) -> bytes:
    """Return a picture as one line of JSON (the stream's frames end at a line's end)."""
    return json.dumps(picture, separators=(",", ":"), default=str).encode()
