"""Start passes over what is due, one at a time for each target.

Only what is running is kept in memory; what is due is in the store, so a restart loses nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from itertools import chain, zip_longest
from typing import TypeAlias

from bot import clock
from bot.domain.errors import Temporary
from bot.domain.registry import ModelVersion
from bot.domain.target import Target
from bot.rules.wording.reasons import plain
from bot.store.store import Store

log = logging.getLogger(__name__)

SWEEP = timedelta(seconds=5)
"""How often the store is asked what is due, even if every wake-up was lost."""
AT_ONCE = 8
"""Passes that run at the same time."""

Key: TypeAlias = Target | ModelVersion


class Dispatch:
    """Runs `reconcile` for whatever is due, never twice at once for the same key."""

    def __init__(self, store: Store, reconcile: Callable[[Key], Awaitable[None]]) -> None:
        self._store = store
        self._reconcile = reconcile
        self._running: dict[Key, asyncio.Task[None]] = {}
        self._dirty: set[Key] = set()
        self._woken = asyncio.Event()

    def wake(self, *keys: Key) -> None:
        """Run what is due now, and these targets whether they are due or not."""
        self._dirty.update(keys)
        self._woken.set()

    async def run(self) -> None:
        """Start passes as they become due, until cancelled; then let running passes finish."""
        try:
            while True:
                self._woken.clear()
                await self._start()
                nap = await self._nap()
                try:
                    async with asyncio.timeout(nap):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _start(self) -> None:
        due = await self._store.due(clock.now())
        for key in _in_turn(self._dirty, due):
            if key not in self._running and len(self._running) < AT_ONCE:
                self._dirty.discard(key)
                task = asyncio.create_task(self._run(key))
                self._running[key] = task
                task.add_done_callback(partial(self._done, key))

    def _done(self, key: Key, _task: asyncio.Task[None]) -> None:
        self._running.pop(key, None)
        self._woken.set()

    async def _run(self, key: Key) -> None:
        try:
            await self._reconcile(key)
        except Exception as error:
            if isinstance(error, Temporary):  # not a bug: most likely the database is unreachable
                why = plain(error.reason)
                log.error("%s: the pass failed: %s", key, why)  # noqa: TRY400  (a known error needs no traceback)
            else:
                log.exception("%s: the pass failed", key)
            with suppress(Temporary):
                await self._store.put_off(key, clock.now() + timedelta(seconds=30))

    async def _nap(self) -> float:
        """Return the seconds until something is due that is not running already."""
        if self._running and len(self._running) >= AT_ONCE:
            return SWEEP.total_seconds()
        wake = await self._store.next_wake(clock.now())
        left = (wake - clock.now()).total_seconds() if wake is not None else SWEEP.total_seconds()
        return min(max(left, 0.02), SWEEP.total_seconds())


def _in_turn(changed: Iterable[Key], due: Iterable[Key]) -> Iterable[Key]:
    """Return each key once, those of both kinds in turn: neither waits until all of the others are done."""
    both = chain.from_iterable(zip_longest(changed, due))
    return dict.fromkeys(key for key in both if key is not None)
