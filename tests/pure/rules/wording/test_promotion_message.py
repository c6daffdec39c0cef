"""One message tells a promotion's whole story, and stays valid whatever it contains."""

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import Message
from bot.domain.cluster import Health, HealthStatus, PodSeen
from bot.domain.policy import Policy
from bot.domain.promotion import (
    Consent,
    Failing,
    Kind,
    PinnedStatus,
    Promotion,
    PullStatus,
    RegistryStatus,
    Ruling,
    State,
    Status,
    Verdict,
)
from bot.domain.reason import Name, Reason, Said, User, users
from bot.domain.reasons.agents import HeldUp, LastApplied, SyncFailed
from bot.domain.reasons.approval import ApprovalsMissing, Vetoed
from bot.domain.reasons.lifecycle import AlreadyReleased, Cancelled, NobodyDecided, Superseded
from bot.domain.reasons.rollout import NotPickedUp, StillPins
from bot.domain.registry import Comparison, Compatibility
from bot.domain.target import Place, Target
from bot.domain.verification import Method, Verify
from bot.rules.wording import promotion_message
from bot.rules.wording.progress import STATES
from tests.fixtures.evidence import told
from tests.fixtures.hostile import faults, texts
from tests.fixtures.hostile_values import comparisons, promotions, reasons
from tests.fixtures.promotions import NOON, PULL, READY
from tests.fixtures.reading import read

POLICY = Policy(approvals=2, approvers=("@ml-release-captains",))
MISSING = ApprovalsMissing(given=1, needed=2, approvers=users(["@ml-release-captains"]))
WAITS = Ruling(verdict=Verdict.WAIT, reason=MISSING)
BETTER = Comparison(metrics=(("accuracy", 0.9333, 0.9667),), signature=Compatibility.SAME)
NEWER = "https://acme.slack.com/archives/C1/p1777896060000100"


def shown(
    promotion: Promotion = READY,
    health: Health | None = None,
    rulings: tuple[Ruling, ...] = (WAITS,),
    comparison: Comparison | None = BETTER,
    approvers: tuple[str, ...] = ("U0BOB",),
    policy: Policy = POLICY,
    *,
    now: datetime = NOON,
    successor: str | None = None,
) -> Message:
    consent = Consent(rulings=rulings, approved_by=approvers)
    status = replace(promotion.status, consent=consent, comparison=comparison)
    return promotion_message.message(
        replace(promotion, status=status), health=health, policy=policy, now=now, successor=successor
    )


def buttons(message: Message) -> dict[str, Any]:
    return {b["action_id"]: b for block in message.blocks if block["type"] == "actions" for b in block["elements"]}


def at(state: State, reason: Reason | None = None, seconds: int = 0, **status: Any) -> Promotion:
    """Return the promotion in a state; `merge_commit` and `digest` are its pull request's."""
    pull = {name: status.pop(name) for name in ("merge_commit", "digest") if name in status}
    assert READY.status.pull is not None
    kept = replace(READY.status, pull=replace(READY.status.pull, **pull), **status)
    return replace(READY, state=state, reason=reason, entered_at=NOON + timedelta(seconds=seconds), status=kept)


APP = Name("Application argocd/iris")
FAILED_SYNC = SyncFailed(agent=APP, said=Said("<!channel> Deployment is invalid"), at=NOON)
OLD = StillPins(workload=Name("models/iris"), stage=Name("production"), version=2)
LATE = NotPickedUp(timeout=timedelta(minutes=15), found=HeldUp(found=OLD, agent=FAILED_SYNC))
MERGED = at(State.FAILED, told("x"), merge_commit="f00")


def test_a_change_that_waits_says_what_the_agent_says() -> None:
    text = read(shown(at(State.SYNCING, waiting=FAILED_SYNC, merge_commit="f00")))
    assert "Waiting for the cluster to pick up the change" in text
    assert "The sync of `Application argocd/iris` failed at " in text
    assert "Deployment is invalid" in text
    assert "<!channel>" not in text


def test_a_stalled_change_says_what_the_agent_says_now_and_not_twice() -> None:
    synced = LastApplied(agent=APP, revision=Name("0000000"))
    for waiting, again in ((FAILED_SYNC, False), (synced, True)):
        text = read(shown(at(State.STALLED, LATE, waiting=waiting, merge_commit="f00")))
        assert text.count("Deployment is invalid") == 1
        assert ("last applied revision `0000000`" in text) is again
        assert "No failure was seen, so nothing is rolled back." in text


# ── whole messages ──────────────────────────────────────────────────────────────────────────────────────


