"""Which approvals are revoked on GitHub: all that were given, except that of the commit that is merged."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.policy import Freeze
from bot.domain.promotion import Approval, ApprovalState, FactKind, State
from bot.domain.reason import Name, Reason, users
from bot.domain.reasons.approval import (
    ApprovalsMissing,
    ApproversUnknown,
    BeingRemade,
    EndedAs,
    Frozen,
    HeadMoved,
    Retargeted,
    Vetoed,
)
from bot.domain.reasons.lifecycle import Cancelled, MergedElsewhere, NobodyDecided, PullClosed
from bot.domain.repository import PullState
from bot.domain.target import Change
from bot.rules.release.decision import ClosePull, Decision, Evidence, Post, PullReview, Report, Revoke
from bot.rules.release.lifecycle import decide
from tests.fixtures.evidence import APPROVED, BASE, FACTS, READY, at, checking, fact, told, vary
from tests.fixtures.promotions import NOON

HEAD, OLD = "c0ffee", "01dc0de"
SUCCESS = replace(READY, approved_heads=(HEAD,))
VETO = fact(FactKind.VETO, "bob")
LATE = NOON + timedelta(days=4)
PENDING = ApprovalState.PENDING
ONE_MISSING = ApprovalsMissing(given=1, needed=2, approvers=users(["@captains"]))
FROZEN = Frozen(stage=Name("production"), by=None, until=None, note=None)
ELSEWHERE = MergedElsewhere(number=7, into=Name("release-1"), main=Name("main"))


def with_pull(seen: Evidence, **pull: Any) -> Evidence:
    assert isinstance(seen, PullReview)
    return replace(seen, pull=replace(seen.pull, **pull))


def reported(decision: Decision) -> Approval:
    """Return what GitHub is told."""
    assert isinstance(decision.action, Report)
    return decision.action.approval


def test_an_approval_that_holds_is_left_alone() -> None:
    assert decide(SUCCESS).state is State.MERGING


def test_an_approved_commit_is_stored_before_it_is_reported() -> None:
    decision = decide(vary(READY, ours={"approval": None}))
    assert decision.action == Report(approval=APPROVED)
    assert (decision.approves, decision.final) == (HEAD, True)
    pending = replace(APPROVED, state=ApprovalState.PENDING)
    assert Decision(action=Report(approval=pending)).approves is None


@pytest.mark.parametrize("state", [State.PROPOSED, State.MERGING])
@pytest.mark.parametrize(
    ("pull", "reason"),
    [
        pytest.param({"head": "badc0de"}, HeadMoved(), id="pushed"),
        pytest.param({"state": PullState.CLOSED}, PullClosed(number=7), id="closed by hand"),
        pytest.param({"state": PullState.MERGED, "base": "release-1"}, ELSEWHERE, id="elsewhere"),
        pytest.param({"state": PullState.MERGED, "head": "badc0de"}, HeadMoved(), id="another was merged"),
    ],
)
def test_an_approved_commit_is_revoked_before_anything_else(state: State, pull: dict[str, Any], reason: Reason) -> None:
    seen = replace(with_pull(at(state), **pull), approved_heads=(HEAD,), facts=(*FACTS, VETO))
    decision = decide(seen)
    assert (decision.action, decision.state) == (Revoke(head=HEAD, reason=reason), None)


@pytest.mark.parametrize(
    ("seen", "state", "reason"),
    [
        pytest.param({"facts": FACTS[:1]}, PENDING, ONE_MISSING, id="withdrawn"),
        pytest.param({"freeze": Freeze(stage="production", until=None)}, PENDING, FROZEN, id="freeze"),
        pytest.param(
            {"unsure": told("it is down"), "entitled": frozenset()},
            PENDING,
            ApproversUnknown(cause=told("it is down")),
            id="unsure",
        ),
        pytest.param({"facts": (*FACTS, VETO)}, State.REJECTED, Vetoed(people=users(["bob"])), id="veto"),
        pytest.param({"now": LATE, "facts": FACTS[:1]}, State.EXPIRED, NobodyDecided(), id="expired"),
        pytest.param({"refusal": told("no manifest")}, State.BLOCKED, told("no manifest"), id="blocked"),
        pytest.param(
            {"facts": (*FACTS, fact(FactKind.CANCEL, "alice", digest=None))},
            State.CANCELLED,
            Cancelled(),
            id="cancelled",
        ),
    ],
)
def test_a_void_approval_is_revoked_at_the_head_at_once(
    seen: dict[str, Any], state: State | ApprovalState, reason: Reason
) -> None:
    approval = reported(decide(vary(SUCCESS, status_message=None, **seen)))  # not even the message comes first
    if isinstance(state, State):
        reason, state = EndedAs(state=Name(state), cause=reason), ApprovalState.FAILURE
    assert approval == Approval(head=HEAD, state=state, reason=reason)


def test_a_retargeted_pull_request_is_not_approved_and_not_merged_until_it_is_set_back() -> None:
    elsewhere = with_pull(SUCCESS, base="release-1", mergeable=False, behind=True)
    moved = vary(elsewhere, base=replace(BASE, commit="moved"))
    pending = reported(decide(moved))
    retargeted = Retargeted(number=7, to=Name("release-1"), main=Name("main"), promotion=12)
    assert (pending.state, pending.reason) == (PENDING, retargeted)
    waiting = decide(vary(moved, ours={"approval": pending}, approved_heads=()))
    assert (waiting.state, waiting.action) == (None, None), "and the change is not made again meanwhile"
    assert reported(decide(vary(READY, ours={"approval": pending}))) == APPROVED


@pytest.mark.parametrize("state", [State.PROPOSED, State.MERGING])
def test_a_merge_into_another_branch_is_no_release(state: State) -> None:
    seen = with_pull(at(state), state=PullState.MERGED, base="release-1", merge_commit="m")
    decision = decide(seen)
    assert (decision.state, decision.reason) == (State.REJECTED, ELSEWHERE)
    assert "pull" not in decision.note


def test_recreated_and_superseded_changes_are_revoked_before_the_new_one_is_proposed() -> None:
    for heads in ((OLD,), (OLD, HEAD)):
        decision = decide(checking(approved_heads=heads, details=None))
        assert decision.action == Revoke(head=OLD, reason=BeingRemade())
    assert not isinstance(decide(checking(approved_heads=())).action, Revoke)


@pytest.mark.parametrize("state", [state for state in State if state is not State.CHECKING])
def test_a_promotion_past_checking_leaves_no_other_commit_approved(state: State) -> None:
    seen = replace(at(state), approved_heads=(OLD,))
    decision = decide(seen)
    assert isinstance(decision.action, Revoke)
    assert decision.action.head == OLD


def test_a_change_that_goes_into_main_keeps_the_approval_of_its_commit() -> None:
    for state in (State.PROPOSED, State.MERGING):
        merged = with_pull(replace(at(state), approved_heads=(HEAD,)), state=PullState.MERGED)
        decision = decide(merged)
        assert (decision.state, decision.merged) == (State.SYNCING, HEAD)


def test_the_pull_request_is_closed_only_when_nothing_of_it_is_approved() -> None:
    vetoed = replace(SUCCESS, facts=(*FACTS, VETO), approved_heads=(OLD, HEAD))
    first = decide(vetoed)
    assert isinstance(first.action, Revoke)
    second = reported(decide(replace(vetoed, approved_heads=(HEAD,))))
    assert isinstance(decide(vary(vetoed, approved_heads=(), ours={"approval": second})).action, ClosePull)


def test_an_unreported_end_is_reported_after_the_revocations() -> None:
    ended = at(State.SUPERSEDED, status_message=None)
    assert isinstance(decide(replace(ended, approved_heads=(HEAD,))).action, Revoke)
    assert isinstance(decide(ended).action, Post)


def test_a_change_that_main_holds_by_now_is_revoked_and_closed() -> None:
    same = vary(SUCCESS, change=Change(before={"a": "3"}, after={"a": "3"}))
    assert reported(decide(same)).state is ApprovalState.FAILURE
