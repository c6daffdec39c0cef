"""Read request bodies within limits: the size and the time of each, and the size of all together."""

import asyncio
from typing import Final

from aiohttp import web

LARGEST: Final = 1 << 20
"""Bytes of one body."""
TOGETHER: Final = 16 << 20
"""Bytes of all bodies that are being read."""
WITHIN: Final = 10.0
"""Seconds that a client may take for a body."""


class Bodies:
    """The bodies that are being read, oldest first.

    If they need too much memory together, the oldest one times out: good clients send theirs in a moment.
    """

    def __init__(self, *, largest: int = LARGEST, together: int = TOGETHER, within: float = WITHIN) -> None:
        self._largest = largest
        self._together = together
        self._within = within
        self._reading: dict[asyncio.Timeout, bytearray] = {}

    async def read(self, request: web.Request) -> bytes:
        """Return a request's body.

        Raises:
            web.HTTPRequestEntityTooLarge: it is larger than one may be.
            web.RequestPayloadError: it is not packed as its headers say.
            TimeoutError: it did not arrive in time, or others need the memory.
        """
        body = bytearray()
        async with asyncio.timeout(self._within) as deadline:
            self._reading[deadline] = body
            try:
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > self._largest:
                        raise web.HTTPRequestEntityTooLarge(max_size=self._largest, actual_size=len(body))
                    self._make_room()
            finally:
                del self._reading[deadline]
        return bytes(body)

    def _make_room(self) -> None:
        excess = sum(map(len, self._reading.values())) - self._together
        for deadline, body in self._reading.items():
            if excess <= 0:
                return
            if not deadline.expired():
                deadline.reschedule(asyncio.get_running_loop().time())
            excess -= len(body)