def test_a_proposal_reads_like_this() -> None:
    assert read(shown()) == (
        "*iris-classifier v3 → production*\n"
        f"v1 → v3 · requested by <@U0ALICE> · <{PULL}|pull request #7> · promotion 12\n"
        "\n"
        "⏳ *Waiting: 1 of 2 approvals from `@ml-release-captains`: react with ✅*\n"
        "✅ Approved by <@U0BOB> (1 of 2)\n"
        "\n"
        "*Compared with production v1*\n"
        "`accuracy` 0.9333 → 0.9667 (+0.0334)\n"
        "✅ Signature: the same\n"
        "\n"
        "React with ✅ to approve or ❌ to stop it, or use the buttons · expires "
        "<!date^1778155200^{date_short_pretty} {time}|2026-05-07 12:00 UTC>\n"
        "\n"
        "[Approve]\n"
        "[Veto]"
    )


def test_a_rollout_reads_like_this() -> None:
    pod = PodSeen(
        name="iris-7c9", address=None, ready=False, restarts=3, trouble=told("CrashLoopBackOff (exit code 1)")
    )
    health = Health(status=HealthStatus.DEGRADED, reason=told("a pod crashes"), wanted=3, ready=2, pods=(pod,))
    assert read(shown(at(State.ROLLING_OUT), health, (), None)) == (
        "*iris-classifier v3 → production*\n"
        f"v1 → v3 · requested by <@U0ALICE> · <{PULL}|pull request #7> · promotion 12\n"
        "\n"
        "🚀 *Rolling out: 2 of 3 pods on v3*\n"
        "▰▰▰▰▰▰▰▰▱▱▱▱\n"
        "⚠️ `iris-7c9`: CrashLoopBackOff (exit code 1)\n"
        "✅ Approved by <@U0BOB>"
    )


@pytest.mark.parametrize(
    ("method", "said"),
    [
        (None, "checking which version each one serves"),
        (Method.CALLBOARD, "checking which version each one serves"),
        (Method.ROLLOUT, "watching them"),
        (Method.IMAGE, "checking which image each one runs"),
        (Method.KSERVE, "waiting for KServe to report that the model is loaded"),
    ],
)
def test_new_pods_are_checked_as_their_server_allows(method: Method | None, said: str) -> None:
    verified_by = Verify(method=method) if method is not None else None
    health = Health(status=HealthStatus.HEALTHY, reason=told("x"), wanted=3, ready=3)
    text = read(shown(at(State.VERIFYING, verified_by=verified_by), health, (), None))
    assert f"🚀 *3 of 3 pods on v3: {said}*" in text


def test_a_failure_reads_like_this() -> None:
    promotion = at(
        State.FAILED,
        told("the container exits with code 1"),
        failing=Failing(since=NOON, reason=told("x"), log="loading\n```KeyError: 'v3'```\n"),
        merge_commit="f00",
        followup=13,
    )
    assert read(shown(promotion, None, (), None, successor=NEWER)).split("\n\n")[1] == (
        "❌ *Failed: the container exits with code 1*\n"
        "Last log lines:\n"
        "```\nloading\nˋˋˋKeyError: 'v3'ˋˋˋ\n```\n"
        f"↩️ Rolling back to v1 (<{NEWER}|promotion 13>).\n"
        "✅ Approved by <@U0BOB>"
    )  # fmt: skip


# ── rules ───────────────────────────────────────────────────────────────────────────────────────────────


def test_every_state_has_a_message() -> None:
    assert set(STATES) == set(State)


def test_a_model_that_is_not_plain_data_gets_a_warning() -> None:
    said = read(shown(READY, comparison=replace(BETTER, runs_code=("sklearn:pickle",))))
    assert "⚠️ Not plain data: `sklearn:pickle`." in said


@pytest.mark.parametrize(
    ("promotion", "text"),
    [
        (READY, "iris-classifier v3 → production: Waiting: 1 of 2 approvals"),
        (at(State.RELEASED, seconds=41), "iris-classifier v3 → production: Released v3 to production in 41 seconds."),
        (at(State.BLOCKED, told("the signature breaks callers")), "Blocked: the signature breaks callers."),
        (at(State.REJECTED, Vetoed(people=users(["U0BOB"]))), "Rejected: vetoed by <@U0BOB>."),
        (at(State.EXPIRED, NobodyDecided()), "Expired: nobody decided in time."),
        (at(State.CANCELLED, Cancelled()), "iris-classifier v3 → production: Cancelled."),
        (at(State.MERGING), "Merging the pull request."),
    ],
)
def test_a_notification_is_a_sentence_about_the_current_state(promotion: Promotion, text: str) -> None:
    assert text in shown(promotion).text


