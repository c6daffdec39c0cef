"""Dispatch ends when it is told to, whatever wakes it at that moment."""

import asyncio
from datetime import datetime
from typing import Any, cast

import pytest

from bot.engine.scheduler import Dispatch, Key


class Idle:
    """A store in which nothing is due."""

    async def due(self, now: datetime) -> tuple[Key, ...]:
        return ()

    async def next_wake(self, now: datetime) -> None:
        return None


@pytest.mark.parametrize("ticks", range(5))
async def test_who_rings_while_it_is_told_to_end_does_not_keep_it(ticks: int) -> None:
    async def reconcile(key: Key) -> None:
        raise AssertionError(key)

    dispatch = Dispatch(cast("Any", Idle()), reconcile)
    running = asyncio.create_task(dispatch.run())
    await asyncio.sleep(0.01)
    dispatch.wake()
    for _ in range(ticks):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running}, timeout=1)
    assert running.cancelled()
