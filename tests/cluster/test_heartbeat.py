"""A silent API server is asked for a sign of life, for as long as the bot runs."""

import asyncio
from datetime import timedelta

import pytest

from bot.cluster.heartbeat import Heartbeat
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Reason
from bot.domain.reasons.cluster import NoAnswerYet
from tests.fixtures.waiting import until


@pytest.mark.parametrize("failure", [Temporary(NoAnswerYet()), Permanent(NoAnswerYet())])
async def test_it_asks_again_whatever_the_failure_was(
    failure: Temporary | Permanent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cluster.heartbeat.QUIET", timedelta(seconds=0.02))
    lost: list[Reason] = []

    async def ping(_within: timedelta) -> None:
        raise failure

    beating = asyncio.create_task(Heartbeat(ping, lost.append).run())
    await until(lambda: len(lost) > 2, "three failures in a row")
    beating.cancel()
    await asyncio.wait({beating})
    assert beating.cancelled()
