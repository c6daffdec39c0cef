"""The bodies of requests, within a size and a time each, and within an amount for all that are held together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request

TOGETHER: Final = 4
"""So many bodies of the largest size may be held at once, those that wait for their prediction included."""


class TooLong(Exception):
    """A body is larger than one may be."""


class Crowded(Exception):
    """There is no room for this body, for others hold it."""


@dataclass(eq=False, slots=True)
class _Held:
    """One body: as much of it as has come."""

    due: asyncio.Timeout
    content: bytearray = field(default_factory=bytearray)
    crowded: bool = False


class Bodies:
    """All bodies of which something has come, until their requests are answered.

    When they take too much room together, the time of the unfinished one that began first is over: good clients send
    theirs in a moment.
    """

    def __init__(self, *, largest: int, within: float) -> None:
        """Take the bytes of one body, and the seconds for it to come."""
        self._largest = largest
        self._within = within
        self._held: list[_Held] = []
        self._unfinished: list[_Held] = []

    @asynccontextmanager
    async def received(self, request: Request) -> AsyncIterator[bytes]:
        """Give the body of a request, and keep its room until the context ends.

        Raises:
            TooLong: it is too large; known from its headers, or as soon as so much has come.
            TimeoutError: it did not come in time.
            Crowded: there was no room for it.
            starlette.requests.ClientDisconnect: the client went away.
        """
        if int(request.headers.get("content-length", 0)) > self._largest:
            raise TooLong
        held = _Held(asyncio.timeout(self._within))
        self._held.append(held)
        try:
            yield await self._read(request, held)
        finally:
            self._held.remove(held)
            held.content.clear()  # at once: a traceback may keep it for a while

    async def _read(self, request: Request, held: _Held) -> bytes:
        self._unfinished.append(held)
        try:
            async with held.due:
                async for chunk in request.stream():
                    held.content += chunk
                    if len(held.content) > self._largest:
                        raise TooLong
                    self._make_room()
        except TimeoutError:
            if held.crowded:
                raise Crowded from None
            raise
        finally:
            self._unfinished.remove(held)
        return bytes(held.content)

    def _make_room(self) -> None:
        excess = sum(len(held.content) for held in self._held) - TOGETHER * self._largest
        for held in self._unfinished:
            if excess <= 0:
                return
            if not held.crowded:
                held.crowded = True
                held.due.reschedule(asyncio.get_running_loop().time())
            excess -= len(held.content)
