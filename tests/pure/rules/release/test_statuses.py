"""Which commits GitHub is told are approved no more: every one that was, but the one that is merged."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.policy import Freeze
from bot.domain.promotion import FactKind, State
from bot.domain.repository import Base, PullState
from bot.domain.target import Change
from bot.rules.release.decision import ClosePull, Decision, Evidence, Post, Revoke, Say
from bot.rules.release.lifecycle import decide
from tests.fixtures.evidence import FACTS, PROPOSED, RECORD, SEEN, at, checking, said
from tests.fixtures.promotions import NOON

HEAD, OLD = "c0ffee", "01dc0de"
BASE = Base(branch="main", commit="c", tree="t")
APPROVED = replace(SEEN, approved_heads=(HEAD,), base=BASE)
VETO = said(FactKind.VETO, "bob", digest=RECORD.digest)
LATE = NOON + timedelta(days=4)


def with_pull(seen: Evidence, **pull: Any) -> Evidence:
    assert seen.pull is not None
    return replace(seen, pull=replace(seen.pull, **pull))


def test_an_approval_that_holds_is_left_alone() -> None:
    assert decide(APPROVED).state is State.MERGING


def test_a_decision_to_approve_names_the_commit_before_it_is_said() -> None:
    untold = replace(SEEN, promotion=replace(PROPOSED, record=replace(RECORD, approval=None)))
    decision = decide(untold)
    assert decision.action == Say(head=HEAD, state="success", because="approved in Slack")
    assert (decision.approves, decision.final) == (HEAD, True)
    assert Decision(action=Say(head=HEAD, state="pending", because="why")).approves is None


@pytest.mark.parametrize("state", [State.PROPOSED, State.MERGING])
@pytest.mark.parametrize(
    ("pull", "why"),
    [
        pytest.param({"head": "badc0de"}, "the branch holds another commit now", id="pushed"),
        pytest.param({"state": PullState.CLOSED}, "pull request 7 was closed", id="closed by hand"),
        pytest.param({"state": PullState.MERGED, "base": "release-1"}, "merged into release-1", id="elsewhere"),
        pytest.param({"state": PullState.MERGED, "head": "badc0de"}, "another commit", id="another was merged"),
    ],
)
def test_an_approved_commit_is_revoked_before_anything_else(state: State, pull: dict[str, Any], why: str) -> None:
    seen = replace(with_pull(at(state), **pull), approved_heads=(HEAD,), base=BASE, facts=(*FACTS, VETO))
    decision = decide(seen)
    assert isinstance(decision.action, Revoke)
    assert (decision.action.head, decision.state) == (HEAD, None)
    assert why in decision.action.because


@pytest.mark.parametrize(
    ("seen", "state", "why"),
    [
        pytest.param({"facts": FACTS[:1]}, "pending", "1 of 2 approvals", id="withdrawn"),
        pytest.param({"freeze": Freeze(stage="production", until=None)}, "pending", "is frozen", id="freeze"),
        pytest.param({"unsure": "Slack is down", "entitled": frozenset()}, "pending", "cannot say who", id="unsure"),
        pytest.param({"facts": (*FACTS, VETO)}, "failure", "rejected: vetoed by", id="veto"),
        pytest.param({"now": LATE, "facts": FACTS[:1]}, "failure", "expired: nobody decided", id="expired"),
        pytest.param({"refusal": "the manifest is gone"}, "failure", "blocked: the manifest is gone", id="blocked"),
        pytest.param(
            {"facts": (*FACTS, said(FactKind.CANCEL, "alice", digest=None))}, "failure", "cancelled", id="cancelled"
        ),
    ],
)
def test_the_head_says_so_at_once_when_its_approval_holds_no_more(seen: dict[str, Any], state: str, why: str) -> None:
    nobody_told = replace(PROPOSED, record=replace(RECORD, message=None))
    decision = decide(replace(APPROVED, promotion=nobody_told, **seen))
    assert isinstance(decision.action, Say), "not even the message comes first"
    assert (decision.action.head, decision.action.state) == (HEAD, state)
    assert why in decision.action.because


def test_a_retargeted_pull_request_is_not_approved_and_not_merged_until_it_is_set_back() -> None:
    elsewhere = with_pull(APPROVED, base="release-1", mergeable=False, behind=True)
    decision = decide(replace(elsewhere, base=replace(BASE, commit="moved")))
    assert isinstance(decision.action, Say)
    assert decision.action.state == "pending"
    assert "retargeted" in decision.action.because
    told = replace(PROPOSED, record=replace(RECORD, approval=decision.action.mark))
    waiting = decide(replace(elsewhere, promotion=told, approved_heads=(), base=replace(BASE, commit="moved")))
    assert (waiting.state, waiting.action) == (None, None), "and the change is not made again meanwhile"
    again = decide(replace(APPROVED, promotion=told, approved_heads=())).action
    assert again == Say(head=HEAD, state="success", because="approved in Slack")


@pytest.mark.parametrize("state", [State.PROPOSED, State.MERGING])
def test_a_merge_into_another_branch_is_no_release(state: State) -> None:
    seen = with_pull(replace(at(state), base=BASE), state=PullState.MERGED, base="release-1", merge_commit="m")
    decision = decide(seen)
    assert decision.state is State.REJECTED
    assert "merged into `release-1` and not into `main`, so nothing is released" in decision.because
    assert "merge_commit" not in decision.note


def test_what_is_made_again_and_what_is_taken_over_is_revoked_before_the_new_change_is_proposed() -> None:
    for heads in ((OLD,), (OLD, HEAD)):
        decision = decide(checking(approved_heads=heads, card=None))
        assert decision.action == Revoke(head=OLD, because="the change is made again")
    assert not isinstance(decide(checking(approved_heads=())).action, Revoke)


@pytest.mark.parametrize("state", [state for state in State if state is not State.CHECKING])
def test_a_promotion_that_goes_on_or_is_over_leaves_no_other_commit_approved(state: State) -> None:
    seen = replace(at(state), approved_heads=(OLD,), base=BASE)
    decision = decide(seen)
    assert isinstance(decision.action, Revoke)
    assert decision.action.head == OLD


def test_a_change_that_goes_into_main_keeps_the_approval_of_its_commit() -> None:
    for state in (State.PROPOSED, State.MERGING):
        merged = with_pull(replace(at(state), approved_heads=(HEAD,), base=BASE), state=PullState.MERGED)
        decision = decide(merged)
        assert (decision.state, decision.merged) == (State.SYNCING, HEAD)


def test_the_pull_request_is_closed_only_when_nothing_of_it_is_approved() -> None:
    vetoed = replace(APPROVED, facts=(*FACTS, VETO), approved_heads=(OLD, HEAD))
    first = decide(vetoed)
    assert isinstance(first.action, Revoke)
    second = decide(replace(vetoed, approved_heads=(HEAD,))).action
    assert isinstance(second, Say)
    told = replace(PROPOSED, record=replace(RECORD, approval=second.mark))
    assert isinstance(decide(replace(vetoed, approved_heads=(), promotion=told)).action, ClosePull)


def test_an_end_that_nobody_was_told_of_is_told_after_what_was_approved_is_revoked() -> None:
    ended = replace(PROPOSED, state=State.SUPERSEDED, record=replace(RECORD, message=None))
    assert isinstance(decide(replace(SEEN, promotion=ended, approved_heads=(HEAD,))).action, Revoke)
    assert isinstance(decide(replace(SEEN, promotion=ended)).action, Post)


def test_a_change_that_main_holds_by_now_is_revoked_and_closed() -> None:
    same = replace(APPROVED, change=Change(before={"a": "3"}, after={"a": "3"}))
    decision = decide(same).action
    assert isinstance(decision, Say)
    assert decision.state == "failure"
