"""The life of a promotion: what is decided in each state, and that every state has a way out."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.policy import Freeze
from bot.domain.promotion import Approval, ApprovalState, FactKind, Failing, State
from bot.domain.reason import Name, Reason, users
from bot.domain.reasons.approval import ApprovalsMissing, EndedAs, Frozen, NotReleasedBefore
from bot.domain.reasons.lifecycle import (
    AlreadyReleased,
    ApprovedBy,
    HeldTooLong,
    MergeRefused,
    NobodyDecided,
    UnknownVersion,
)
from bot.domain.registry import VersionDetails
from bot.domain.repository import PullState
from bot.domain.target import Change
from bot.rules.release.decision import ClosePull, Decision, Merge, Post, Propose, Reply, Report
from bot.rules.release.lifecycle import decide
from tests.fixtures.evidence import (
    BASE,
    CHANGE,
    FACTS,
    LIVE,
    OURS,
    PROMOTION,
    READY,
    at,
    bare,
    checking,
    fact,
    told,
    vary,
)
from tests.fixtures.promotions import NOON


def reported(decision: Decision) -> Approval:
    """Return what GitHub is told."""
    assert isinstance(decision.action, Report)
    return decision.action.approval


def test_a_checked_request_becomes_a_pull_request() -> None:
    decision = decide(checking())
    assert decision.state is None
    assert isinstance(decision.action, Propose)
    assert decision.action.change == CHANGE


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({"details": None}, UnknownVersion(model=Name("iris"), version=3)),
        ({"refusal": told("no MODEL_STAGE in manifests/iris")}, told("no MODEL_STAGE in manifests/iris")),
        (
            {"change": Change(before={"a": "3"}, after={"a": "3"}), "release": replace(LIVE, version=3)},
            AlreadyReleased(stage=Name("production"), version=3),
        ),
    ],
)
def test_an_impossible_request_is_blocked_with_the_reason(seen: dict[str, Any], reason: Reason) -> None:
    decision = decide(checking(**seen))
    assert (decision.state, decision.reason) == (State.BLOCKED, reason)
    assert decision.wake == timedelta(0), "whoever asked is told at once"


def test_a_version_that_is_still_being_registered_is_waited_for() -> None:
    decision = decide(checking(details=VersionDetails(what=PROMOTION.what, ready=False)))
    assert (decision.state, decision.action) == (None, None)
    assert decision.wake is not None


def test_the_message_comes_before_anything_else_happens_to_a_proposal() -> None:
    assert isinstance(decide(vary(READY, status_message=None)).action, Post)


def test_an_unreported_end_is_reported() -> None:
    assert decide(at(State.BLOCKED, status_message=None)) == Decision(action=Post())


def test_an_approved_change_is_merged_at_exactly_its_head() -> None:
    decision = decide(READY)
    assert decision.state is State.MERGING
    assert decision.action == Merge(number=7, head="c0ffee")
    assert decision.reason == ApprovedBy(people=users(["bob", "carol"]))


def test_a_change_that_lacks_an_approval_waits() -> None:
    decision = decide(vary(READY, facts=FACTS[:1]))
    missing = ApprovalsMissing(given=1, needed=2, approvers=users(["@captains"]))
    pending = Approval(head="c0ffee", state=ApprovalState.PENDING, reason=missing)
    assert decision.action == Report(approval=pending)
    decision = decide(vary(READY, facts=FACTS[:1], ours={"approval": pending}))
    assert (decision.state, decision.action) == (None, None)
    assert [ruling.reason for ruling in decision.note["consent"].rulings if ruling.verdict] == [missing]


def test_a_person_who_may_not_vote_is_told_why() -> None:
    stranger = fact(FactKind.APPROVE, "mallory", digest=CHANGE.digest, number=9)
    decision = decide(vary(READY, facts=(FACTS[0], stranger)))
    assert isinstance(decision.action, Reply)
    assert (decision.action.fact, decision.action.to) == (9, "mallory")


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        pytest.param({"facts": (fact(FactKind.VETO, "bob", digest=CHANGE.digest),)}, State.REJECTED, id="veto"),
        pytest.param({"facts": (fact(FactKind.CANCEL, "alice", digest=None),)}, State.CANCELLED, id="cancel"),
        pytest.param({"now": NOON + timedelta(days=4), "facts": ()}, State.EXPIRED, id="too old"),
        pytest.param({"refusal": told("gone")}, State.BLOCKED, id="manifest gone"),
    ],
)
def test_an_open_pull_request_is_closed_before_the_story_ends(seen: dict[str, Any], state: State) -> None:
    failure = reported(decide(vary(READY, **seen)))
    assert failure.state is ApprovalState.FAILURE
    first = decide(vary(READY, **seen, ours={"approval": failure}))
    assert isinstance(first.action, ClosePull)
    assert first.state is None
    after = vary(READY, ours={"closed": True}, pull=replace(READY.pull, state=PullState.CLOSED), **seen)
    assert decide(after).state is state


def test_the_change_is_recreated_when_the_base_moved() -> None:
    moved = Change(before={"a.yaml": "2 # edited"}, after={"a.yaml": "3 # edited"})
    decision = decide(vary(READY, change=moved))
    assert decision.state is State.CHECKING
    assert decision.note == {"pull": replace(OURS, digest=None)}


def test_another_change_wants_another_message_and_the_same_change_keeps_it() -> None:
    assert isinstance(decide(vary(READY, ours={"digest": "another"})).action, Post)
    assert not isinstance(decide(READY).action, Post)


@pytest.mark.parametrize(
    ("pull", "state"),
    [
        ({"state": PullState.MERGED, "merge_commit": "m"}, State.SYNCING),
        ({"state": PullState.CLOSED}, State.REJECTED),
        ({"head": "another"}, State.PROPOSED),
        ({"mergeable": False}, State.CHECKING),
        ({"behind": True}, State.CHECKING),
    ],
)
def test_while_merging_the_pull_request_says_what_is_next(pull: dict[str, Any], state: State) -> None:
    seen = at(State.MERGING, pull=replace(READY.pull, **pull), base=replace(BASE, commit="moved"))
    assert decide(seen).state is state


def test_a_merge_whose_outcome_is_unknown_is_tried_again() -> None:
    assert decide(at(State.MERGING)).action == Merge(number=7, head="c0ffee")


def test_an_auto_stage_takes_the_newest_announced_version_once() -> None:
    policy = replace(READY.policy, auto=True)
    idle = bare(READY, promotion=None, policy=policy, newest=3, attempted=2, release=LIVE)
    decision = decide(idle)
    assert decision.start is not None
    assert (decision.start.version, decision.start.by) == (3, "callboard")
    assert decide(replace(idle, attempted=3)) == Decision()
    assert decide(replace(idle, release=replace(LIVE, version=4))) == Decision()
    assert decide(replace(idle, policy=replace(policy, auto=False))) == Decision()


def test_a_merge_that_github_keeps_refusing_fails_with_its_reason_and_a_closed_pull_request() -> None:
    refused = told("the check ci/test is expected")
    late: dict[str, Any] = {"status_trouble": refused, "now": NOON + timedelta(hours=1)}
    failure = reported(decide(at(State.MERGING, **late)))
    gave_up = MergeRefused(number=7, cause=refused)
    assert failure.reason == EndedAs(state=Name("failed"), cause=gave_up)
    first = decide(at(State.MERGING, ours={"approval": failure}, **late))
    assert first.action == ClosePull(number=7, reason=gave_up)
    failing = Failing(since=NOON + timedelta(hours=1), reason=refused)
    assert first.note["failing"] == failing, "kept, for the trouble is over when GitHub answers"
    closed = replace(READY.pull, state=PullState.CLOSED)
    done = decide(at(State.MERGING, ours={"closed": True}, pull=closed, **late))
    assert (done.state, done.start) == (State.FAILED, None)


def test_a_missing_requirement_of_github_sends_a_merge_back_to_waiting() -> None:
    assert decide(at(State.MERGING, withheld=(told("the check ci/test is pending"),))).state is State.PROPOSED


def test_a_promotion_that_waits_for_people_polls_rarely_but_wakes_when_the_wait_ends() -> None:
    waiting = vary(READY, facts=FACTS[:1], ours={"approval": None})
    answered = vary(waiting, ours={"approval": reported(decide(waiting))})
    assert decide(answered).wake == timedelta(minutes=2)
    frozen = Freeze(stage="production", until=NOON + timedelta(seconds=20))
    assert decide(vary(answered, freeze=frozen)).wake == timedelta(seconds=20)


def test_an_approved_promotion_outlasts_a_freeze_but_no_other_wait() -> None:
    late = vary(READY, now=NOON + timedelta(days=9), freeze=Freeze(stage="production", until=None))
    waits = reported(decide(late))
    frozen = Frozen(stage=Name("production"), by=None, until=None, note=None)
    assert (waits.state, waits.reason) == (ApprovalState.PENDING, frozen)
    unproven = NotReleasedBefore(stage=Name("staging"), version=3, runs=None)
    for lacks, reason in (({"facts": FACTS[:1]}, NobodyDecided()), ({"upstream": None}, HeldTooLong(held=unproven))):
        failure = reported(decide(vary(late, **lacks)))
        assert failure.state is ApprovalState.FAILURE
        assert failure.reason == EndedAs(state=Name("expired"), cause=reason)


@pytest.mark.parametrize("state", [State.PROPOSED, State.MERGING])
@pytest.mark.parametrize("pull", PullState)
def test_every_state_of_a_pull_request_is_decided_about(pull: PullState, state: State) -> None:
    seen = at(state, pull=replace(READY.pull, state=pull))
    decision = decide(seen)
    assert decision.state is not None or decision.action is not None or decision.wake is not None


@pytest.mark.parametrize("state", [state for state in PullState if not state.ended])
def test_a_vetoed_pull_request_is_closed_in_every_state_in_which_it_could_be_merged(state: PullState) -> None:
    vetoed = vary(READY, facts=(fact(FactKind.VETO, "bob", digest=CHANGE.digest),))
    decision = decide(replace(vetoed, pull=replace(READY.pull, state=state)))
    assert isinstance(decision.action, Report | ClosePull), "first the status, then the pull request"
