"""Request bodies: limits for the size and time of each, and for the memory of all together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request

TOGETHER: Final = 4
"""How many bodies of the largest size may be in memory at once, including those that wait for their prediction."""


class TooLong(Exception):
    """The body is too large."""


class Crowded(Exception):
    """There is no memory for this body, because others use it."""


@dataclass(eq=False, slots=True)
class _Held:
    """The part of a body that has arrived."""

    due: asyncio.Timeout
    content: bytearray = field(default_factory=bytearray)
    crowded: bool = False


class Bodies:
    """All bodies that are arriving or in use, until their requests are answered.

    If they take too much memory together, the oldest unfinished one is dropped: well-behaved clients send theirs
    quickly.
    """

    def __init__(self, *, largest: int, within: float) -> None:
        """`largest` is the limit of a body in bytes, `within` the seconds for it to arrive."""
        self._largest = largest
        self._within = within
        self._held: list[_Held] = []
        self._unfinished: list[_Held] = []

    @asynccontextmanager
    async def received(self, request: Request) -> AsyncIterator[bytes]:
        """Yield the body of a request; its memory stays reserved until the context ends.

        Raises:
            TooLong: it is too large, by its headers or by what has arrived.
            TimeoutError: it did not arrive in time.
            Crowded: there was no memory for it.
            starlette.requests.ClientDisconnect: the client disconnected.
        """
        if int(request.headers.get("content-length", 0)) > self._largest:
            raise TooLong
        held = _Held(asyncio.timeout(self._within))
        self._held.append(held)
        try:
            yield await self._read(request, held)
        finally:
            self._held.remove(held)
            held.content.clear()  # free it at once: a traceback may keep the object alive

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
