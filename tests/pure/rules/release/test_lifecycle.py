"""The life of a promotion: what is decided in each state, and that every state has a way out."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from bot.domain.cluster import Health, HealthStatus, PodSeen, Served
from bot.domain.policy import Freeze, OnFailure
from bot.domain.promotion import Approval, ApprovalState, FactKind, Failing, Kind, RegistryStatus, State
from bot.domain.reason import Name, Reason, Said, users
from bot.domain.reasons.approval import ApprovalsMissing, EndedAs, Frozen, NotReleasedBefore
from bot.domain.reasons.health import NoPodLeft, PodFailing, SeveralCauses
from bot.domain.reasons.lifecycle import (
    AlreadyReleased,
    ApprovedBy,
    HeldTooLong,
    MergeRefused,
    NobodyDecided,
    UnknownVersion,
)
from bot.domain.reasons.pods import ContainerWaiting, CrashLoop, ImageNotPulled, InContainer, Restarted, Terminated
from bot.domain.reasons.rollout import DifferentFiles, NotAskedYet, PodSilent, ServesOther
from bot.domain.registry import VersionDetails
from bot.domain.repository import PullState
from bot.domain.target import Change, Pin
from bot.rules.release.decision import ClosePull, Decision, Merge, MoveAlias, Post, Propose, Reply, Report, Tag
from bot.rules.release.lifecycle import decide
from tests.fixtures.evidence import (
    BASE,
    CHANGE,
    FACTS,
    HEALTHY,
    LIVE,
    OURS,
    PROMOTION,
    READY,
    SICK,
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


def test_syncing_ends_when_the_template_says_the_version() -> None:
    assert decide(at(State.SYNCING, health=HEALTHY)).state is State.ROLLING_OUT
    for pin in (Pin(stage="production", version=1), Pin(stage="staging", version=3)):
        assert decide(at(State.SYNCING, health=replace(HEALTHY, pin=pin))).state is None


@pytest.mark.parametrize(
    ("served", "state"),
    [
        ({"p": Served(model="iris", version=3)}, State.ROLLING_OUT),
        ({"p": Served(model="iris", version=2)}, None),
        ({"p": told("connection refused")}, None),
        ({}, None),
    ],
)
def test_where_the_template_holds_no_version_the_pods_say_that_they_have_it(
    served: dict[str, Any], state: State | None
) -> None:
    silent = replace(HEALTHY, pin=None)
    assert decide(at(State.SYNCING, health=silent, served=served)).state is state


def test_a_healthy_rollout_has_still_to_prove_itself() -> None:
    decision = decide(at(State.ROLLING_OUT, health=HEALTHY))
    assert (decision.state, decision.note["healthy_since"]) == (State.VERIFYING, NOON)


def test_a_cause_must_last_as_long_as_its_patience() -> None:
    patient = replace(SICK, patience=timedelta(seconds=30))
    first = decide(at(State.ROLLING_OUT, health=patient, log="ValueError"))
    failing = Failing(since=NOON, reason=SICK.reason, log="ValueError")
    assert (first.state, first.wake, first.note) == (None, timedelta(seconds=30), {"failing": failing})
    before = replace(failing, since=NOON - timedelta(seconds=31))
    assert decide(at(State.ROLLING_OUT, health=patient, status_failing=before)).state is State.FAILED


def test_a_failure_says_why_keeps_the_log_and_goes_back() -> None:
    decision = decide(at(State.ROLLING_OUT, health=SICK, log="ValueError: the word"))
    assert (decision.state, decision.reason) == (State.FAILED, SICK.reason)
    assert decision.note == {"failing": Failing(since=NOON, reason=SICK.reason, log="ValueError: the word")}
    assert decision.start is not None
    assert (decision.start.kind, decision.start.version, decision.start.automatic) == (Kind.ROLLBACK, 1, True)


def test_a_failed_rollback_starts_no_other() -> None:
    seen = at(State.ROLLING_OUT, health=SICK)
    assert seen.promotion is not None
    back = vary(seen, promotion=replace(seen.promotion, kind=Kind.ROLLBACK))
    assert decide(back).start is None


def test_without_the_policys_consent_nothing_is_rolled_back_automatically() -> None:
    policy = replace(READY.policy, on_failure=OnFailure.NOTHING)
    assert decide(at(State.ROLLING_OUT, health=SICK, policy=policy)).start is None


def test_an_unknown_health_fails_nothing() -> None:
    unknown = Health(status=HealthStatus.UNKNOWN, reason=told("the API server does not answer"))
    for state in (State.ROLLING_OUT, State.VERIFYING):
        assert decide(at(state, health=unknown)).state is None


def test_a_pin_that_somebody_else_changed_ends_the_story_without_going_back() -> None:
    other = replace(HEALTHY, pin=Pin(stage="production", version=4))
    decision = decide(at(State.VERIFYING, health=other))
    assert decision.state is State.FAILED
    assert decision.start is None


PROVEN: dict[str, Any] = {"health": HEALTHY, "served": {"p": Served(model="iris", version=3)}, "alias": 1}
SETTLED: dict[str, Any] = {"status_healthy_since": NOON - timedelta(minutes=5)}
DONE = {**SETTLED, "status_registry": RegistryStatus(alias_moved=True, tagged=True)}


def test_one_write_a_turn_alias_then_tag_then_released() -> None:
    first = decide(at(State.VERIFYING, **SETTLED, **PROVEN))
    assert first.action == MoveAlias(version=3, previous=1)
    second = decide(at(State.VERIFYING, **SETTLED, status_registry=RegistryStatus(alias_moved=True), **PROVEN))
    assert isinstance(second.action, Tag)
    assert second.action.value == "https://forge/7"
    third = decide(at(State.VERIFYING, **DONE, **PROVEN))
    assert (third.state, third.released) == (State.RELEASED, True)


def test_new_pods_are_watched_for_a_while_before_it_counts() -> None:
    decision = decide(at(State.VERIFYING, status_healthy_since=NOON - timedelta(seconds=30), **PROVEN))
    assert (decision.action, decision.wake) == (None, timedelta(seconds=90))


def test_the_pods_of_the_moment_when_the_rollout_was_complete_are_verified() -> None:
    scaling = replace(HEALTHY, pods=(*HEALTHY.pods, PodSeen(name="new", address=None, ready=False)))
    assert decide(at(State.ROLLING_OUT, health=scaling)).note["counted"] == ("p",)


def test_one_of_them_that_is_not_ready_is_waited_for_and_the_watch_begins_again() -> None:
    away = replace(HEALTHY, status=HealthStatus.PROGRESSING, reason=told("its node is not ready"))
    waiting = decide(at(State.VERIFYING, status_counted=("p",), **SETTLED, **{**PROVEN, "health": away}))
    assert (waiting.state, waiting.note) == (None, {"failing": None, "healthy_since": None})
    back = decide(at(State.VERIFYING, status_counted=("p",), **PROVEN))
    assert (back.state, back.action, back.note["healthy_since"]) == (None, None, NOON)


def test_once_none_of_them_is_left_the_rollout_goes_on() -> None:
    gone = replace(HEALTHY, status=HealthStatus.PROGRESSING, reason=NoPodLeft(), pods=())
    decision = decide(at(State.VERIFYING, status_counted=("p",), **SETTLED, health=gone))
    assert (decision.state, decision.note) == (State.ROLLING_OUT, {"counted": (), "healthy_since": None})


@pytest.mark.parametrize(
    ("served", "reason"),
    [
        ({}, PodSilent(pod=Name("p"), cause=NotAskedYet())),
        ({"p": told("connection refused")}, PodSilent(pod=Name("p"), cause=told("connection refused"))),
        ({"p": Served(model="iris", version=2)}, ServesOther(pod=Name("p"), model=Name("iris"), version=2, wanted=3)),
        ({"p": Served(model="churn", version=3)}, ServesOther(pod=Name("p"), model=Name("churn"), version=3, wanted=3)),
    ],
)
def test_a_pod_that_does_not_report_its_version_proves_nothing(served: dict[str, Any], reason: Reason) -> None:
    seen = at(State.VERIFYING, **SETTLED, **{**PROVEN, "served": served})
    decision = decide(seen)
    assert (decision.action, decision.state, decision.reason) == (None, None, reason)


def test_the_files_that_every_pod_serves_are_remembered_once_it_is_released() -> None:
    served = {"p": Served(model="iris", version=3, digest="sha256:33")}
    decision = decide(at(State.VERIFYING, **DONE, **{**PROVEN, "served": served}))
    assert (decision.released, decision.note["verified_digest"]) == (True, "sha256:33")


def test_pods_that_serve_different_files_as_one_version_prove_nothing() -> None:
    two = replace(HEALTHY, pods=(*HEALTHY.pods, PodSeen(name="q", address="1.2.3.5:8080", ready=True)))
    served = {name: Served(model="iris", version=3, digest=f"sha256:{name}") for name in "pq"}
    decision = decide(at(State.VERIFYING, **SETTLED, health=two, served=served))
    assert decision.action is None
    assert decision.reason == DifferentFiles(one=Name("p"), other=Name("q"), version=3)


@pytest.mark.parametrize("state", [State.SYNCING, State.ROLLING_OUT, State.VERIFYING])
def test_every_waiting_state_has_a_time_out(state: State) -> None:
    slow = replace(HEALTHY, status=HealthStatus.PROGRESSING, reason=told("0 of 1 pods"))
    other = replace(slow, pin=Pin(stage="production", version=1)) if state is State.SYNCING else slow
    health = HEALTHY if state is State.VERIFYING else other
    decision = decide(at(state, health=health, now=NOON + timedelta(hours=1)))
    assert (decision.state, decision.start) == (State.STALLED, None)


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


def _failing_pod(trouble: Reason) -> Health:
    return replace(SICK, reason=PodFailing(pod=Name("p"), trouble=trouble, more=0), patience=timedelta(seconds=30))


def test_each_cause_has_to_last_on_its_own() -> None:
    """40 s without the image, then 1 s without a Secret that is on its way, are not 41 s of anything."""
    secret = ContainerWaiting(reason=Name("CreateContainerConfigError"), message=Said("secret not found"))
    image = PodFailing(pod=Name("p"), trouble=ImageNotPulled(image=Name("i"), message=Said("429")), more=0)
    before = Failing(since=NOON, reason=image)
    later = NOON + timedelta(seconds=40)
    decision = decide(at(State.ROLLING_OUT, health=_failing_pod(secret), status_failing=before, now=later))
    assert decision.state is None
    assert decision.note["failing"] == Failing(since=later, reason=_failing_pod(secret).reason)
    same = _failing_pod(image.trouble)
    assert decide(at(State.ROLLING_OUT, health=same, status_failing=before, now=later)).state is State.FAILED


def test_a_second_cause_does_not_give_the_first_more_time() -> None:
    image = PodFailing(pod=Name("p"), trouble=ImageNotPulled(image=Name("i"), message=Said("denied")), more=0)
    two = replace(SICK, reason=SeveralCauses(causes=(image, told("another"))), patience=timedelta(seconds=30))
    before, later = Failing(since=NOON, reason=image), NOON + timedelta(seconds=40)
    assert decide(at(State.ROLLING_OUT, health=two, status_failing=before, now=later)).state is State.FAILED


def test_a_container_that_crashes_has_one_cause_however_it_is_seen() -> None:
    seen: list[Reason] = [
        CrashLoop(exit=told("exit code 1"), restarts=2),
        Restarted(exit=told("exit code 1"), restarts=3),
        InContainer(container=Name("server"), init=False, trouble=Terminated(exit=told("exit code 1"))),
    ]
    for first, then in permutations(seen, 2):
        before = Failing(since=NOON, reason=_failing_pod(first).reason)
        later = NOON + timedelta(seconds=40)
        ended = decide(at(State.ROLLING_OUT, health=_failing_pod(then), status_failing=before, now=later))
        assert ended.state is State.FAILED
