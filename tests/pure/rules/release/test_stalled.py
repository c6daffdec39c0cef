"""A merged change that neither rolls out nor is seen to fail: people decide, or it continues automatically."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.cluster import Health, HealthStatus, PodSeen, Served
from bot.domain.policy import OnFailure
from bot.domain.promotion import Advance, Fact, FactKind, Kind, RegistryStatus, State
from bot.domain.reason import Name, Reason, User
from bot.domain.reasons.rollout import (
    AcceptedUnverified,
    KeptWaiting,
    MayNotDecide,
    NothingToGoBackTo,
    NotPickedUp,
    PodSilent,
    ServesOther,
    StalledTooLong,
)
from bot.domain.target import Pin
from bot.rules.release.decision import Decision, Evidence, MoveAlias, Reply
from bot.rules.release.lifecycle import decide
from bot.rules.release.rollout import counted
from tests.fixtures.evidence import READY, at, fact, told, vary
from tests.fixtures.promotions import NOON

PIN = Pin(stage="production", version=3)
POD = PodSeen(name="p", address="1.2.3.4:8080", ready=True)
HEALTHY = Health(status=HealthStatus.HEALTHY, reason=told("1 of 1 pods"), wanted=1, ready=1, pods=(POD,), pin=PIN)
SLOW = replace(HEALTHY, status=HealthStatus.PROGRESSING, ready=0)
SICK = replace(HEALTHY, status=HealthStatus.DEGRADED, reason=told("pod p crashes"))
SILENT = PodSilent(pod=Name("p"), cause=told("no answer"))
LATE = NOON + timedelta(hours=1)


def stalled(*facts: Fact, why: Reason = SILENT, **changes: Any) -> Evidence:
    """Return the evidence about a promotion that stalled at noon."""
    seen = at(State.STALLED, facts=facts, **changes)
    assert seen.promotion is not None
    return vary(seen, promotion=replace(seen.promotion, reason=why))


def pressed(kind: FactKind, by: str = "bob") -> Fact:
    return replace(fact(kind, by, number=9), at=NOON + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("state", "health"),
    [
        (State.SYNCING, None),
        (State.SYNCING, replace(SLOW, status=HealthStatus.UNKNOWN, pin=None)),
        (State.SYNCING, replace(SLOW, pin=Pin(stage="production", version=2))),
        (State.ROLLING_OUT, None),
        (State.ROLLING_OUT, SLOW),
        (State.ROLLING_OUT, replace(SLOW, status=HealthStatus.SUSPENDED)),
        (State.ROLLING_OUT, replace(SLOW, status=HealthStatus.UNKNOWN)),
        (State.VERIFYING, replace(SLOW, status=HealthStatus.UNKNOWN)),
        (State.VERIFYING, HEALTHY),
    ],
)
def test_what_is_not_seen_to_fail_is_never_rolled_back(state: State, health: Health | None) -> None:
    decision = decide(at(state, health=health, served={"p": told("no answer")}, now=LATE))
    assert (decision.state, decision.start) == (State.STALLED, None)


def test_a_pod_that_keeps_reporting_another_version_is_a_failure() -> None:
    decision = decide(at(State.VERIFYING, health=HEALTHY, served={"p": Served(model="iris", version=2)}, now=LATE))
    assert decision.state is State.FAILED
    assert isinstance(decision.reason, ServesOther)
    assert decision.start is not None


def test_the_time_out_counts_from_the_last_progress() -> None:
    """Ten pods that load for two minutes each are released within a time-out of 15 minutes."""
    pods = tuple(replace(POD, name=f"p{n}") for n in range(9))
    health = replace(SLOW, wanted=10, ready=9, pods=pods)
    advanced = decide(at(State.ROLLING_OUT, health=health, now=LATE))
    assert advanced.note["advance"] == Advance(ready=9, at=LATE)
    assert advanced.state is None
    soon, late = (LATE + timedelta(minutes=minutes) for minutes in (14, 16))
    known = {"health": health, "status_advance": Advance(ready=9, at=LATE)}
    assert decide(at(State.ROLLING_OUT, now=soon, **known)).state is None
    assert decide(at(State.ROLLING_OUT, now=late, **known)).state is State.STALLED


def test_a_pod_that_comes_and_goes_is_no_progress() -> None:
    known = {"health": replace(SLOW, ready=1), "status_advance": Advance(ready=2, at=NOON)}
    assert decide(at(State.ROLLING_OUT, now=LATE, **known)).state is State.STALLED


def test_keep_waiting_gives_it_the_whole_time_once_more() -> None:
    decision = decide(stalled(pressed(FactKind.KEEP_WAITING)))
    assert (decision.state, decision.reason) == (State.SYNCING, KeptWaiting(by=User("bob")))
    assert decide(stalled(pressed(FactKind.KEEP_WAITING, "alice"))).state is State.SYNCING, "the requester may"


def test_accepted_unverified_moves_the_alias_and_is_released() -> None:
    accepted = stalled(pressed(FactKind.ACCEPT), health=HEALTHY)
    assert isinstance(decide(accepted).action, MoveAlias)
    done = decide(vary(accepted, status_registry=RegistryStatus(alias_moved=True, tagged=True)))
    assert (done.state, done.released) == (State.RELEASED, True)
    assert done.reason == AcceptedUnverified(by=User("bob"), unseen=SILENT)


def test_roll_back_starts_the_way_back_in_the_name_of_who_pressed_it() -> None:
    decision = decide(stalled(pressed(FactKind.GO_BACK), voters=replace(READY.voters, returners=frozenset({"bob"}))))
    assert decision.state is State.SUPERSEDED
    assert decision.start is not None
    assert (decision.start.kind, decision.start.version, decision.start.by) == (Kind.ROLLBACK, 1, "bob")


@pytest.mark.parametrize("kind", [FactKind.KEEP_WAITING, FactKind.ACCEPT, FactKind.GO_BACK])
def test_people_who_may_not_decide_are_told_so(kind: FactKind) -> None:
    decision = decide(stalled(pressed(kind, "mallory")))
    assert isinstance(decision.action, Reply)
    assert isinstance(decision.action.reason, MayNotDecide)


def test_where_there_is_no_earlier_release_nobody_can_go_back() -> None:
    may = replace(READY.voters, returners=frozenset({"bob"}))
    decision = decide(stalled(pressed(FactKind.GO_BACK), voters=may, release=None))
    assert isinstance(decision.action, Reply)
    assert decision.action.reason == NothingToGoBackTo()


def test_clicks_from_before_the_stall_decide_nothing() -> None:
    early = replace(pressed(FactKind.ACCEPT), at=NOON - timedelta(minutes=1))
    assert decide(stalled(early)).action is None
    assert decide(stalled(replace(pressed(FactKind.ACCEPT), answered=True))).action is None


def test_while_the_chat_cannot_tell_who_may_decide_nothing_is_decided() -> None:
    unsure = replace(READY.voters, unsure=told("Slack does not answer"))
    decision = decide(stalled(pressed(FactKind.ACCEPT), voters=unsure))
    assert (decision.state, decision.action) == (None, None)


def test_it_continues_automatically_once_the_cluster_shows_what_was_missing() -> None:
    late = NotPickedUp(timeout=timedelta(minutes=15), found=told("v2"))
    assert decide(stalled(why=late, health=SLOW)).state is State.ROLLING_OUT
    before = replace(SICK, pin=Pin(stage="production", version=1))
    assert decide(stalled(why=late, health=before)).state is None, "what runs until then does not matter"
    assert decide(stalled(health=HEALTHY, served={"p": told("no answer")})).state is None, "told once"
    serves = {"p": Served(model="iris", version=3)}
    assert decide(stalled(health=HEALTHY, served=serves)).state is State.VERIFYING


def test_a_failure_that_is_seen_later_is_rolled_back_as_ever() -> None:
    decision = decide(stalled(health=SICK))
    assert decision.state is State.FAILED
    assert decision.start is not None


def test_nothing_waits_for_ever() -> None:
    decision = decide(stalled(now=NOON + timedelta(days=4)))
    assert (decision.state, decision.start) == (State.FAILED, None)
    assert isinstance(decision.reason, StalledTooLong)


# ── on_failure ───────────────────────────────────────────────────────────────────────────────────────


def test_people_are_asked_about_a_failure_if_the_policy_says_ask() -> None:
    policy = replace(READY.policy, on_failure=OnFailure.ASK)
    asked = decide(at(State.ROLLING_OUT, health=SICK, policy=policy))
    assert (asked.state, asked.reason, asked.start) == (State.STALLED, SICK.reason, None)
    again = decide(stalled(why=SICK.reason, health=SICK, policy=policy))
    assert (again.state, again.start) == (None, None), "told once"


def test_nothing_follows_a_failure_if_the_policy_says_nothing() -> None:
    policy = replace(READY.policy, on_failure=OnFailure.NOTHING)
    assert decide(at(State.ROLLING_OUT, health=SICK, policy=policy)) == Decision(
        state=State.FAILED, reason=SICK.reason, note=decide(at(State.ROLLING_OUT, health=SICK)).note
    )


def test_the_pods_of_a_complete_rollout_count_also_while_it_is_stalled() -> None:
    evidence = stalled(status_counted=("p",), health=SLOW)
    assert evidence.promotion is not None
    assert counted(evidence.promotion) == ("p",)
    assert "counted" not in decide(evidence).note


def test_all_new_pods_count_once_none_of_the_complete_rollout_is_left() -> None:
    gone = replace(SLOW, pods=())
    assert decide(stalled(status_counted=("p",), health=gone)).note == {"counted": ()}
    assert "counted" not in decide(stalled(health=gone)).note


def test_whoever_keeps_waiting_starts_the_rollout_anew() -> None:
    assert decide(stalled(pressed(FactKind.KEEP_WAITING), status_counted=("p",))).note["counted"] == ()
