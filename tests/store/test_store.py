"""The database: facts once, decisions by compare-and-set, one open promotion per target."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.domain.chat import Posted
from bot.domain.policy import Freeze
from bot.domain.promotion import FactKind, Kind, MessageStatus, PinnedStatus, PullStatus, Request, State
from bot.domain.reasons.lifecycle import Cancelled
from bot.domain.registry import ModelVersion
from bot.domain.target import Place, Target
from bot.rules.release.decision import Decision, Intent, Post
from bot.store import rows
from bot.store.engine import address, engine
from bot.store.rows import Overtaken
from bot.store.store import Store

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
TARGET = Target(model="iris", stage="production")
REQUEST = Request(target=TARGET, kind=Kind.PROMOTE, version=3, by="U0ALICE", at=NOON)
POSTED = Posted(channel="C1", ts="1.2")
PULL = PullStatus(number=7, url="https://forge/7", digest="d")
SHOWN = MessageStatus(posted=POSTED, digest="d")


async def test_a_target_has_at_most_one_open_promotion(store: Store) -> None:
    first = await store.ask(REQUEST, key="a")
    assert first == 1
    assert await store.ask(replace(REQUEST, kind=Kind.PROMOTE, version=2), key="b") is None
    assert (await store.open_promotion(TARGET)) == await store.promotion(1)


COUNTS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 300000) SELECT max(x) FROM c"
"""A statement that takes a tenth of a second to its first row."""


async def test_a_cancelled_transaction_releases_the_database(store: Store, record: str) -> None:
    """At once, and not only when the last of what the cancelled task remembers is collected."""
    other = engine(address(record))

    async def count() -> None:
        async with other.begin() as tx:
            await tx.execute(text(COUNTS))

    counting = asyncio.create_task(count())
    await asyncio.sleep(0.03)
    counting.cancel()
    with pytest.raises(asyncio.CancelledError) as cancelled:
        await counting
    async with asyncio.timeout(5):
        assert await store.ask(REQUEST, key="a") == 1
    assert cancelled.traceback, "it is remembered"
    await other.dispose()


async def test_a_pin_that_was_set_by_hand_came_into_git_as_a_merge_does(store: Store) -> None:
    assert await store.merged_last(TARGET) is None
    await store.ask(REQUEST, key="a")
    assert await store.merged_last(TARGET) is None
    pinned = PinnedStatus(digest="d", commit="c0ffee", promotion=9)
    proposed = Decision(state=State.PROPOSED, note={"pinned": pinned})
    await store.commit(await store.load(TARGET), proposed, now=NOON)
    found = await store.merged_last(TARGET)
    assert found is not None
    assert (found.id, found.status.pinned, found.digest) == (1, pinned, "d")


async def test_what_is_said_while_a_pin_is_adopted_is_heard_first(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    loaded = await store.load(TARGET)
    await store.wake(TARGET, NOON)
    with pytest.raises(Overtaken):
        await store.commit(loaded, Decision(state=State.SYNCING, adopts=True), now=NOON)


async def test_the_same_request_delivered_twice_is_one(store: Store) -> None:
    assert await store.ask(REQUEST, key="a") == 1
    assert await store.ask(replace(REQUEST, target=replace(TARGET, stage="staging")), key="a") is None
    assert await store.due(NOON) == (TARGET,)


async def test_a_decision_on_an_old_revision_is_refused_and_changes_nothing(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    loaded = await store.load(TARGET)
    await store.commit(loaded, Decision(state=State.PROPOSED), now=NOON)
    with pytest.raises(Overtaken):
        await store.commit(loaded, Decision(state=State.BLOCKED), now=NOON)
    promotion = await store.promotion(1)
    assert promotion is not None
    assert promotion.state is State.PROPOSED


async def test_a_fact_that_arrives_during_a_pass_starts_another_pass(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    loaded = await store.load(TARGET)
    await store.cancel(1, "U0ALICE", at=NOON, key="b")
    await store.commit(loaded, Decision(wake=timedelta(hours=1)), now=NOON)
    assert await store.due(NOON) == (TARGET,)
    await store.commit(await store.load(TARGET), Decision(wake=timedelta(hours=1)), now=NOON)
    assert await store.due(NOON) == ()


async def test_an_intent_stays_until_its_outcome_is_written_down(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    later = NOON + timedelta(seconds=1)
    acted = await store.commit(await store.load(TARGET), Decision(state=State.PROPOSED, action=Post()), now=later)
    loaded = await store.load(TARGET)
    assert (loaded.intent, loaded.intent_at) == (Intent.POST, later)
    again = await store.commit(loaded, Decision(action=Post()), now=later + timedelta(seconds=9))
    assert (await store.load(TARGET)).intent_at == later, "a repeated act looks for its first try"
    await store.outcome(again, {"message": SHOWN}, now=later)
    loaded = await store.load(TARGET)
    assert loaded.intent is None
    assert loaded.promotion is not None
    assert loaded.promotion.status.message == SHOWN
    with pytest.raises(Overtaken):
        await store.outcome(acted, {}, now=later)


async def test_a_message_shows_one_change(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    for ts, digest in (("1.2", "old"), ("3.4", "new")):
        decision = Decision(note={"pull": replace(PULL, digest=digest)}, action=Post())
        loaded = await store.commit(await store.load(TARGET), decision, now=NOON)
        await store.outcome(
            loaded, {"message": MessageStatus(posted=Posted(channel="C1", ts=ts), digest=digest)}, now=NOON
        )
    old, new = await store.messages.standing(POSTED), await store.messages.standing(Posted(channel="C1", ts="3.4"))
    assert old is not None
    assert new is not None
    assert (old.current, old.digest, new.current, new.digest) == (False, "old", True, "new")


async def test_messages_are_found_by_their_target_until_they_are_settled(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    loaded = await store.commit(await store.load(TARGET), Decision(action=Post()), now=NOON)
    await store.outcome(loaded, {"message": SHOWN}, now=NOON)
    assert [each.posted for each in await store.messages.unsettled({TARGET})] == [POSTED]
    assert await store.messages.unsettled({replace(TARGET, stage="staging")}) == ()
    await store.messages.confirm(POSTED, "form", settled=True)
    assert await store.messages.unsettled() == ()


async def test_only_what_is_merged_and_under_way_is_rolling_out(store: Store) -> None:
    place = Place(paths=("a.yaml",), namespace="models", workload="iris")
    await store.place(TARGET, place)
    await store.ask(REQUEST, key="a")
    assert await store.rolling_out() == ()
    await store.commit(await store.load(TARGET), Decision(state=State.SYNCING), now=NOON)
    assert await store.rolling_out() == ((TARGET, place),)
    await store.commit(await store.load(TARGET), Decision(state=State.RELEASED, reason=Cancelled()), now=NOON)
    assert await store.rolling_out() == ()


async def test_a_vote_is_stored_once_and_wakes_the_target(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    loaded = await store.commit(await store.load(TARGET), Decision(note={"pull": PULL}, action=Post()), now=NOON)
    await store.outcome(loaded, {"message": SHOWN}, now=NOON)
    await store.commit(await store.load(TARGET), Decision(), now=NOON)
    assert await store.due(NOON) == ()
    assert await store.vote(FactKind.APPROVE, "U0BOB", POSTED, at=NOON, now=NOON, how="reaction", key="e1")
    assert not await store.vote(FactKind.APPROVE, "U0BOB", POSTED, at=NOON, now=NOON, how="reaction", key="e1")
    assert [(f.kind, f.by, f.digest) for f in (await store.load(TARGET)).facts][1:] == [("approve", "U0BOB", "d")]
    assert await store.due(NOON) == (TARGET,)


async def test_a_vote_on_a_message_that_is_still_being_posted_is_not_lost(store: Store) -> None:
    elsewhere = Posted(channel="C1", ts="9.9")
    assert not await store.vote(FactKind.APPROVE, "U0BOB", POSTED, at=NOON, now=NOON, how="reaction", key="e0"), (
        "nothing is being posted"
    )
    await store.ask(REQUEST, key="a")
    loaded = await store.commit(await store.load(TARGET), Decision(note={"pull": PULL}, action=Post()), now=NOON)
    assert await store.vote(FactKind.APPROVE, "U0BOB", POSTED, at=NOON, now=NOON, how="reaction", key="e1")
    assert await store.vote(FactKind.APPROVE, "U0BOB", elsewhere, at=NOON, now=NOON, how="reaction", key="e2")
    await store.outcome(loaded, {"message": SHOWN}, now=NOON)
    said = (await store.load(TARGET)).facts[1:]
    assert [(f.kind, f.by, f.digest) for f in said] == [("approve", "U0BOB", "d")]


async def test_an_ended_promotion_without_a_message_still_needs_a_pass(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    await store.commit(await store.load(TARGET), Decision(state=State.BLOCKED, reason=Cancelled()), now=NOON)
    loaded = await store.load(TARGET)
    assert loaded.promotion is not None
    assert loaded.promotion.state is State.BLOCKED
    acted = await store.commit(loaded, Decision(action=Post()), now=NOON)
    await store.outcome(acted, {"message": SHOWN}, now=NOON)
    assert (await store.load(TARGET)).promotion is None


async def test_after_going_back_the_way_further_back_is_that_of_the_version_returned_to(store: Store) -> None:
    await store.baseline(TARGET, 1, now=NOON)
    for kind, version in ((Kind.PROMOTE, 2), (Kind.PROMOTE, 3), (Kind.ROLLBACK, 2)):
        await store.ask(replace(REQUEST, kind=kind, version=version), key=f"{kind}{version}")
        loaded = await store.load(TARGET)
        await store.commit(loaded, Decision(state=State.RELEASED, released=True, note={"message": SHOWN}), now=NOON)
        acted = await store.commit(await store.load(TARGET), Decision(action=Post()), now=NOON)
        await store.outcome(acted, {"message": MessageStatus(posted=Posted(channel="C", ts=str(version)))}, now=NOON)
    release = await store.release(TARGET)
    assert release is not None
    assert (release.version, release.previous) == (2, 1)


async def test_a_verified_digest_is_known_on_the_next_stage(store: Store) -> None:
    staging = replace(REQUEST, target=replace(TARGET, stage="staging"))
    await store.ask(staging, key="a")
    released = Decision(state=State.RELEASED, released=True, note={"verified_digest": "sha256:33"})
    await store.commit(await store.load(staging.target), released, now=NOON)
    await store.ask(REQUEST, key="b")
    assert (await store.load(TARGET)).digest == "sha256:33"


async def test_a_failure_and_the_way_back_are_one_transaction(store: Store) -> None:
    await store.baseline(TARGET, 2, now=NOON)
    await store.ask(REQUEST, key="a")
    back = replace(REQUEST, kind=Kind.ROLLBACK, version=2, by="callboard", automatic=True)
    await store.commit(await store.load(TARGET), Decision(state=State.FAILED, start=back), now=NOON)
    failed, opened = await store.promotion(1), await store.promotion(2)
    assert failed is not None
    assert opened is not None
    assert (failed.state, failed.status.followup, opened.kind, opened.version) == ("failed", 2, "rollback", 2)


async def test_versions_of_the_first_start_are_never_announced(store: Store) -> None:
    assert await store.mirror.blank()
    one, two = ModelVersion(model="iris", version=1), ModelVersion(model="iris", version=2)
    assert await store.mirror.meet([one], baseline=True, now=NOON) == 1
    assert await store.due(NOON) == ()
    assert await store.mirror.meet([one, two], baseline=False, now=NOON) == 1
    assert await store.due(NOON) == (two,)
    assert await store.mirror.notice(one, at=NOON, key="d1")
    assert await store.due(NOON) == (two,)
    assert await store.mirror.known_versions("iris") == (2, 1)


async def test_a_newer_version_takes_over_the_pull_request_and_the_older_message_says_so(store: Store) -> None:
    assert await store.ask(REQUEST, key="a") == 1
    loaded = await store.commit(await store.load(TARGET), Decision(action=Post()), now=NOON)
    await store.outcome(loaded, {"pull": PULL}, now=NOON)
    before = await store.load(TARGET)
    assert await store.ask(replace(REQUEST, version=REQUEST.version + 1), key="b") == 2
    old, new = await store.promotion(1), await store.promotion(2)
    assert old is not None
    assert new is not None
    assert (old.state, old.status.followup) == (State.SUPERSEDED, 2)
    assert (new.state, new.status.pull) == (State.CHECKING, PullStatus(number=PULL.number, url=PULL.url))
    with pytest.raises(Overtaken):
        await store.commit(before, Decision(state=State.MERGING), now=NOON)


async def test_a_vote_that_arrives_between_evidence_and_the_decision_to_merge_comes_first(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    loaded = await store.commit(await store.load(TARGET), Decision(note={"pull": PULL}, action=Post()), now=NOON)
    await store.outcome(loaded, {"message": SHOWN}, now=NOON)
    looked = await store.load(TARGET)
    await store.vote(FactKind.WITHDRAW, "U0BOB", POSTED, at=NOON, now=NOON, key="e1", how="reaction")
    with pytest.raises(Overtaken):
        await store.commit(looked, Decision(state=State.MERGING), now=NOON)
    await store.commit(await store.load(TARGET), Decision(state=State.MERGING), now=NOON)


@pytest.mark.parametrize("verb", ["UPDATE facts SET by = 'me'", "DELETE FROM facts", "DELETE FROM transitions"])
async def test_facts_and_transitions_can_only_be_added(store: Store, verb: str, record: str) -> None:
    await store.ask(REQUEST, key="a")
    database = engine(address(record))
    with pytest.raises(DBAPIError, match="append-only"):
        async with database.begin() as tx:
            await tx.exec_driver_sql(verb)
    await database.dispose()


async def test_what_no_database_keeps_is_left_out_and_what_is_long_or_large_is_kept(store: Store) -> None:
    long = replace(REQUEST, target=replace(TARGET, model="m" * 256), version=2**53, by="U0\0ALICE")
    number = await store.ask(long, key="k" * 300)
    assert number is not None
    promotion = await store.promotion(number)
    assert promotion is not None
    assert (promotion.target, promotion.version, promotion.requested_by) == (long.target, 2**53, "U0ALICE")


async def test_simultaneous_requests_open_one_promotion(store: Store) -> None:
    asked = await asyncio.gather(*(store.ask(replace(REQUEST, version=2 + n), key=f"k{n}") for n in range(8)))
    assert len([number for number in asked if number is not None]) >= 1
    assert len([promotion for promotion in await store.promotions() if promotion.state.open]) == 1


async def test_a_veto_after_the_end_is_work_until_it_is_answered(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    loaded = await store.commit(await store.load(TARGET), Decision(note={"pull": PULL}, action=Post()), now=NOON)
    await store.outcome(loaded, {"message": SHOWN}, now=NOON)
    await store.vote(FactKind.VETO, "U0BOB", POSTED, at=NOON, now=NOON, key="e1", how="reaction")
    await store.commit(await store.load(TARGET), Decision(state=State.REJECTED), now=NOON)
    assert (await store.load(TARGET)).promotion is None, "that veto was counted"
    await store.vote(FactKind.VETO, "U0CAROL", POSTED, at=NOON, now=NOON, key="e2", how="reaction")
    late = await store.load(TARGET)
    assert late.promotion is not None
    await store.mark_answered(next(f.id for f in late.facts if not f.answered), now=NOON)
    assert (await store.load(TARGET)).promotion is None


async def test_a_freeze_is_ordered_and_lifted_once(store: Store) -> None:
    order = Freeze(stage="production", until=None, reason="holidays", by="U0BOB")
    assert await store.freezes.freeze(order, at=NOON, key="f1")
    assert not await store.freezes.freeze(order, at=NOON, key="f1")
    assert await store.freezes.of_stage("production") == order
    assert await store.freezes.thaw("production", "U0BOB", at=NOON, key="f2")
    assert not await store.freezes.thaw("production", "U0BOB", at=NOON, key="f3")
    assert await store.freezes.all() == ()


async def test_a_message_that_somebody_deleted_is_posted_again(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    loaded = await store.commit(await store.load(TARGET), Decision(note={"pull": PULL}, action=Post()), now=NOON)
    await store.outcome(loaded, {"message": SHOWN}, now=NOON)
    await store.commit(await store.load(TARGET), Decision(), now=NOON)
    promotion = await store.promotion(1)
    assert promotion is not None
    await store.messages.unpost(promotion, POSTED, now=NOON)
    again = (await store.load(TARGET)).promotion
    assert again is not None
    assert again.status.message is None
    assert await store.due(NOON) == (TARGET,)
    assert await store.messages.unsettled() == (), "nobody edits what is gone"


async def test_votes_are_ordered_by_when_they_were_given_whenever_they_arrive(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    loaded = await store.commit(await store.load(TARGET), Decision(note={"pull": PULL}, action=Post()), now=NOON)
    await store.outcome(loaded, {"message": SHOWN}, now=NOON)
    late, said = NOON + timedelta(seconds=2), NOON + timedelta(seconds=1)
    await store.vote(FactKind.WITHDRAW, "U0BOB", POSTED, at=late, now=NOON, key="e2", how="reaction")
    await store.vote(FactKind.APPROVE, "U0BOB", POSTED, at=said, now=NOON, key="e1", how="reaction")
    kinds = [fact.kind for fact in (await store.load(TARGET)).facts]
    assert kinds == [FactKind.PROMOTE, FactKind.APPROVE, FactKind.WITHDRAW]


async def test_the_longest_waiting_key_comes_first_whether_target_or_version(store: Store) -> None:
    await store.ask(REQUEST, key="a")
    new = ModelVersion(model="iris", version=4)
    await store.mirror.notice(new, at=NOON - timedelta(seconds=1), key="h")
    assert await store.due(NOON) == (new, TARGET)
    await store.mirror.postpone(new, NOON + timedelta(seconds=1))
    assert await store.due(NOON + timedelta(seconds=1)) == (TARGET, new)


async def test_a_database_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "callboard.db"
    file.touch(0o644)
    store = await Store.open(f"sqlite:///{file}")
    modes = {found.name.removeprefix(file.name): oct(found.stat().st_mode & 0o777) for found in tmp_path.iterdir()}  # noqa: ASYNC240  (a test may block)
    assert modes == {"": "0o600", "-shm": "0o600", "-wal": "0o600"}
    await store.close()


def test_a_place_that_was_stored_before_configmaps_were_read_is_in_none() -> None:
    old = {"paths": ["a.yaml"], "namespace": "models", "workload": "iris", "kind": ["apps", "Deployment"]}
    place = Place(paths=("a.yaml",), namespace="models", workload="iris", kind=("apps", "Deployment"))
    assert rows.as_place(old) == place
    assert rows.as_place(msgspec.to_builtins(replace(place, in_configmap=True))) == replace(place, in_configmap=True)
