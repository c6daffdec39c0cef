"""Versions that wait together are grouped once, whatever happens in between."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from bot.domain.chat import Posted
from bot.domain.registry import ModelVersion
from bot.store.mirror import Mirror, Pending
from bot.store.store import Store

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
THOSE = tuple(ModelVersion(model="iris", version=number) for number in range(1, 5))


@pytest_asyncio.fixture
async def mirror(record: str) -> AsyncIterator[Mirror]:
    store = await Store.open(record)
    await store.mirror.meet(THOSE, baseline=False, now=NOON)
    yield store.mirror
    await store.close()


async def together(mirror: Mirror, what: ModelVersion, *, more_than: int = 2) -> tuple[ModelVersion, ...]:
    return await mirror.together(what, lambda model: model == "iris", more_than=more_than, now=NOON)


async def looked_at(mirror: Mirror, what: ModelVersion) -> Pending:
    heard = await mirror.pending(what)
    assert heard is not None
    return heard


async def test_few_are_announced_one_by_one(mirror: Mirror) -> None:
    assert await together(mirror, THOSE[0], more_than=4) == ()


async def test_many_are_bound_together_whichever_is_looked_at_and_again_after_a_restart(mirror: Mirror) -> None:
    assert await together(mirror, THOSE[2]) == THOSE
    late = ModelVersion(model="iris", version=9)
    await mirror.meet([late], baseline=False, now=NOON)
    assert await together(mirror, THOSE[1]) == THOSE
    assert await together(mirror, late) == ()


async def test_one_that_is_being_announced_is_none_of_many_and_one_of_many_is_not_announced_alone(
    mirror: Mirror,
) -> None:
    first, last = await looked_at(mirror, THOSE[0]), await looked_at(mirror, THOSE[3])
    assert await mirror.intend(last, now=NOON)
    assert await together(mirror, THOSE[0]) == THOSE[:3]
    assert not await mirror.intend(first, now=NOON)


async def test_an_intent_without_an_outcome_is_taken_up_again(mirror: Mirror) -> None:
    assert await mirror.intend(await looked_at(mirror, THOSE[0]), now=NOON)
    again = await looked_at(mirror, THOSE[0])
    assert await mirror.intend(again, now=NOON + timedelta(minutes=1))
    assert (await looked_at(mirror, THOSE[0])).intent_at == NOON


async def test_what_was_told_as_one_of_many_since_it_was_looked_at_is_not_told_alone(mirror: Mirror) -> None:
    those = await together(mirror, THOSE[0])
    second = await looked_at(mirror, THOSE[1])
    await mirror.announced_together(those, Posted(channel="C1", ts="1.0"), "form", wake=(), now=NOON)
    assert not await mirror.intend(second, now=NOON)


async def test_what_was_announced_together_is_complete(mirror: Mirror) -> None:
    posted = Posted(channel="C1", ts="1.0")
    await mirror.announced_together(await together(mirror, THOSE[0]), posted, "form", wake=(), now=NOON)
    heard = [await mirror.pending(what) for what in THOSE]
    assert {(one.posted, one.complete) for one in heard if one is not None} == {(posted, True)}


async def test_a_version_that_was_heard_of_before_it_was_there_is_looked_at_once_it_is(mirror: Mirror) -> None:
    early = ModelVersion(model="iris", version=7)
    await mirror.notice(early, at=NOON, key="delivery")
    await mirror.postpone(early, None)  # the registry does not know it
    assert await mirror.meet([early], baseline=False, now=NOON) == 1
    assert await mirror.meet([early], baseline=False, now=NOON) == 0
    assert early.version in await mirror.known_versions("iris")
