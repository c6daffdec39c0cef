"""The life of a promotion: what is decided in each state, and that every state has a way out."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.cluster import Health, HealthStatus, PodSeen, Served
from bot.domain.policy import Freeze
from bot.domain.promotion import FactKind, Kind, State
from bot.domain.registry import Card
from bot.domain.repository import Base, PullState
from bot.domain.target import Change, Pin
from bot.rules.release.decision import (
    ClosePull,
    Decision,
    Merge,
    MoveAlias,
    Post,
    Propose,
    Say,
    Tag,
    Whisper,
)
from bot.rules.release.lifecycle import decide
from tests.fixtures.evidence import (
    CHANGE,
    FACTS,
    HEALTHY,
    IT,
    LIVE,
    PROPOSED,
    RECORD,
    SEEN,
    SICK,
    at,
    checking,
    said,
)
from tests.fixtures.promotions import NOON


def test_a_checked_request_becomes_a_pull_request() -> None:
    decision = decide(checking())
    assert decision.state is None
    assert isinstance(decision.action, Propose)
    assert decision.action.change == CHANGE


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ({"card": None}, "the registry has no iris v3"),
        ({"refusal": "no MODEL_STAGE in manifests/iris/production"}, "no MODEL_STAGE"),
        (
            {"change": Change(before={"a": "3"}, after={"a": "3"}), "release": replace(LIVE, version=3)},
            "v3 is what production runs already",
        ),
    ],
)
def test_what_cannot_be_done_is_blocked_with_the_reason(seen: dict[str, Any], says: str) -> None:
    decision = decide(checking(**seen))
    assert decision.state is State.BLOCKED
    assert says in decision.because
    assert decision.wake == timedelta(0), "whoever asked is told at once"


def test_a_pin_that_git_holds_already_goes_straight_to_the_cluster() -> None:
    same = Change(before={"a": "3"}, after={"a": "3"})
    assert decide(checking(change=same)).state is State.SYNCING


def test_a_version_that_is_still_being_registered_is_waited_for() -> None:
    decision = decide(checking(card=Card(what=PROPOSED.what, ready=False)))
    assert (decision.state, decision.action) == (None, None)
    assert decision.wake is not None


def test_the_message_comes_before_anything_else_happens_to_a_proposal() -> None:
    unposted = replace(PROPOSED, record=replace(PROPOSED.record, message=None))
    assert isinstance(decide(replace(SEEN, promotion=unposted)).action, Post)


def test_an_end_that_nobody_was_told_of_is_told() -> None:
    ended = replace(PROPOSED, state=State.BLOCKED, record=replace(PROPOSED.record, message=None))
    assert decide(replace(SEEN, promotion=ended)) == Decision(action=Post())


def test_an_approved_change_is_merged_at_exactly_its_head() -> None:
    decision = decide(SEEN)
    assert decision.state is State.MERGING
    assert decision.action == Merge(number=7, head="c0ffee")
    assert decision.because == "approved by <@bob>, <@carol>"


def test_a_change_that_lacks_an_approval_waits() -> None:
    decision = decide(replace(SEEN, facts=FACTS[:1]))
    pending = "1 of 2 approvals from @captains: react with ✅"
    assert decision.action == Say(head="c0ffee", state="pending", because=pending)
    told = replace(PROPOSED, record=replace(RECORD, approval=decision.action.mark))
    decision = decide(replace(SEEN, facts=FACTS[:1], promotion=told))
    assert (decision.state, decision.action) == (None, None)
    assert next(r.because for r in decision.note["rulings"] if r.verdict).startswith("1 of 2 approvals")


def test_a_stranger_is_told_why_their_word_does_not_count() -> None:
    stranger = said(FactKind.APPROVE, "mallory", digest=CHANGE.digest, number=9)
    decision = decide(replace(SEEN, facts=(FACTS[0], stranger)))
    assert isinstance(decision.action, Whisper)
    assert (decision.action.fact, decision.action.to) == (9, "mallory")


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        pytest.param({"facts": (said(FactKind.VETO, "bob", digest=CHANGE.digest),)}, State.REJECTED, id="veto"),
        pytest.param({"facts": (said(FactKind.CANCEL, "alice", digest=None),)}, State.CANCELLED, id="cancel"),
        pytest.param({"now": NOON + timedelta(days=4), "facts": ()}, State.EXPIRED, id="too old"),
        pytest.param({"refusal": "gone"}, State.BLOCKED, id="manifest gone"),
        pytest.param({"change": Change(before={"a": "3"}, after={"a": "3"})}, State.SUPERSEDED, id="pinned by others"),
    ],
)
def test_an_open_pull_request_is_closed_before_the_story_ends(seen: dict[str, Any], state: State) -> None:
    said = decide(replace(SEEN, **seen)).action
    assert isinstance(said, Say)
    assert said.state == "failure"
    told = replace(PROPOSED, record=replace(RECORD, approval=said.mark))
    first = decide(replace(SEEN, **seen, promotion=told))
    assert isinstance(first.action, ClosePull)
    assert first.state is None
    assert SEEN.pull is not None
    closed = replace(PROPOSED, record=replace(PROPOSED.record, pull_closed=True))
    after = replace(SEEN, promotion=closed, pull=replace(SEEN.pull, state=PullState.CLOSED), **seen)
    assert decide(after).state is state


def test_a_base_that_moved_makes_the_change_anew() -> None:
    moved = Change(before={"a.yaml": "2 # edited"}, after={"a.yaml": "3 # edited"})
    decision = decide(replace(SEEN, change=moved))
    assert decision.state is State.CHECKING
    assert decision.note == {"digest": None}


def test_another_change_wants_another_message_and_the_same_change_keeps_it() -> None:
    other = replace(PROPOSED, record=replace(RECORD, digest="another"))
    assert isinstance(decide(replace(SEEN, promotion=other)).action, Post)
    assert not isinstance(decide(SEEN).action, Post)


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
    assert SEEN.pull is not None
    seen = at(State.MERGING, pull=replace(SEEN.pull, **pull), base=Base(branch="main", commit="moved", tree="t"))
    assert decide(seen).state is state


def test_a_merge_whose_outcome_is_unknown_is_tried_again() -> None:
    assert decide(at(State.MERGING)).action == Merge(number=7, head="c0ffee")


def test_syncing_ends_when_the_template_says_the_version() -> None:
    assert decide(at(State.SYNCING, health=HEALTHY)).state is State.ROLLING_OUT
    for pin in (Pin(stage="production", version=1), Pin(stage="staging", version=3)):
        assert decide(at(State.SYNCING, health=replace(HEALTHY, pin=pin))).state is None


def test_a_healthy_rollout_has_still_to_prove_itself() -> None:
    decision = decide(at(State.ROLLING_OUT, health=HEALTHY))
    assert (decision.state, decision.note["healthy_since"]) == (State.PROVING, NOON)


def test_a_cause_must_last_as_long_as_its_patience() -> None:
    patient = replace(SICK, patience=timedelta(seconds=30))
    first = decide(at(State.ROLLING_OUT, health=patient, log="the word"))
    assert (first.state, first.wake, first.note["failing_since"]) == (None, timedelta(seconds=30), NOON)
    since = {"failing_since": NOON - timedelta(seconds=31)}
    assert decide(at(State.ROLLING_OUT, health=patient, record=since)).state is State.FAILED


def test_a_failure_says_why_keeps_the_log_and_goes_back() -> None:
    decision = decide(at(State.ROLLING_OUT, health=SICK, log="ValueError: the word"))
    assert (decision.state, decision.because) == (State.FAILED, "pod p: CrashLoopBackOff")
    assert decision.note["log"] == "ValueError: the word"
    assert decision.start is not None
    assert (decision.start.kind, decision.start.version, decision.start.automatic) == (Kind.ROLLBACK, 1, True)


def test_a_failed_rollback_starts_no_other() -> None:
    seen = at(State.ROLLING_OUT, health=SICK)
    assert seen.promotion is not None
    back = replace(seen, promotion=replace(seen.promotion, kind=Kind.ROLLBACK))
    assert decide(back).start is None


def test_where_policy_forbids_it_nothing_goes_back_by_itself() -> None:
    policy = replace(SEEN.policy, rollback_automatic=False)
    assert decide(at(State.ROLLING_OUT, health=SICK, policy=policy)).start is None


def test_an_unknown_health_fails_nothing() -> None:
    unknown = Health(status=HealthStatus.UNKNOWN, because="the API server does not answer")
    for state in (State.ROLLING_OUT, State.PROVING):
        assert decide(at(state, health=unknown)).state is None


def test_a_pin_that_somebody_else_changed_ends_the_story_without_going_back() -> None:
    other = replace(HEALTHY, pin=Pin(stage="production", version=4))
    decision = decide(at(State.PROVING, health=other))
    assert decision.state is State.FAILED
    assert decision.start is None


PROVEN: dict[str, Any] = {"health": HEALTHY, "served": {"p": Served(model="iris", version=3)}, "alias": 1}
LONG_AGO = NOON - timedelta(minutes=5)


def test_one_write_a_turn_alias_then_tag_then_released() -> None:
    first = decide(at(State.PROVING, record={"healthy_since": LONG_AGO}, **PROVEN))
    assert first.action == MoveAlias(version=3, previous=1)
    second = decide(at(State.PROVING, record={"healthy_since": LONG_AGO, "alias_moved": True}, **PROVEN))
    assert isinstance(second.action, Tag)
    assert second.action.value == "https://forge/7"
    done = {"healthy_since": LONG_AGO, "alias_moved": True, "tagged": True}
    third = decide(at(State.PROVING, record=done, **PROVEN))
    assert (third.state, third.released) == (State.RELEASED, True)


def test_new_pods_are_watched_for_a_while_before_it_counts() -> None:
    decision = decide(at(State.PROVING, record={"healthy_since": NOON - timedelta(seconds=30)}, **PROVEN))
    assert (decision.action, decision.wake) == (None, timedelta(seconds=90))


@pytest.mark.parametrize(
    ("served", "says"),
    [
        ({}, "was not asked yet"),
        ({"p": "connection refused"}, "connection refused"),
        ({"p": Served(model="iris", version=2)}, "serves iris v2, not v3"),
        ({"p": Served(model="churn", version=3)}, "serves churn v3"),
    ],
)
def test_a_pod_that_does_not_say_the_version_proves_nothing(served: dict[str, Any], says: str) -> None:
    seen = at(State.PROVING, record={"healthy_since": LONG_AGO}, **{**PROVEN, "served": served})
    decision = decide(seen)
    assert (decision.action, decision.state) == (None, None)
    assert says in decision.because


def test_the_files_that_every_pod_serves_are_remembered_once_it_is_released() -> None:
    done = {"healthy_since": LONG_AGO, "alias_moved": True, "tagged": True}
    served = {"p": Served(model="iris", version=3, digest="sha256:33")}
    decision = decide(at(State.PROVING, record=done, **{**PROVEN, "served": served}))
    assert (decision.released, decision.note["proven_digest"]) == (True, "sha256:33")


def test_pods_that_serve_different_files_as_one_version_prove_nothing() -> None:
    two = replace(HEALTHY, pods=(*HEALTHY.pods, PodSeen(name="q", address="1.2.3.5:8080", ready=True)))
    served = {name: Served(model="iris", version=3, digest=f"sha256:{name}") for name in "pq"}
    decision = decide(at(State.PROVING, record={"healthy_since": LONG_AGO}, health=two, served=served))
    assert decision.action is None
    assert decision.because == "pods p and q serve different files as v3: they changed in the registry between"


@pytest.mark.parametrize("state", [State.SYNCING, State.ROLLING_OUT, State.PROVING])
def test_every_waiting_state_has_a_time_out(state: State) -> None:
    slow = replace(HEALTHY, status=HealthStatus.PROGRESSING, because="0 of 1 pods")
    other = replace(slow, pin=Pin(stage="production", version=1)) if state is State.SYNCING else slow
    health = HEALTHY if state is State.PROVING else other
    decision = decide(at(state, health=health, now=NOON + timedelta(hours=1)))
    assert decision.state is State.FAILED


def test_an_auto_stage_takes_the_newest_announced_version_once() -> None:
    policy = replace(SEEN.policy, auto=True)
    idle = replace(SEEN, promotion=None, policy=policy, newest=3, attempted=2, release=LIVE)
    decision = decide(idle)
    assert decision.start is not None
    assert (decision.start.version, decision.start.by) == (3, "callboard")
    assert decide(replace(idle, attempted=3)) == Decision()
    assert decide(replace(idle, release=replace(LIVE, version=4))) == Decision()
    assert decide(replace(idle, policy=replace(policy, auto=False))) == Decision()


def test_a_merge_that_github_goes_on_refusing_ends_with_its_reason_and_a_closed_pull_request() -> None:
    refused = {"trouble": "GitHub does not merge pull request 7: the check ci/test is expected"}
    late = at(State.MERGING, record=refused, now=NOON + timedelta(hours=1))
    said = decide(late).action
    assert isinstance(said, Say)
    assert "the check ci/test is expected" in said.because
    told = decide(at(State.MERGING, record={**refused, "approval": said.mark}, now=NOON + timedelta(hours=1)))
    assert isinstance(told.action, ClosePull)
    assert late.pull is not None
    closed = replace(late.pull, state=PullState.CLOSED)
    done = at(State.MERGING, record={**refused, "pull_closed": True}, now=NOON + timedelta(hours=1), pull=closed)
    assert (decide(done).state, decide(done).start) == (State.FAILED, None)


def test_what_github_lacks_sends_a_merge_back_to_waiting() -> None:
    assert decide(at(State.MERGING, withheld=("the check ci/test is pending",))).state is State.PROPOSED


def test_who_waits_for_people_looks_seldom_but_not_later_than_a_date_that_ends_the_wait() -> None:
    waiting = replace(SEEN, facts=FACTS[:1], promotion=replace(PROPOSED, record=replace(RECORD, approval=None)))
    said = decide(waiting).action
    assert isinstance(said, Say)
    told = replace(waiting, promotion=replace(PROPOSED, record=replace(RECORD, approval=said.mark)))
    assert decide(told).wake == timedelta(minutes=2)
    frozen = Freeze(stage="production", until=NOON + timedelta(seconds=20))
    assert decide(replace(told, freeze=frozen)).wake == timedelta(seconds=20)


def test_what_is_approved_outlasts_a_freeze_and_expires_of_anything_else() -> None:
    late = replace(SEEN, now=NOON + timedelta(days=9), freeze=Freeze(stage="production", until=None))
    waits = decide(late).action
    assert isinstance(waits, Say)
    assert (waits.state, waits.because) == ("pending", "production is frozen until it is thawed")
    for lacks, says in (({"facts": FACTS[:1]}, "nobody decided"), ({"upstream": None}, "held up for too long: v3")):
        said = decide(replace(late, **lacks)).action
        assert isinstance(said, Say)
        assert said.state == "failure"
        assert says in said.because


@pytest.mark.parametrize("state", [State.PROPOSED, State.MERGING])
@pytest.mark.parametrize("pull", PullState)
def test_every_state_of_a_pull_request_is_decided_about(pull: PullState, state: State) -> None:
    assert SEEN.pull is not None
    seen = replace(SEEN, promotion=replace(IT, state=state), pull=replace(SEEN.pull, state=pull))
    decision = decide(seen)
    assert decision.state is not None or decision.action is not None or decision.wake is not None


@pytest.mark.parametrize("state", [state for state in PullState if not state.ended])
def test_a_vetoed_pull_request_is_closed_in_every_state_in_which_it_could_be_merged(state: PullState) -> None:
    assert SEEN.pull is not None
    vetoed = replace(SEEN, facts=(said(FactKind.VETO, "bob", digest=CHANGE.digest),))
    decision = decide(replace(vetoed, pull=replace(SEEN.pull, state=state)))
    assert isinstance(decision.action, Say | ClosePull), "first the status, then the pull request"
