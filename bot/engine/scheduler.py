"""Who is due, and one running look at each.

In memory stands only what is running; what is due stands in the store, so a restart loses nothing.  A ring is a hint
that there is something to find there now.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TypeAlias

from bot import clock
from bot.domain.errors import Temporary
from bot.domain.registry import ModelVersion
from bot.domain.target import Pair
from bot.store.store import Store

log = logging.getLogger(__name__)

SWEEP = timedelta(seconds=5)
"""The store is asked what is due at least this often, whatever was lost."""
AT_ONCE = 8
"""Turns that run side by side."""

Key: TypeAlias = Pair | ModelVersion


class Dispatch:
    """Runs `turn` for whatever is due, never twice at once for the same key."""

    def __init__(self, store: Store, turn: Callable[[Key], Awaitable[None]]) -> None:
        self._store = store
        self._turn = turn
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._dirty: set[Key] = set()
        self._look = asyncio.Event()

    def ring(self, *keys: Key) -> None:
        """Look now at what is due, and at these whether they are due or not."""
        self._dirty.update(keys)
        self._look.set()

    async def run(self) -> None:
        """Start turns as they become due, until cancelled; then let those in hand finish."""
        try:
            while True:
                self._look.clear()
                await self._start()
                nap = await self._nap()
                try:
                    async with asyncio.timeout(nap):
                        await self._look.wait()
                except TimeoutError:
                    continue
        finally:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _start(self) -> None:
        due = await self._store.due(clock.now())
        for key in dict.fromkeys((*due, *self._dirty)):
            if key not in self._running and len(self._running) < AT_ONCE:
                self._dirty.discard(key)
                task = asyncio.create_task(self._look_at(key))
                self._running[key] = task
                task.add_done_callback(partial(self._done, key))

    def _done(self, key: Key, _task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        self._look.set()

    async def _look_at(self, key: Key) -> None:
        try:
            await self._turn(key)
        except Exception as error:
            if isinstance(error, Temporary):  # not a mistake of ours: most likely the record is away
                log.error("%s: the turn failed: %s", key, error)  # noqa: TRY400
            else:
                log.exception("%s: the turn failed", key)
            with suppress(Temporary):
                await self._store.put_off(key, clock.now() + timedelta(seconds=30))

    async def _nap(self) -> float:
        """Return the seconds until something is due that is not in hand already."""
        if self._running and len(self._running) >= AT_ONCE:
            return SWEEP.total_seconds()
        wake = await self._store.next_wake(clock.now())
        left = (wake - clock.now()).total_seconds() if wake is not None else SWEEP.total_seconds()
        return min(max(left, 0.02), SWEEP.total_seconds())
