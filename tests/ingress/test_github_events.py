"""Which targets an event from GitHub wakes: all of them, or that of the one commit that it is about."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.config.app_yaml import parse
from bot.domain.promotion import Kind, PullStatus, Request
from bot.domain.target import Target
from bot.rules.release.decision import Decision
from bot.store.store import Store
from handlers.pulls import heard

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
IRIS, CHURN = (Target(model=model, stage="production") for model in ("iris", "churn"))
HEADS = {IRIS: "a" * 40, CHURN: "c" * 40}
APP = parse("repository: acme/models-gitops\nstages: {production: {}}\nchannel: '#ml'\n")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """Yield a record with two proposed promotions that wait for people."""
    store = await Store.open(f"sqlite:///{tmp_path}/callboard.db")
    for target, head in HEADS.items():
        request = Request(target=target, kind=Kind.PROMOTE, version=3, by="U0ALICE", at=NOON)
        assert await store.ask(request, key=target.model)
        waiting = Decision(
            note={"pull": PullStatus(number=7, url="https://forge/7", head=head)}, wake=timedelta(days=1)
        )
        await store.commit(await store.load(target), waiting, now=NOON)
    yield store
    await store.close()


async def woken(store: Store, event: str, body: str) -> set[object]:
    await heard(body.encode(), {"X-GitHub-Event": event}, APP, store, NOON)
    return set(await store.due(LATER))


@pytest.mark.parametrize("event", ["status", "check_run"])
async def test_an_event_of_a_commit_wakes_those_whose_head_it_is(store: Store, event: str) -> None:
    assert await woken(store, event, '{"sha": "' + "b" * 40 + '"}') == set()
    assert await woken(store, event, '{"sha": "' + HEADS[IRIS] + '"}') == {IRIS}


@pytest.mark.parametrize("event", ["push", "pull_request", "something_new"])
async def test_any_other_event_wakes_all(store: Store, event: str) -> None:
    assert await woken(store, event, "{}") == {IRIS, CHURN}
