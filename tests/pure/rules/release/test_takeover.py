"""Which requests supersede a promotion in progress, and which come too late."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.cluster import Health, HealthStatus
from bot.domain.promotion import UNMERGED, FactKind, Kind, PullStatus, Release, Request, State
from bot.domain.reason import Name
from bot.domain.reasons.approval import VetoTooLate
from bot.domain.target import Change, Pin
from bot.rules.release.decision import ClosePull, Decision, Propose, Reply
from bot.rules.release.lifecycle import decide
from bot.rules.release.takeover import may_differ, may_supersede
from tests.fixtures.evidence import FACTS, OURS, PROMOTION, READY, TARGET, at, bare, checking, fact, told, vary
from tests.fixtures.promotions import NOON

NEWER = Request(target=TARGET, kind=Kind.PROMOTE, version=4, by="alice", at=NOON)
BACK = replace(NEWER, kind=Kind.ROLLBACK, version=1)
MERGED = (State.MERGING, State.SYNCING, State.ROLLING_OUT, State.VERIFYING, State.STALLED)
BUSY = (State.MERGING, State.ROLLING_OUT, State.VERIFYING)
TAKEN = PullStatus(number=7, url=OURS.url)
AUTO: dict[str, Any] = {"policy": replace(READY.policy, auto=True), "newest": 4, "attempted": 3}


@pytest.mark.parametrize("state", [State.CHECKING, State.PROPOSED])
def test_a_newer_version_takes_over_until_the_older_one_is_being_merged(state: State) -> None:
    promotion = replace(PROMOTION, state=state)
    assert may_supersede(NEWER, promotion)
    assert not may_supersede(replace(NEWER, version=3), promotion), "the same version is under way already"
    assert not may_supersede(replace(NEWER, version=2), promotion)
    assert not any(may_supersede(NEWER, replace(promotion, state=busy)) for busy in BUSY)


@pytest.mark.parametrize("state", [State.SYNCING, State.STALLED])
@pytest.mark.parametrize("kind", Kind)
def test_any_other_version_takes_over_from_what_the_cluster_does_not_show(state: State, kind: Kind) -> None:
    """A manual sync, a sync window, an agent that is down: the way on is not blocked."""
    waiting = replace(PROMOTION, state=state, kind=kind)
    assert all(may_supersede(request, waiting) for request in (NEWER, replace(NEWER, version=2), BACK))
    assert not may_supersede(replace(NEWER, version=3), waiting), "the same version is under way already"


@pytest.mark.parametrize("state", [state for state in State if state.open])
def test_going_back_takes_over_from_any_promotion(state: State) -> None:
    assert may_supersede(BACK, replace(PROMOTION, state=state))


def test_going_back_elsewhere_takes_over_from_going_back_only_until_that_is_being_merged() -> None:
    back = replace(PROMOTION, kind=Kind.ROLLBACK, version=2)
    assert may_supersede(BACK, back)
    assert not may_supersede(replace(BACK, version=2), back)
    assert not any(may_supersede(BACK, replace(back, state=busy)) for busy in BUSY)
    assert not may_supersede(NEWER, back)


@pytest.mark.parametrize("state", [state for state in State if state not in {*UNMERGED, State.RELEASED}])
def test_git_is_astray_while_what_was_merged_last_is_not_the_proven_release(state: State) -> None:
    proven = Release(target=TARGET, version=1, since=NOON)
    last = replace(PROMOTION, state=state)
    assert may_differ(proven, None, last)
    assert may_differ(proven, last, None), "it may be merged in a moment"
    assert not may_differ(replace(proven, version=last.version), None, last)


def test_git_is_not_astray_before_a_merge_and_after_a_release() -> None:
    proven = Release(target=TARGET, version=1, since=NOON)
    assert not may_differ(proven, None, None)
    assert not any(may_differ(proven, replace(PROMOTION, state=state)) for state in UNMERGED)
    assert not may_differ(proven, None, replace(PROMOTION, state=State.RELEASED))


def test_automation_takes_over_from_itself_and_from_nobody_else() -> None:
    own = replace(PROMOTION, automatic=True)
    decision = decide(vary(READY, promotion=own, **AUTO))
    assert decision.state is State.SUPERSEDED
    assert decision.start is not None
    assert decision.start.version == 4
    assert decide(vary(READY, **AUTO)).state is State.MERGING


def test_a_version_that_was_tried_before_is_not_retried_automatically() -> None:
    """After a rollback, too: nothing but a person takes that version there again."""
    idle = bare(READY, promotion=None, **AUTO)
    assert decide(idle).start is not None
    assert decide(replace(idle, attempted=4)) == Decision()


def test_a_rollback_closes_a_pending_merge_before_it_reads_git() -> None:
    back = checking()
    rollback = replace(back.promotion, kind=Kind.ROLLBACK)
    taken = vary(back, promotion=rollback, status_pull=TAKEN)
    assert isinstance(decide(taken).action, ClosePull)
    closed = vary(back, promotion=rollback, status_pull=replace(TAKEN, closed=True))
    assert isinstance(decide(closed).action, Propose)


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        ({"details": None}, State.BLOCKED),
        ({"facts": (fact(FactKind.CANCEL, "alice", digest=None),)}, State.CANCELLED),
        ({"now": NOON + timedelta(days=4)}, State.EXPIRED),
        ({"change": Change(before={"a": "3"}, after={"a": "3"})}, State.PROPOSED),
    ],
)
def test_a_pull_request_that_was_taken_over_is_not_left_behind(seen: dict[str, Any], state: State) -> None:
    assert isinstance(decide(checking(**seen, status_pull=TAKEN)).action, ClosePull)
    assert decide(checking(**seen, status_pull=replace(TAKEN, closed=True))).state is state


@pytest.mark.parametrize("state", [*MERGED[1:], State.RELEASED, State.FAILED])
def test_a_late_veto_is_answered_with_how_to_roll_back(state: State) -> None:
    late = fact(FactKind.VETO, "bob", number=9)
    decision = decide(at(state, facts=(*FACTS, late)))
    assert isinstance(decision.action, Reply)
    assert (decision.action.fact, decision.action.to) == (9, "bob")
    rollback = Name("/rollback iris production")
    assert decision.action.reason == VetoTooLate(over=not state.open, version=3, rollback=rollback)
    answered = decide(at(state, facts=(*FACTS, replace(late, answered=True))))
    assert not isinstance(answered.action, Reply)


@pytest.mark.parametrize("state", [State.ROLLING_OUT, State.VERIFYING])
def test_people_decide_at_last_about_what_is_not_seen(state: State) -> None:
    unknown = Health(status=HealthStatus.UNKNOWN, reason=told("no status yet"))
    for health in (unknown, None):
        decision = decide(at(state, health=health, now=NOON + timedelta(hours=1)))
        assert (decision.state, decision.start) == (State.STALLED, None)


def test_time_without_observations_is_not_counted() -> None:
    slow = Health(status=HealthStatus.PROGRESSING, reason=told("0 of 1 pods"), pin=Pin(stage="production", version=3))
    hour = NOON + timedelta(hours=1)
    assert decide(at(State.ROLLING_OUT, health=slow, now=hour)).state is State.STALLED
    back = decide(at(State.ROLLING_OUT, health=slow, now=hour, status_trouble=told("the cluster does not answer")))
    assert back.note["clear_since"] == hour
