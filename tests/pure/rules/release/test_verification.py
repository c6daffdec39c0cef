"""Verification fits the server: which method is chosen, when it is fixed, and what the answers of the pods mean."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.cluster import PodSeen, Served
from bot.domain.policy import Policy
from bot.domain.promotion import RegistryStatus, State, Status
from bot.domain.reason import Name, Reason
from bot.domain.reasons.rollout import EveryPodServes, PodSilent, ServesOther
from bot.domain.reasons.verification import (
    AnswersOther,
    NamesOther,
    RolloutIsEnough,
    VerifiedByField,
    VerifiedByImage,
    VerifiedByKServe,
    VerifiedByOpenInference,
    VerifiedByRollout,
)
from bot.domain.target import Pin
from bot.domain.verification import Answer, Confirms, Differs, Live, Method, Verify
from bot.rules.release.decision import Decision, Evidence, MoveAlias
from bot.rules.release.lifecycle import decide
from bot.rules.release.verification import CHECKS, after_merge, before_merge
from bot.rules.wording.reasons import plain
from bot.store import reasons as stored
from tests.fixtures.evidence import HEALTHY, READY, at, told, vary
from tests.fixtures.promotions import NOON

AUTO, OURS, ROLLOUT = Verify(), Verify(method=Method.CALLBOARD), Verify(method=Method.ROLLOUT)
NAMED = Verify(method=Method.OPEN_INFERENCE, named=True)
CHOSEN = replace(NAMED, named=False)
SILENT = told("connection refused")
LATE = NOON + timedelta(hours=1)
DONE = RegistryStatus(alias_moved=True, tagged=True)


def live(version: int | None = 1, *, reached: bool = True, **answers: Answer | tuple[Answer, ...]) -> Live:
    """Return what pods of a version answer, by method."""
    found = {Method[name.upper()]: each if isinstance(each, tuple) else (each,) for name, each in answers.items()}
    return Live(version=version, answers=found, reached=reached)


def served(version: int, model: str = "iris") -> Served:
    return Served(model=model, version=version)


# ── which method ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        pytest.param(live(callboard=served(1)), Method.CALLBOARD, id="ours"),
        pytest.param(live(callboard=(SILENT, served(1))), Method.CALLBOARD, id="ours-one-pod-of-two"),
        pytest.param(live(None, callboard=served(7)), Method.CALLBOARD, id="ours-version-not-pinned"),
        pytest.param(live(callboard=served(1), open_inference=Confirms()), Method.CALLBOARD, id="ours-first"),
        pytest.param(live(callboard=served(4)), Method.ROLLOUT, id="same-form-other-versions"),
        pytest.param(live(callboard=served(1, "bert")), Method.ROLLOUT, id="same-form-other-model"),
        pytest.param(live(callboard=SILENT, open_inference=Confirms()), Method.OPEN_INFERENCE, id="names-what-is-live"),
        pytest.param(live(open_inference=Differs(found=Name("1"))), Method.ROLLOUT, id="names-a-folder"),
        pytest.param(live(open_inference=(Confirms(), Differs(found=Name("1")))), Method.ROLLOUT, id="names-both"),
        pytest.param(live(open_inference=SILENT, kserve=Confirms()), Method.KSERVE, id="kserve"),
        pytest.param(live(callboard=SILENT), Method.ROLLOUT, id="says-nothing"),
        pytest.param(live(callboard=SILENT, reached=False), None, id="unreachable"),
        pytest.param(None, None, id="no-pods"),
    ],
)
def test_auto_is_what_the_live_pods_answer_with_the_live_version(seen: Live | None, expected: Method | None) -> None:
    found = before_merge(AUTO, seen, "iris")
    assert (found.method if found else None) is expected
    assert found is None or not found.named


@pytest.mark.parametrize("verify", [NAMED, replace(ROLLOUT, named=True)])
def test_a_named_method_is_used_whatever_the_pods_answer(verify: Verify) -> None:
    for seen in (None, live(callboard=served(1))):
        assert before_merge(verify, seen, "iris") == verify
    assert after_merge(verify, [served(1)], watched=False) == verify


def test_new_pods_that_had_none_before_them_are_ours_or_verified_by_their_rollout() -> None:
    assert after_merge(AUTO, [SILENT, served(3)], watched=False) == OURS
    assert after_merge(AUTO, [SILENT, Confirms()], watched=False) is None, "it may still answer"
    assert after_merge(AUTO, [SILENT], watched=True) == ROLLOUT
    assert after_merge(AUTO, [], watched=True) == ROLLOUT


def test_every_method_but_auto_has_a_check() -> None:
    assert {*CHECKS, Method.AUTO} == set(Method)


@pytest.mark.parametrize("method", Method)
def test_the_method_comes_out_of_the_database_as_it_went_in(method: Method) -> None:
    verify = Verify(method=method, named=True, path="/{model}", field="/a", equals="v{version}", model="x")
    assert stored.decode(stored.encode(Status(verified_by=verify)), Status).verified_by == verify
    assert stored.decode("{}", Status).verified_by is None


# ── when it is fixed ─────────────────────────────────────────────────────────────────────────────────


def test_the_method_is_fixed_with_the_decision_to_merge() -> None:
    merging = decide(vary(READY, live=live(callboard=SILENT)))
    assert (merging.state, merging.note["verified_by"]) == (State.MERGING, ROLLOUT)


def test_a_merge_does_not_wait_for_pods_that_cannot_be_asked() -> None:
    for before in (None, OURS):
        merging = decide(vary(READY, status_verified_by=before))
        assert (merging.state, merging.note["verified_by"]) == (State.MERGING, before)


def test_what_is_in_git_already_is_fixed_at_the_first_look() -> None:
    old = replace(HEALTHY, pin=Pin(stage="production", version=1))
    first = decide(at(State.SYNCING, status_verified_by=None, health=old, live=live(callboard=SILENT)))
    assert (first.state, first.note["verified_by"]) == (None, ROLLOUT)
    again = decide(at(State.SYNCING, status_verified_by=OURS, health=old, live=live(callboard=SILENT)))
    assert "verified_by" not in again.note


def test_without_pods_before_the_new_ones_tell() -> None:
    new: dict[str, Any] = {"status_verified_by": None, "status_healthy_since": NOON, "health": HEALTHY}
    assert decide(at(State.VERIFYING, served={"p": served(3)}, **new)).note["verified_by"] == OURS
    waits = decide(at(State.VERIFYING, served={"p": SILENT}, **new))
    assert (waits.state, waits.action, waits.note) == (None, None, {})
    assert waits.wake is not None
    assert waits.wake <= READY.policy.watch
    over = NOON + READY.policy.watch
    assert decide(at(State.VERIFYING, served={"p": SILENT}, **new, now=over)).note["verified_by"] == ROLLOUT


def test_pods_that_were_not_ready_meanwhile_are_watched_anew_before_the_method_is_fixed() -> None:
    new: dict[str, Any] = {"status_verified_by": None, "status_healthy_since": None, "health": HEALTHY}
    assert decide(at(State.VERIFYING, served={"p": SILENT}, **new)).note["healthy_since"] == NOON


def test_a_healthy_workload_without_pods_is_not_rolled_out_again_and_again() -> None:
    empty = {"status_healthy_since": NOON, "health": replace(HEALTHY, pods=())}
    over = NOON + READY.policy.watch
    assert isinstance(decide(at(State.VERIFYING, status_verified_by=ROLLOUT, now=over, **empty)).action, MoveAlias)
    assert decide(at(State.VERIFYING, now=LATE, **empty)).state is State.STALLED


# ── what the answers mean ────────────────────────────────────────────────────────────────────────────


def verifying(verify: Verify, *answers: Answer, **changes: Any) -> Evidence:
    """Return the evidence about new pods that were watched long enough, and answer so."""
    pods = tuple(PodSeen(name=f"p{n}", address="1.2.3.4:8080", ready=True) for n in range(len(answers)))
    seen: dict[str, Any] = {
        "status_verified_by": verify,
        "status_healthy_since": NOON - timedelta(hours=1),
        "health": replace(HEALTHY, pods=pods),
        "served": {pod.name: answer for pod, answer in zip(pods, answers, strict=True)},
    }
    return at(State.VERIFYING, **{**seen, **changes})


def outcome(seen: Evidence) -> Decision:
    """Return how it ends if nothing changes: the alias and the tag are written."""
    return decide(vary(seen, status_registry=DONE, now=LATE))


@pytest.mark.parametrize(
    ("verify", "answer", "why"),
    [
        (OURS, served(3), EveryPodServes(version=3)),
        (NAMED, Confirms(), VerifiedByOpenInference(version=3)),
        (CHOSEN, Confirms(), VerifiedByOpenInference(version=3)),
        (Verify(method=Method.KSERVE), Confirms(), VerifiedByKServe()),
        (Verify(method=Method.IMAGE, named=True), Confirms(), VerifiedByImage(version=3)),
        (
            Verify(method=Method.FIELD, named=True, path="/info"),
            Confirms(),
            VerifiedByField(path=Name("/info"), version=3),
        ),
        (ROLLOUT, SILENT, VerifiedByRollout()),
        (replace(ROLLOUT, named=True), SILENT, RolloutIsEnough()),
    ],
)
def test_a_release_says_how_it_was_verified(verify: Verify, answer: Answer, why: Reason) -> None:
    decision = outcome(verifying(verify, answer, answer))
    assert (decision.state, decision.released, decision.reason) == (State.RELEASED, True, why)


def test_without_a_version_from_the_pods_the_message_says_so() -> None:
    assert plain(VerifiedByRollout()) == "the pods do not say which version they serve; verified by rollout"


@pytest.mark.parametrize(
    ("verify", "answer", "why"),
    [
        (OURS, served(2), ServesOther(pod=Name("p0"), model=Name("iris"), version=2, wanted=3)),
        (NAMED, Differs(found=Name("2")), AnswersOther(pod=Name("p0"), found=Name("2"), version=3)),
        (
            Verify(method=Method.FIELD, named=True),
            Differs(found=Name("2")),
            AnswersOther(pod=Name("p0"), found=Name("2"), version=3),
        ),
    ],
)
def test_our_server_and_a_named_method_can_fail_a_release(verify: Verify, answer: Answer, why: Reason) -> None:
    decision = outcome(verifying(verify, answer))
    assert (decision.state, decision.reason) == (State.FAILED, why)
    assert decision.start is not None, "the way back"


def test_a_server_that_auto_chose_can_only_confirm() -> None:
    """Triton's "1" is the name of a folder."""
    decision = outcome(verifying(CHOSEN, Differs(found=Name("1"))))
    assert (decision.state, decision.start) == (State.STALLED, None)
    assert decision.reason == PodSilent(pod=Name("p0"), cause=NamesOther(found=Name("1")))


