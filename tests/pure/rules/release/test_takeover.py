"""What takes the place of a promotion that is under way, and what comes too late."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.cluster import Health, HealthStatus
from bot.domain.promotion import UNMERGED, FactKind, Kind, Release, Request, State
from bot.domain.target import Change, Pin
from bot.rules.release.decision import ClosePull, Decision, Propose, Whisper
from bot.rules.release.lifecycle import decide
from bot.rules.release.takeover import may_supersede, unproven
from tests.fixtures.evidence import FACTS, PAIR, PROPOSED, SEEN, at, checking, said
from tests.fixtures.promotions import NOON

NEWER = Request(pair=PAIR, kind=Kind.PROMOTE, version=4, by="alice", at=NOON)
BACK = replace(NEWER, kind=Kind.ROLLBACK, version=1)
MERGED = (State.MERGING, State.SYNCING, State.ROLLING_OUT, State.PROVING)
AUTO: dict[str, Any] = {"policy": replace(SEEN.policy, auto=True), "newest": 4, "attempted": 3}


@pytest.mark.parametrize("state", [State.CHECKING, State.PROPOSED])
def test_a_newer_version_takes_over_until_the_older_one_is_being_merged(state: State) -> None:
    it = replace(PROPOSED, state=state)
    assert may_supersede(NEWER, it)
    assert not may_supersede(replace(NEWER, version=3), it), "the same version is under way already"
    assert not may_supersede(replace(NEWER, version=2), it)
    assert not any(may_supersede(NEWER, replace(it, state=merged)) for merged in MERGED)


@pytest.mark.parametrize("state", [state for state in State if state.open])
def test_going_back_takes_over_from_any_promotion(state: State) -> None:
    assert may_supersede(BACK, replace(PROPOSED, state=state))


def test_going_back_elsewhere_takes_over_from_going_back_only_until_that_is_being_merged() -> None:
    back = replace(PROPOSED, kind=Kind.ROLLBACK, version=2)
    assert may_supersede(BACK, back)
    assert not may_supersede(replace(BACK, version=2), back)
    assert not may_supersede(BACK, replace(back, state=State.SYNCING))
    assert not may_supersede(NEWER, back)


@pytest.mark.parametrize("state", [state for state in State if state not in {*UNMERGED, State.RELEASED}])
def test_git_is_astray_while_what_was_merged_last_is_not_the_proven_release(state: State) -> None:
    proven = Release(pair=PAIR, version=1, since=NOON)
    last = replace(PROPOSED, state=state)
    assert unproven(proven, None, last)
    assert unproven(proven, last, None), "it may be merged in a moment"
    assert not unproven(replace(proven, version=last.version), None, last)


def test_git_is_not_astray_before_a_merge_and_after_a_release() -> None:
    proven = Release(pair=PAIR, version=1, since=NOON)
    assert not unproven(proven, None, None)
    assert not any(unproven(proven, replace(PROPOSED, state=state)) for state in UNMERGED)
    assert not unproven(proven, None, replace(PROPOSED, state=State.RELEASED))


def test_automation_takes_over_from_itself_and_from_nobody_else() -> None:
    own = replace(PROPOSED, automatic=True)
    decision = decide(replace(SEEN, promotion=own, **AUTO))
    assert decision.state is State.SUPERSEDED
    assert decision.start is not None
    assert decision.start.version == 4
    assert decide(replace(SEEN, **AUTO)).state is State.MERGING


def test_what_was_tried_before_is_not_tried_again_by_itself() -> None:
    """After a rollback, too: nothing but a person takes that version there again."""
    idle = replace(SEEN, promotion=None, **AUTO)
    assert decide(idle).start is not None
    assert decide(replace(idle, attempted=4)) == Decision()


def test_a_way_back_ends_what_may_still_be_merging_before_it_looks_at_git() -> None:
    back = checking()
    assert back.promotion is not None
    record = replace(back.promotion.record, pull=7)
    taken = replace(back.promotion, kind=Kind.ROLLBACK, record=record)
    first = decide(replace(back, promotion=taken)).action
    assert isinstance(first, ClosePull)
    closed = replace(taken, record=replace(record, pull_closed=True))
    assert isinstance(decide(replace(back, promotion=closed)).action, Propose)


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        ({"card": None}, State.BLOCKED),
        ({"facts": (said(FactKind.CANCEL, "alice", digest=None),)}, State.CANCELLED),
        ({"now": NOON + timedelta(days=4)}, State.EXPIRED),
        ({"change": Change(before={"a": "3"}, after={"a": "3"})}, State.SYNCING),
    ],
)
def test_a_pull_request_that_was_taken_over_is_not_left_behind(seen: dict[str, Any], state: State) -> None:
    fresh = checking(**seen)
    assert fresh.promotion is not None
    taken = replace(fresh.promotion, record=replace(fresh.promotion.record, pull=7))
    assert isinstance(decide(replace(fresh, promotion=taken)).action, ClosePull)
    closed = replace(taken, record=replace(taken.record, pull_closed=True))
    assert decide(replace(fresh, promotion=closed)).state is state


@pytest.mark.parametrize("state", [*MERGED[1:], State.RELEASED, State.FAILED])
def test_a_veto_that_comes_too_late_is_told_so_and_how_to_go_back(state: State) -> None:
    late = said(FactKind.VETO, "bob", digest=PROPOSED.record.digest, number=9)
    decision = decide(at(state, facts=(*FACTS, late)))
    assert isinstance(decision.action, Whisper)
    assert (decision.action.fact, decision.action.to) == (9, "bob")
    assert "too late" in decision.action.text
    assert "`/rollback iris production`" in decision.action.text
    told = decide(at(state, facts=(*FACTS, replace(late, answered=True))))
    assert not isinstance(told.action, Whisper)


@pytest.mark.parametrize("state", [State.ROLLING_OUT, State.PROVING])
def test_what_is_not_seen_ends_at_last_but_is_never_rolled_back(state: State) -> None:
    unknown = Health(status=HealthStatus.UNKNOWN, because="no status yet")
    for health in (unknown, None):
        decision = decide(at(state, health=health, now=NOON + timedelta(hours=1)))
        assert (decision.state, decision.start) == (State.FAILED, None)


def test_time_in_which_nobody_could_look_is_not_counted() -> None:
    slow = Health(status=HealthStatus.PROGRESSING, because="0 of 1 pods", pin=Pin(stage="production", version=3))
    hour = NOON + timedelta(hours=1)
    assert decide(at(State.ROLLING_OUT, health=slow, now=hour)).state is State.FAILED
    back = decide(at(State.ROLLING_OUT, health=slow, now=hour, record={"trouble": "the cluster does not answer"}))
    assert back.note["clear_since"] == hour
