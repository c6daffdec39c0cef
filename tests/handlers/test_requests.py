"""What a command stores: which promotion supersedes which, where a rollback leads, who may not."""

from collections.abc import AsyncIterator

import pytest

from bot.config.app_yaml import parse
from bot.domain.promotion import FactKind, Kind, State
from bot.domain.registry import ModelVersion
from bot.rules.release import gates
from bot.store.store import Store
from tests.fixtures.desk import NOON, TARGET, Desk
from tests.fixtures.reading import read

APP = """\
repository: acme/models-gitops
stages:
  staging: {approvals: 0, may_freeze: anyone}
  production:
    approvers: ["@captains"]
    requesters: ["@science", U0ALICE]
models: {iris: {}}
"""


@pytest.fixture
async def desk(record: str) -> AsyncIterator[Desk]:
    """Return a desk where v1 and then v2 were released to production, and v3 and v4 are known."""
    store = await Store.open(record)
    await store.mirror.see({"iris": {}})
    await store.mirror.meet([ModelVersion(model="iris", version=n) for n in (1, 2, 3, 4)], baseline=True, now=NOON)
    await store.groups.see("@captains", frozenset({"U0BOB"}), now=NOON)
    await store.groups.see("@science", frozenset({"U0DAVE"}), now=NOON)
    await store.baseline(TARGET, 1, now=NOON)
    desk = Desk(app=parse(APP), store=store)
    await desk.type("U0ALICE", "/promote iris production 2")
    await desk.reach(State.RELEASED)
    yield desk
    await store.close()


async def test_a_newer_version_takes_over_and_the_answer_says_from_which(desk: Desk) -> None:
    await desk.type("U0ALICE", "/promote iris production 3")
    said = await desk.type("U0DAVE", "/promote iris production 4")
    assert said == (
        "Started: `iris` v4 → `production` (promotion 3), replacing promotion 2 (v3). Updates in #ml-releases."
    )
    older = await desk.store.promotion(2)
    assert older is not None
    assert older.state is State.SUPERSEDED
    assert "Promotion 3 took its place" in read(await desk.answer("U0DAVE", "/promotions 2"))


async def test_an_older_version_does_not_take_over(desk: Desk) -> None:
    await desk.type("U0ALICE", "/promote iris production 4")
    said = await desk.type("U0ALICE", "/promote iris production 3")
    assert said.startswith("`iris` v4 is already on its way to `production` (promotion 2, requested by <@U0ALICE>).")
    assert (await desk.under_way()).version == 4


@pytest.mark.parametrize("state", [State.MERGING, State.ROLLING_OUT, State.VERIFYING])
async def test_nothing_new_takes_over_from_what_is_being_merged(desk: Desk, state: State) -> None:
    await desk.type("U0ALICE", "/promote iris production 3")
    await desk.reach(state)
    said = await desk.type("U0ALICE", "/promote iris production 4")
    assert "v3 is already being merged or rolled out to `production`" in said
    assert "`/rollback iris production` to roll back" in said


async def test_a_rollback_leads_to_the_previous_release(desk: Desk) -> None:
    await desk.type("U0BOB", "/rollback iris production")
    assert (await desk.under_way()).version == 1


async def test_a_rollback_supersedes_what_waits(desk: Desk) -> None:
    await desk.type("U0ALICE", "/promote iris production 3")
    assert "replacing promotion 2 (v3)" in await desk.type("U0BOB", "/rollback iris production")
    promotion = await desk.under_way()
    assert (promotion.kind, promotion.version) == (Kind.ROLLBACK, 1)


@pytest.mark.parametrize("state", [State.MERGING, State.SYNCING, State.ROLLING_OUT, State.VERIFYING, State.FAILED])
@pytest.mark.parametrize("version", ["", " 2"])
async def test_while_something_unverified_is_merged_a_rollback_leads_to_the_verified_release(
    desk: Desk, state: State, version: str
) -> None:
    await desk.type("U0ALICE", "/promote iris production 3")
    await desk.reach(state)
    assert "Started: " in await desk.type("U0BOB", f"/rollback iris production{version}")
    promotion = await desk.under_way()
    assert (promotion.kind, promotion.version) == (Kind.ROLLBACK, 2)


