"""The scheduler stops on request, whatever wakes it at that moment, and reports a pass that failed."""

import asyncio
from datetime import datetime
from typing import Any, cast

import pytest
from typing_extensions import override

from bot.domain.errors import Temporary
from bot.domain.reasons.lifecycle import NotProposedInTime
from bot.domain.target import Target
from bot.engine.scheduler import AT_ONCE, Dispatch, Key
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


class Herd(Idle):
    """A store in which very many targets are due."""

    @override
    async def due(self, now: datetime) -> tuple[Key, ...]:
        return tuple(Target(model=f"m{number}", stage="production") for number in range(100))


async def test_what_was_woken_and_what_is_due_have_their_turns() -> None:
    began: list[Key] = []

    async def reconcile(key: Key) -> None:
        began.append(key)
        await asyncio.Event().wait()

    dispatch = Dispatch(cast("Any", Herd()), reconcile)
    woken = [Target(model=f"woken{number}", stage="production") for number in range(20)]
    dispatch.wake(*woken)
    running = asyncio.create_task(dispatch.run())
    await until(lambda: len(began) == AT_ONCE, "as many passes as may run at once")
    running.cancel()
    assert len(set(began) & set(woken)) == AT_ONCE // 2
    for task in asyncio.all_tasks():
        if task is not asyncio.current_task():
            task.cancel()
    await asyncio.wait({running}, timeout=1)