def test_only_a_proposal_has_buttons_and_they_are_bound_to_its_change() -> None:
    asked = buttons(shown())
    assert {name: b["value"] for name, b in asked.items()} == {"approve": "d" * 64, "veto": "d" * 64}
    assert (asked["approve"]["style"], asked["veto"]["style"]) == ("primary", "danger")
    assert "confirm" in asked["veto"]
    others = [state for state in State if state not in {State.PROPOSED, State.STALLED}]
    assert [state for state in others if buttons(shown(at(state)))] == []


def test_where_there_is_no_change_yet_there_is_nothing_to_approve() -> None:
    assert not buttons(shown(at(State.PROPOSED, digest=None)))


def test_what_needs_no_approval_offers_only_the_veto() -> None:
    assert set(buttons(shown(policy=replace(POLICY, approvals=0)))) == {"veto"}


def test_a_manual_merge_stays_mentioned_and_counts_no_approval() -> None:
    by_hand = read(shown(at(State.RELEASED, merge_commit="f00"), rulings=(WAITS,)))
    assert "Merged by hand on GitHub, not approved through Callboard" in by_hand
    assert "Approved by" not in by_hand
    passed = replace(WAITS, verdict=Verdict.PASS)
    assert "by hand" not in read(shown(at(State.RELEASED, merge_commit="f00"), rulings=(passed,)))


def test_an_automatic_rollback_needs_no_approval_whatever_the_policy_requires() -> None:
    back = replace(READY, kind=Kind.ROLLBACK, automatic=True, requested_by="callboard")
    policy = replace(POLICY, rollback_approvals=2)
    assert set(buttons(shown(back, policy=policy))) == {"veto"}
    assert "started by Callboard" in read(shown(back, policy=policy))


def test_everything_missing_is_listed_and_nothing_else() -> None:
    passed = Ruling(verdict=Verdict.PASS, reason=told("soaked for an hour"))
    other = Ruling(verdict=Verdict.WAIT, reason=told("staging runs v2, not v3"))
    said = read(shown(rulings=(passed, WAITS, other)))
    assert "Waiting for 2 things*\n• 1 of 2 approvals" in said
    assert "• staging runs v2, not v3" in said
    assert "soaked" not in said


def test_trouble_with_an_outside_system_is_shown_in_every_state() -> None:
    for state in State:
        message = shown(at(state, trouble=told("GitHub does not answer; trying again")))
        assert "⚠️ GitHub does not answer; trying again." in read(message)


def test_a_message_about_an_unreachable_cluster_says_that_nothing_changes() -> None:
    unseen = Health(status=HealthStatus.UNKNOWN, reason=told("the API does not answer"), wanted=3, ready=3)
    said = read(shown(at(State.ROLLING_OUT), unseen))
    assert (
        "The state of the rollout is unknown: the API does not answer. Nothing is rolled back because of this." in said
    )


@pytest.mark.parametrize(
    ("promotion", "advice"),
    [
        (at(State.FAILED, told("conflict")), "To try again, type `/promote iris-classifier production 3`."),
        (MERGED, "To roll back to v1, type `/rollback iris-classifier production`."),
        (replace(MERGED, previous=None), "There is no earlier release"),
        (replace(at(State.FAILED, told("x")), kind=Kind.ROLLBACK), "production needs a person now."),
        (at(State.REJECTED, told("x")), "Nothing was released. To request it again, type `/promote iris-classifier"),
    ],
)  # fmt: skip
def test_a_failed_promotion_says_what_to_do_now(promotion: Promotion, advice: str) -> None:
    assert advice in read(shown(promotion))


def test_a_version_that_is_live_is_not_suggested_again() -> None:
    said = read(shown(replace(at(State.BLOCKED, AlreadyReleased(stage=Name("production"), version=3)), previous=3)))
    assert "Nothing is left to do." in said
    assert "/promote" not in said


def test_a_first_release_is_compared_with_nothing() -> None:
    first = read(shown(replace(READY, previous=None), comparison=Comparison(metrics=(("accuracy", None, 0.9667),))))
    assert "v3, the first release there" in first
    assert "*About this version*\n`accuracy` 0.9667\n" in first


@pytest.mark.parametrize("state", sorted(State))
def test_a_reason_that_may_come_from_outside_calls_nobody(state: State) -> None:
    said = told("the pod said <@U0MALLORY>")
    health = Health(status=HealthStatus.DEGRADED, reason=said, wanted=1)
    failing = Failing(since=NOON, reason=said, log=said.text)
    message = shown(at(state, said, trouble=said, failing=failing), health)
    assert faults(message, people={"U0ALICE", "U0BOB"}, links={PULL}) == []


def test_the_same_facts_make_the_same_message_though_time_passes() -> None:
    later = shown(now=NOON + timedelta(days=1))
    assert later.hash == shown().hash


