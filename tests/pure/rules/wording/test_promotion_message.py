"""One message tells a promotion's whole story, and stays a message whatever stands in it."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import Message
from bot.domain.cluster import Health, HealthStatus, PodSeen
from bot.domain.policy import Policy
from bot.domain.promotion import Kind, Promotion, Record, Ruling, State, Verdict
from bot.domain.registry import Comparison
from bot.domain.target import Pair
from bot.rules.wording import promotion_message
from bot.rules.wording.progress import STATES
from tests.fixtures.hostile import faults, texts
from tests.fixtures.hostile_values import comparisons, promotions
from tests.fixtures.promotions import NOON, PULL, READY
from tests.fixtures.reading import read

POLICY = Policy(approvals=2, approvers=("@ml-release-captains",))
WAITS = Ruling(verdict=Verdict.WAIT, because="1 of 2 approvals from @ml-release-captains: react with ✅")
BETTER = Comparison(metrics=(("accuracy", 0.9333, 0.9667),), signature="same")


def shown(
    it: Promotion = READY,
    health: Health | None = None,
    rulings: tuple[Ruling, ...] = (WAITS,),
    comparison: Comparison | None = BETTER,
    approvers: tuple[str, ...] = ("U0BOB",),
    policy: Policy = POLICY,
) -> Message:
    return promotion_message.promotion(
        it, health=health, rulings=rulings, comparison=comparison, approvers=approvers, policy=policy, now=NOON
    )


def buttons(message: Message) -> dict[str, Any]:
    return {b["action_id"]: b for block in message.blocks if block["type"] == "actions" for b in block["elements"]}


def at(state: State, because: str = "", seconds: int = 0, **record: Any) -> Promotion:
    """Return the promotion in a state."""
    entered = NOON + timedelta(seconds=seconds)
    return replace(READY, state=state, because=because, entered_at=entered, record=replace(READY.record, **record))


# ── whole messages ──────────────────────────────────────────────────────────────────────────────────────


def test_a_proposal_reads_like_this() -> None:
    assert read(shown()) == (
        "*iris-classifier v3 → production*\n"
        f"v1 → v3 · asked by <@U0ALICE> · <{PULL}|pull request #7> · promotion 12\n"
        "\n"
        "⏳ *Waiting: 1 of 2 approvals from @ml-release-captains: react with ✅*\n"
        "✅ Approved by <@U0BOB> (1 of 2)\n"
        "\n"
        "*Against what is live*\n"
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
    pod = PodSeen(name="iris-7c9", address=None, ready=False, restarts=3, trouble="CrashLoopBackOff (exit code 1)")
    health = Health(status=HealthStatus.DEGRADED, because="a pod crashes", wanted=3, ready=2, pods=(pod,))
    assert read(shown(at(State.ROLLING_OUT), health, (), None)) == (
        "*iris-classifier v3 → production*\n"
        f"v1 → v3 · asked by <@U0ALICE> · <{PULL}|pull request #7> · promotion 12\n"
        "\n"
        "🚀 *Rolling out: 2 of 3 pods on v3*\n"
        "▰▰▰▰▰▰▰▰▱▱▱▱\n"
        "⚠️ `iris-7c9`: CrashLoopBackOff (exit code 1)\n"
        "✅ Approved by <@U0BOB>"
    )


def test_a_failure_reads_like_this() -> None:
    it = at(
        State.FAILED,
        "`iris-7c9` exits with code 1",
        log="loading\n```KeyError: 'v3'```\n",
        merge_commit="f00",
        followup=13,
    )
    assert read(shown(it, None, (), None)).split("\n\n")[1] == (
        "❌ *Failed: `iris-7c9` exits with code 1*\n"
        "Its last words:\n"
        "```\nloading\nˋˋˋKeyError: 'v3'ˋˋˋ\n```\n"
        "↩️ Going back to v1: promotion 13 tells how that goes.\n"
        "✅ Approved by <@U0BOB>"
    )  # fmt: skip


# ── rules ───────────────────────────────────────────────────────────────────────────────────────────────


def test_every_state_has_something_to_say() -> None:
    assert set(STATES) == set(State)


@pytest.mark.parametrize(
    ("it", "text"),
    [
        (READY, "iris-classifier v3 → production: Waiting: 1 of 2 approvals"),
        (at(State.RELEASED, seconds=41), "iris-classifier v3 → production: Released v3 to production in 41 s."),
        (at(State.BLOCKED, "the signature breaks callers"), "Blocked: the signature breaks callers."),
        (at(State.REJECTED, "vetoed by <@U0BOB>"), "Rejected: vetoed by <@U0BOB>."),
        (at(State.EXPIRED, "nobody approved it in 3 d"), "Expired: nobody approved it in 3 d."),
        (at(State.MERGING), "Merging the pull request."),
    ],
)
def test_a_notification_is_a_sentence_that_says_how_it_stands(it: Promotion, text: str) -> None:
    assert text in shown(it).text


def test_only_a_proposal_has_buttons_and_they_stand_for_exactly_its_change() -> None:
    asked = buttons(shown())
    assert {name: b["value"] for name, b in asked.items()} == {"approve": "d" * 64, "veto": "d" * 64}
    assert (asked["approve"]["style"], asked["veto"]["style"]) == ("primary", "danger")
    assert "confirm" in asked["veto"]
    others = [state for state in State if state is not State.PROPOSED]
    assert [state for state in others if buttons(shown(at(state)))] == []


def test_where_there_is_no_change_yet_there_is_nothing_to_approve() -> None:
    assert not buttons(shown(at(State.PROPOSED, digest=None)))


def test_what_needs_no_approval_offers_only_the_veto() -> None:
    assert set(buttons(shown(policy=replace(POLICY, approvals=0)))) == {"veto"}


def test_a_merge_by_hand_is_said_to_the_end_and_counts_no_approval() -> None:
    by_hand = read(shown(at(State.RELEASED, merge_commit="f00", rulings=(WAITS,))))
    assert "Merged in GitHub by hand, not approved through Callboard" in by_hand
    assert "Approved by" not in by_hand
    passed = replace(WAITS, verdict=Verdict.PASS)
    assert "by hand" not in read(shown(at(State.RELEASED, merge_commit="f00", rulings=(passed,))))


def test_an_automatic_way_back_needs_no_approval_whatever_the_policy_says_of_people() -> None:
    back = replace(READY, kind=Kind.ROLLBACK, automatic=True, requested_by="callboard")
    policy = replace(POLICY, rollback_approvals=2)
    assert set(buttons(shown(back, policy=policy))) == {"veto"}
    assert "started by Callboard" in read(shown(back, policy=policy))


def test_all_that_is_missing_is_said_at_once_and_what_is_there_is_not() -> None:
    passed = Ruling(verdict=Verdict.PASS, because="soaked for an hour")
    other = Ruling(verdict=Verdict.WAIT, because="staging runs v2, not v3")
    said = read(shown(rulings=(passed, WAITS, other)))
    assert "Waiting for 2 things*\n• 1 of 2 approvals" in said
    assert "• staging runs v2, not v3" in said
    assert "soaked" not in said


def test_trouble_of_an_outside_system_is_told_wherever_the_promotion_stands() -> None:
    for state in State:
        assert "⚠️ GitHub does not answer; trying again" in read(
            shown(at(state, trouble="GitHub does not answer; trying again"))
        )


def test_an_unseen_cluster_is_said_to_change_nothing() -> None:
    unseen = Health(status=HealthStatus.UNKNOWN, because="the API does not answer", wanted=3, ready=3)
    said = read(shown(at(State.ROLLING_OUT), unseen))
    assert "⚠️ The cluster cannot be judged now: the API does not answer. This never rolls anything back." in said


@pytest.mark.parametrize(
    ("it", "advice"),
    [
        (at(State.FAILED, "conflict"), "To try again, type `/promote iris-classifier production 3`."),
        (at(State.FAILED, "x", merge_commit="f00"), "To go back to v1, type `/rollback iris-classifier production`."),
        (replace(at(State.FAILED, "x", merge_commit="f00"), previous=None), "There is no earlier release"),
        (replace(at(State.FAILED, "x"), kind=Kind.ROLLBACK), "production needs a person now."),
        (at(State.REJECTED, "x"), "Nothing was released. To ask again, type `/promote iris-classifier production 3`."),
    ],
)  # fmt: skip
def test_a_bad_end_says_what_to_do_now(it: Promotion, advice: str) -> None:
    assert advice in read(shown(it))


def test_what_is_live_already_is_not_to_be_asked_for_again() -> None:
    said = read(shown(replace(at(State.BLOCKED, "v3 is what production runs already"), previous=3)))
    assert "Nothing is left to do." in said
    assert "/promote" not in said


def test_a_first_release_is_compared_with_nothing() -> None:
    first = read(shown(replace(READY, previous=None), comparison=Comparison(metrics=(("accuracy", None, 0.9667),))))
    assert "v3, the first release there" in first
    assert "*What is known of it*\n`accuracy` 0.9667\n" in first


@pytest.mark.parametrize("state", sorted(set(State) - {State.REJECTED, State.SUPERSEDED}))
def test_a_reason_that_may_come_from_outside_calls_nobody(state: State) -> None:
    said = "the pod said <@U0MALLORY>"
    health = Health(status=HealthStatus.DEGRADED, because=said, wanted=1)
    message = shown(at(state, said, trouble=said, log=said), health)
    assert faults(message, people={"U0ALICE", "U0BOB"}, links={PULL}) == []


def test_the_same_facts_make_the_same_message_though_time_passes() -> None:
    later = promotion_message.promotion(
        READY,
        health=None,
        rulings=(WAITS,),
        comparison=BETTER,
        approvers=("U0BOB",),
        policy=POLICY,
        now=NOON + timedelta(days=1),
    )
    assert later.hash == shown().hash


def test_a_superseded_message_sends_people_to_the_newer_one_and_takes_no_approval() -> None:
    newer = "https://acme.slack.com/archives/C1/p1777896060000100"
    message = promotion_message.superseded(READY, newer)
    assert "reactions to it count no longer. Please look at <" in read(message)
    assert not buttons(message)
    assert faults(message, people={"U0ALICE"}, links={PULL, newer}) == []


def test_a_promotion_that_was_overtaken_points_to_the_one_that_took_its_place() -> None:
    newer = "https://acme.slack.com/archives/C1/p1777896060000100"
    it = at(State.SUPERSEDED, "<@U0BOB> wants v4 there now", followup=13)
    said = promotion_message.promotion(
        it, health=None, rulings=(), comparison=None, approvers=(), policy=Policy(), now=None, successor=newer
    )
    assert "Superseded: <@U0BOB> wants v4 there now" in read(said)
    assert f"<{newer}|Promotion 13> took its place" in read(said)
    assert faults(said, people={"U0ALICE", "U0BOB"}, links={PULL, newer}) == []


# ── whatever stands in it ───────────────────────────────────────────────────────────────────────────────

LONG = texts(most=15, times=400)
OURS = LONG.map(lambda text: text.replace("<@", "< @"))
"""What a sentence of our own may hold at worst; in it, a mention is meant."""
USER = st.sampled_from(("U0BOB", "callboard")) | LONG.map(lambda text: "!" + text)
RULING = st.builds(Ruling, verdict=st.sampled_from(Verdict), because=OURS)
POD = st.builds(PodSeen, name=LONG, address=st.none(), ready=st.booleans(), trouble=st.none() | LONG)
HEALTH = st.builds(
    Health,
    status=st.sampled_from(HealthStatus),
    because=LONG,
    wanted=st.integers(0, 10**6),
    ready=st.integers(0, 10**6),
    pods=st.lists(POD, max_size=6).map(tuple),
)
RECORD = st.builds(
    Record,
    digest=st.none() | st.just("d" * 64),
    pull=st.none() | st.integers(1, 10**9),
    pull_url=st.sampled_from((None, PULL)) | LONG.map(lambda text: "javascript:" + text),
    merge_commit=st.none() | LONG,
    healthy_since=st.sampled_from((None, NOON)),
    log=st.none() | LONG,
    alias_moved=st.booleans(),
    trouble=st.none() | LONG,
    followup=st.none() | st.integers(1, 99),
)
PROMOTION = promotions(LONG, requested_by=USER, because=OURS, record=RECORD)


@given(
    PROMOTION,
    st.none() | HEALTH,
    st.lists(RULING, max_size=14).map(tuple),
    st.none() | comparisons(LONG),
    st.lists(USER, max_size=30).map(tuple),
)
def test_whatever_stands_in_it_slack_takes_it_and_nothing_from_outside_works(
    it: Promotion,
    health: Health | None,
    rulings: tuple[Ruling, ...],
    comparison: Comparison | None,
    approvers: tuple[str, ...],
) -> None:
    message = shown(it, health, rulings, comparison, approvers)
    assert faults(message, people={"U0BOB"}, links={PULL}) == []
    assert faults(promotion_message.superseded(it, None), people={"U0BOB"}, links={PULL}) == []


@pytest.mark.parametrize("state", State)
def test_the_fullest_message_of_each_state_is_taken(state: State) -> None:
    """Escapes make five characters of one, so that this is the longest that a message can become."""
    much = "&" * 9000
    pods = tuple(PodSeen(name=much, address=None, ready=False, trouble=much) for _ in range(9))
    metrics = tuple((f"{n}{much}", math.pi * 1e6, -math.e) for n in range(50))
    changes = tuple(f"{n}{much}" for n in range(50))
    it = replace(
        at(state, much, log=much, trouble=much, failing_because=much),
        pair=Pair(model=much, stage=much),
        id=10**12,
    )
    message = shown(
        it,
        Health(status=HealthStatus.DEGRADED, because=much, wanted=3, ready=2, pods=pods),
        tuple(Ruling(verdict=Verdict.BLOCK, because=much) for _ in range(50)),
        Comparison(metrics=metrics, signature="breaking", signature_changes=changes, requirements=changes),
        tuple(f"U0APPROVER{n}" for n in range(100)),
    )
    people = {"U0ALICE", *(f"U0APPROVER{n}" for n in range(100))}
    assert faults(message, people=people, links={PULL}) == []