@pytest.mark.parametrize("verify", [verify for verify in (OURS, NAMED, CHOSEN) if verify.method is not Method.ROLLOUT])
def test_silence_is_never_a_failure_and_never_lasts_for_ever(verify: Verify) -> None:
    seen = verifying(verify, Confirms() if verify is not OURS else served(3), SILENT)
    assert decide(seen).reason == PodSilent(pod=Name("p1"), cause=SILENT)
    stalled = outcome(seen)
    assert (stalled.state, stalled.start) == (State.STALLED, None)


def test_a_contradiction_counts_although_another_pod_is_silent() -> None:
    assert outcome(verifying(OURS, SILENT, served(2))).state is State.FAILED


def test_a_rollout_is_watched_as_long_as_any_other() -> None:
    soon = verifying(ROLLOUT, SILENT, status_healthy_since=NOON - timedelta(seconds=30))
    assert decide(soon).wake == READY.policy.watch - timedelta(seconds=30)
    assert isinstance(decide(verifying(ROLLOUT, SILENT)).action, MoveAlias)


def test_what_stalled_before_a_method_was_fixed_goes_on_when_it_is_healthy() -> None:
    seen = at(State.STALLED, status_verified_by=None, health=HEALTHY, served={"p": SILENT})
    assert decide(seen).state is State.VERIFYING
    assert seen.promotion is not None
    silent = replace(seen.promotion, reason=PodSilent(pod=Name("p"), cause=SILENT))
    assert decide(vary(seen, promotion=silent)).state is None, "a pod was waited for: people decide"


def test_the_policy_of_a_stage_is_auto() -> None:
    assert Policy().verify == AUTO
