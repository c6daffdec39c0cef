"""A merged change is picked up, rolls out and is verified, or fails for what was seen."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from bot.domain.cluster import Health, HealthStatus, PodSeen, Served
from bot.domain.policy import OnFailure
from bot.domain.promotion import Failing, Kind, RegistryStatus, State
from bot.domain.reason import Command, Name, Reason, Said
from bot.domain.reasons.configmaps import PodsOlder
from bot.domain.reasons.health import NoPodLeft, PodFailing, SeveralCauses
from bot.domain.reasons.pods import ContainerWaiting, CrashLoop, ImageNotPulled, InContainer, Restarted, Terminated
from bot.domain.reasons.rollout import (
    ChangedByOthers,
    DifferentFiles,
    NotAskedYet,
    NotPickedUp,
    PodSilent,
    ServesOther,
)
from bot.domain.target import Pin
from bot.domain.verification import Method, Verify
from bot.rules.release.decision import MoveAlias, Tag
from bot.rules.release.lifecycle import decide
from tests.fixtures.evidence import (
    HEALTHY,
    READY,
    SICK,
    at,
    told,
    vary,
)
from tests.fixtures.promotions import NOON


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


LATE = NOON + timedelta(days=1)
VERIFY = Verify(method=Method.CALLBOARD)
OLDER = PodsOlder(configmap=Name("release"), version=3, restart=Command("kubectl rollout restart deployment/x"))
V2 = Pin(stage="production", version=2)
SERVES = {"p": Served(model="iris", version=3)}


@pytest.mark.parametrize(
    ("changes", "served", "state"),
    [
        ({}, {}, State.ROLLING_OUT),
        ({"pending": OLDER}, {}, None),
        ({"pending": OLDER}, SERVES, State.ROLLING_OUT),
        ({"pending": OLDER, "pin": V2}, SERVES, None),
        ({"pending": OLDER, "pin": None}, SERVES, State.ROLLING_OUT),
    ],
)
def test_a_pin_in_a_configmap_counts_once_the_pods_have_it(
    changes: dict[str, Any], served: dict[str, Any], state: State | None
) -> None:
    assert decide(at(State.SYNCING, health=replace(HEALTHY, **changes), served=served)).state is state


@pytest.mark.parametrize("pin", [HEALTHY.pin, None], ids=["known", "unknown"])
def test_what_is_missing_is_why_it_stalls(pin: Pin | None) -> None:
    late = at(State.SYNCING, health=replace(HEALTHY, pin=pin, pending=OLDER), now=LATE)
    decision = decide(late)
    assert decision.state is State.STALLED
    assert isinstance(decision.reason, NotPickedUp)
    assert decision.reason.found == OLDER


@pytest.mark.parametrize("state", [State.ROLLING_OUT, State.VERIFYING])
def test_somebody_else_may_change_the_pin_in_a_configmap(state: State) -> None:
    changed = decide(at(state, health=replace(HEALTHY, pin=V2, pending=OLDER)))
    assert (changed.state, type(changed.reason)) == (State.FAILED, ChangedByOthers)


def test_pods_that_only_have_to_be_restarted_never_fail_a_release() -> None:
    """The ConfigMap was changed twice, for example: the pods serve what it held in between."""
    served = {"p": Served(model="iris", version=2)}
    contradicted = at(State.VERIFYING, health=HEALTHY, served=served, status_verified_by=VERIFY, now=LATE)
    assert decide(contradicted).state is State.FAILED
    pending = decide(vary(contradicted, health=replace(HEALTHY, pending=OLDER)))
    assert (pending.state, pending.reason) == (State.STALLED, OLDER)


def test_a_template_that_is_about_to_hold_the_version_is_waited_for() -> None:
    """Until now it named the stage alone, and the stage's alias may lead to the same version."""
    unpinned = replace(HEALTHY, pin=Pin(stage="production", version=None))
    served = {"p": Served(model="iris", version=3)}
    assert decide(at(State.SYNCING, health=unpinned, served=served)).state is None


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


def test_a_cause_that_comes_and_goes_does_not_give_another_more_time() -> None:
    image, start = (told("no image"), ImageNotPulled(image=Name("i"), message=Said("denied")))
    two = replace(_failing_pod(start), lasting=(start, image))
    before, later = Failing(since=NOON, reason=image), NOON + timedelta(seconds=20)
    both = decide(at(State.ROLLING_OUT, health=two, status_failing=before, now=later))
    failing = both.note["failing"]
    assert failing == Failing(since=later, reason=two.reason, also={image.code: NOON})
    alone, end = replace(_failing_pod(image), lasting=(image,)), NOON + timedelta(seconds=31)
    assert decide(at(State.ROLLING_OUT, health=alone, status_failing=failing, now=end)).state is State.FAILED
    missed = at(State.ROLLING_OUT, health=alone, status_failing=failing, status_trouble=told("no answer"), now=end)
    assert decide(missed).state is None, "nothing was looked at for a while"


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
