"""Whether a silent API server still works: it may hang while every connection to it stays open.

What it sends is a sign of life, so a busy one is never asked.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Reason

QUIET: Final = timedelta(seconds=8)
"""How long the server may be silent until it is asked for a sign of life, and how long it may take to give one."""


class Heartbeat:
    """The signs of life of one API server."""

    def __init__(self, ping: Callable[[timedelta], Awaitable[None]], lost: Callable[[Reason], None]) -> None:
        """Take what asks, and raises Temporary or Permanent without an answer, and what is told then."""
        self._ping = ping
        self._lost = lost
        self._heard = -math.inf

    def hear(self) -> None:
        """Take note of a sign of life."""
        self._heard = asyncio.get_running_loop().time()

    async def run(self) -> None:
        """Ask whenever the server has been silent for long enough, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(max(self._heard + QUIET.total_seconds() - loop.time(), QUIET.total_seconds() / 4))
            if loop.time() - self._heard < QUIET.total_seconds():
                continue
            try:
                await self._ping(QUIET)
            except (Temporary, Permanent) as error:
                self._lost(error.reason)
                await asyncio.sleep(QUIET.total_seconds())
            else:
                self.hear()
