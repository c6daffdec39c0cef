"""The scheduler stops on request, whatever wakes it at that moment, and reports a pass that failed."""

import asyncio
from datetime import datetime
from typing import Any, cast

import pytest

from bot.domain.errors import Temporary
from bot.domain.reasons.lifecycle import NotProposedInTime
from bot.domain.target import Target
from bot.engine.scheduler import Dispatch, Key
from tests.fixtures.waiting import until


class Idle:
    """A store in which nothing is due."""

    async def due(self, now: datetime) -> tuple[Key, ...]:
        return ()

    async def next_wake(self, now: datetime) -> None:
        return None

    async def put_off(self, key: Key, until: datetime) -> None:
        """Nothing is due here anyway."""


@pytest.mark.parametrize("ticks", range(5))
async def test_a_wake_up_during_the_shutdown_does_not_delay_it(ticks: int) -> None:
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


async def test_a_pass_that_failed_is_reported_in_words(caplog: pytest.LogCaptureFixture) -> None:
    async def reconcile(_key: Key) -> None:
        raise Temporary(NotProposedInTime())

    dispatch = Dispatch(cast("Any", Idle()), reconcile)
    running = asyncio.create_task(dispatch.run())
    dispatch.wake(Target(model="iris", stage="production"))
    await until(lambda: "the pass failed" in caplog.text, "the failed pass in the log")
    running.cancel()
    await asyncio.wait({running}, timeout=1)
    assert "the pass failed: it could not be proposed in time" in caplog.text
