"""An approved commit is stored before GitHub is told, and until it is merged or revoked."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.promotion import Approval, ApprovalState, FactKind, Kind, MessageStatus, PullStatus, State
from bot.domain.reasons.approval import ApprovedInSlack, HeadMoved
from bot.rules.release.decision import Decision, Merge, Post, Report, Revoke
from bot.store.rows import Overtaken
from bot.store.store import Loaded, Store
from tests.store.test_store import NOON, POSTED, REQUEST, TARGET

SUCCESS = Approval(head="a", state=ApprovalState.SUCCESS, reason=ApprovedInSlack())
PENDING = Report(approval=replace(SUCCESS, state=ApprovalState.PENDING))
APPROVE = Decision(action=Report(approval=SUCCESS))
REVOKE = Revoke(head="a", reason=HeadMoved())
PULL = PullStatus(number=7, url="https://forge/7", approval=SUCCESS)
SHOWN = MessageStatus(posted=POSTED)


@pytest.fixture
async def asked(record: str) -> AsyncIterator[Store]:
    store = await Store.open(record)
    assert await store.ask(REQUEST, key="a") == 1
    yield store
    await store.close()


async def heads(store: Store) -> tuple[str, ...]:
    return (await store.load(TARGET)).approved_heads


async def approved(store: Store, head: str = "a") -> Loaded:
    return await store.commit(
        await store.load(TARGET), Decision(action=Report(approval=replace(SUCCESS, head=head))), now=NOON
    )


async def test_a_commit_is_stored_before_it_is_reported_as_approved(asked: Store) -> None:
    acted = await approved(asked)
    assert await heads(asked) == ("a",), "the answer may be lost"
    await asked.outcome(acted, {"pull": PULL}, now=NOON)
    assert await heads(asked) == ("a",)


async def test_commits_are_stored_once_and_in_the_order_of_their_approval(asked: Store) -> None:
    for head in ("b", "a", "b"):
        await asked.outcome(await approved(asked, head), {}, now=NOON)
    assert sorted(await heads(asked)) == ["a", "b"]


@pytest.mark.parametrize("action", [REVOKE, PENDING])
async def test_a_commit_is_forgotten_only_when_github_has_confirmed_the_revocation(
    asked: Store, action: Revoke | Report
) -> None:
    await asked.outcome(await approved(asked), {}, now=NOON)
    acted = await asked.commit(await asked.load(TARGET), Decision(action=action), now=NOON)
    assert await heads(asked) == ("a",)
    await asked.outcome(acted, {}, settled="a", now=NOON)
    assert await heads(asked) == ()


async def test_it_is_forgotten_when_it_is_merged_and_no_other_with_it(asked: Store) -> None:
    await asked.outcome(await approved(asked, "b"), {}, now=NOON)
    await asked.outcome(await approved(asked), {}, now=NOON)
    await asked.commit(await asked.load(TARGET), Decision(state=State.SYNCING, merged="a"), now=NOON)
    assert await heads(asked) == ("b",)


async def test_a_superseding_promotion_inherits_the_approved_commits(asked: Store) -> None:
    await asked.outcome(await approved(asked), {}, now=NOON)
    assert await asked.ask(replace(REQUEST, version=REQUEST.version + 1), key="b") == 2
    loaded = await asked.load(TARGET)
    assert loaded.promotion is not None
    # The older one was never told to anybody, so that comes first; it revokes its own commits and no other's.
    assert (loaded.promotion.id, loaded.approved_heads) == (1, ("a",))
    posted = await asked.commit(loaded, Decision(action=Post()), now=NOON)
    await asked.outcome(posted, {"message": SHOWN}, now=NOON)
    loaded = await asked.load(TARGET)
    assert loaded.promotion is not None
    assert (loaded.promotion.id, loaded.approved_heads) == (2, ("a",))
    await asked.outcome(await approved(asked, "b"), {}, now=NOON)
    assert await heads(asked) == ("a", "b")


async def test_a_promotion_that_is_over_needs_work_while_a_commit_of_it_is_approved(asked: Store) -> None:
    acted = await approved(asked)
    await asked.outcome(acted, {"message": SHOWN}, now=NOON)
    await asked.commit(await asked.load(TARGET), Decision(state=State.REJECTED), now=NOON)
    loaded = await asked.load(TARGET)
    assert loaded.promotion is not None
    assert (loaded.promotion.state, loaded.approved_heads) == (State.REJECTED, ("a",))
    acted = await asked.commit(loaded, Decision(action=REVOKE), now=NOON)
    await asked.outcome(acted, {}, settled="a", now=NOON)
    assert (await asked.load(TARGET)).promotion is None


@pytest.mark.parametrize(
    "decision", [APPROVE, Decision(action=Merge(number=7, head="a")), Decision(state=State.MERGING)]
)
async def test_a_vote_that_arrives_between_evidence_and_decision_counts_before_anything_is_merged(
    asked: Store, decision: Decision
) -> None:
    looked = await asked.load(TARGET)
    await asked.cancel(1, "U0ALICE", at=NOON, key="c")
    with pytest.raises(Overtaken):
        await asked.commit(looked, decision, now=NOON)
    assert await heads(asked) == ()
    await asked.commit(await asked.load(TARGET), decision, now=NOON)


async def test_a_veto_while_a_merge_is_tried_is_answered_when_that_has_succeeded(asked: Store) -> None:
    acted = await asked.commit(await asked.load(TARGET), Decision(state=State.MERGING, action=Post()), now=NOON)
    await asked.outcome(acted, {"message": SHOWN}, now=NOON)
    said = {"at": NOON, "now": NOON + timedelta(seconds=1), "key": "v", "how": "reaction"}
    await asked.vote(FactKind.VETO, "U0BOB", POSTED, **said)  # type: ignore[arg-type]  # arguments by name
    await asked.commit(await asked.load(TARGET), Decision(state=State.SYNCING), now=NOON)
    facts = (await asked.load(TARGET)).facts
    assert [fact.answered for fact in facts if fact.kind is FactKind.VETO] == [False]
    assert [fact.answered for fact in facts if fact.kind.value == Kind.PROMOTE.value] == [True]