async def test_what_is_live_and_merged_is_not_rolled_back_to(desk: Desk) -> None:
    assert "already runs `iris` v2" in await desk.type("U0BOB", "/rollback iris production 2")
    await desk.type("U0ALICE", "/promote iris production 3")
    assert "already runs `iris` v2" in await desk.type("U0BOB", "/rollback iris production 2"), "v3 is not merged"


async def test_a_request_by_others_is_refused_and_nothing_is_stored(desk: Desk) -> None:
    said = await desk.type("U0MALLORY", "/promote iris production 3")
    assert said == "Only <@U0ALICE> and `@science` can promote `iris` to `production`. Nothing was changed."
    assert await desk.store.open_promotion(TARGET) is None
    assert "Started: " in await desk.type("U0DAVE", "/promote iris production 3")


async def test_an_override_is_recorded_with_the_request_and_its_reason(desk: Desk) -> None:
    await desk.store.groups.see("@science", frozenset({"U0BOB"}), now=NOON)
    said = await desk.type("U0BOB", '/promote iris production 3 --override "db is on fire"')
    holds = ", ".join(gates.overridable())
    assert said.endswith(f"Once it is approved, these gates no longer hold it up: {holds}. Reason: `db is on fire`.")
    assert {"freeze", "soak"} <= set(gates.overridable())
    assert await desk.facts() == [(FactKind.PROMOTE, ""), (FactKind.OVERRIDE, "db is on fire")]


async def test_who_may_ask_may_not_override_for_that(desk: Desk) -> None:
    said = await desk.type("U0ALICE", '/promote iris production 3 --override "now"')
    assert said == "Only `@captains` can override a hold on `production`. Nothing was changed."
    assert await desk.store.open_promotion(TARGET) is None


async def test_an_override_of_what_waits_already_is_said_of_that_once(desk: Desk) -> None:
    await desk.store.groups.see("@science", frozenset({"U0BOB"}), now=NOON)
    await desk.type("U0ALICE", "/promote iris production 3")
    words = "/promote iris production 3 --override now"
    assert "Promotion 2 is already under way. Once it is approved" in await desk.type("U0BOB", words, key="k")
    assert await desk.type("U0BOB", words, key="k") == "Already received."
    assert await desk.facts() == [(FactKind.PROMOTE, ""), (FactKind.OVERRIDE, "now")]


async def test_an_override_does_not_reach_what_is_being_merged(desk: Desk) -> None:
    await desk.store.groups.see("@science", frozenset({"U0BOB"}), now=NOON)
    await desk.type("U0ALICE", "/promote iris production 3")
    await desk.reach(State.MERGING)
    said = await desk.type("U0BOB", "/promote iris production 3 --override now")
    assert "is already being merged" in said
    assert await desk.facts() == [(FactKind.PROMOTE, "")]


@pytest.mark.parametrize(("by", "told"), [("U0ALICE", "is being cancelled"), ("U0BOB", "is being cancelled")])
async def test_who_asked_and_approvers_cancel(desk: Desk, by: str, told: str) -> None:
    await desk.type("U0ALICE", "/promote iris production 3")
    assert told in await desk.type(by, "/promotions cancel 2")


async def test_others_do_not_cancel(desk: Desk) -> None:
    await desk.type("U0ALICE", "/promote iris production 3")
    said = await desk.type("U0DAVE", "/promotions cancel 2")
    assert said == "Only <@U0ALICE> and `@captains` can cancel promotion 2. Nothing was changed."
    assert await desk.facts() == [(FactKind.PROMOTE, "")]


async def test_a_freeze_is_ordered_by_who_may_and_once(desk: Desk) -> None:
    assert await desk.type("U0ALICE", "/freeze production") == (
        "Only `@captains` can freeze or unfreeze `production`. Nothing was changed."
    )
    assert await desk.type("U0BOB", "/freeze production", key="k") == (
        "<@U0BOB> froze `production` until someone lifts it. No model is promoted there; rollbacks always work. "
        "`/freeze production off` lifts it."
    )
    assert await desk.type("U0BOB", "/freeze production", key="k") == "Already received."
    assert "froze `staging`" in await desk.type("U0ALICE", "/freeze STAGING for 1h")
    assert "so what waits there continues" in await desk.type("U0BOB", "/freeze production off")
    assert "is not frozen. `/freeze` lists what is" in await desk.type("U0BOB", "/freeze production off")