def test_a_superseded_message_sends_people_to_the_newer_one_and_takes_no_approval() -> None:
    message = promotion_message.superseded(READY, NEWER)
    assert "reactions to it no longer count. Please read <" in read(message)
    assert not buttons(message)
    assert faults(message, people={"U0ALICE"}, links={PULL, NEWER}) == []


def test_a_promotion_that_was_overtaken_points_to_the_one_that_took_its_place() -> None:
    newer = Superseded(by=User("U0BOB"), version=4, rollback=False)
    promotion = at(State.SUPERSEDED, newer, followup=13)
    said = shown(promotion, None, (), None, (), Policy(), successor=NEWER)
    assert "Superseded: <@U0BOB> requested v4 instead" in read(said)
    assert f"<{NEWER}|Promotion 13> took its place" in read(said)
    assert faults(said, people={"U0ALICE", "U0BOB"}, links={PULL, NEWER}) == []


# ── whatever stands in it ───────────────────────────────────────────────────────────────────────────────

LONG = texts(most=15, times=400)
USER = st.sampled_from(("U0BOB", "callboard")) | LONG.map(lambda text: "!" + text)
REASON = reasons(LONG)
RULING = st.builds(Ruling, verdict=st.sampled_from(Verdict), reason=REASON)
POD = st.builds(PodSeen, name=LONG, address=st.none(), ready=st.booleans(), trouble=st.none() | REASON)
HEALTH = st.builds(
    Health,
    status=st.sampled_from(HealthStatus),
    reason=REASON,
    wanted=st.integers(0, 10**6),
    ready=st.integers(0, 10**6),
    pods=st.lists(POD, max_size=6).map(tuple),
)
STATUS = st.builds(
    Status,
    pull=st.none()
    | st.builds(
        PullStatus,
        number=st.integers(1, 10**9),
        url=st.just(PULL) | LONG.map(lambda text: "javascript:" + text),
        digest=st.none() | st.just("d" * 64),
        merge_commit=st.none() | LONG,
    ),
    place=st.none() | st.builds(Place, paths=st.lists(LONG, max_size=3).map(tuple)),
    pinned=st.none()
    | st.builds(PinnedStatus, digest=st.just("d" * 64), commit=LONG, promotion=st.none() | st.integers(1, 10**9)),
    healthy_since=st.sampled_from((None, NOON)),
    failing=st.none() | st.builds(Failing, since=st.just(NOON), reason=REASON, log=st.none() | LONG),
    registry=st.builds(RegistryStatus, alias_moved=st.booleans()),
    trouble=st.none() | REASON,
    followup=st.none() | st.integers(1, 99),
)
PROMOTION = promotions(LONG, requested_by=USER, status=STATUS)


@given(
    PROMOTION,
    st.none() | HEALTH,
    st.lists(RULING, max_size=14).map(tuple),
    st.none() | comparisons(LONG),
    st.lists(USER, max_size=30).map(tuple),
)
def test_slack_accepts_any_content_and_nothing_from_outside_takes_effect(
    promotion: Promotion,
    health: Health | None,
    rulings: tuple[Ruling, ...],
    comparison: Comparison | None,
    approvers: tuple[str, ...],
) -> None:
    message = shown(promotion, health, rulings, comparison, approvers)
    assert faults(message, people={"U0BOB"}, links={PULL}) == []
    assert faults(promotion_message.superseded(promotion, None), people={"U0BOB"}, links={PULL}) == []


@pytest.mark.parametrize("state", State)
def test_the_fullest_message_of_each_state_is_taken(state: State) -> None:
    """Escapes make five characters of one, so that this is the longest that a message can become."""
    much = "&" * 9000
    pods = tuple(PodSeen(name=much, address=None, ready=False, trouble=told(much)) for _ in range(9))
    metrics = tuple((f"{n}{much}", math.pi * 1e6, -math.e) for n in range(50))
    changes = tuple(told(f"{n}{much}") for n in range(50))
    promotion = replace(
        at(state, told(much), trouble=told(much), failing=Failing(since=NOON, reason=told(much), log=much)),
        target=Target(model=much, stage=much),
        id=10**12,
    )
    message = shown(
        promotion,
        Health(status=HealthStatus.DEGRADED, reason=told(much), wanted=3, ready=2, pods=pods),
        tuple(Ruling(verdict=Verdict.BLOCK, reason=told(much)) for _ in range(50)),
        Comparison(metrics=metrics, signature=Compatibility.BREAKING, signature_changes=changes, requirements=changes),
        tuple(f"U0APPROVER{n}" for n in range(100)),
    )
    people = {"U0ALICE", *(f"U0APPROVER{n}" for n in range(100))}
    assert faults(message, people=people, links={PULL}) == []
