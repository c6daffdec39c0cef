"""A pin that Git holds already passes every gate before it becomes the release, and nothing is merged for it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.policy import Freeze
from bot.domain.promotion import (
    UNMERGED,
    FactKind,
    Kind,
    MessageStatus,
    PinnedStatus,
    PullStatus,
    Release,
    State,
    Status,
)
from bot.domain.reason import Name, Reason, users
from bot.domain.reasons.approval import (
    ApprovalsMissing,
    ApproversUnknown,
    Frozen,
    NotAnApprover,
    NotReleasedBefore,
    Vetoed,
)
from bot.domain.reasons.lifecycle import (
    AlreadyPinned,
    AlreadyReleased,
    Cancelled,
    FoundPinned,
    NobodyDecided,
    PinChanged,
    PullNotNeeded,
    PullReplaced,
)
from bot.domain.repository import PullState
from bot.domain.target import Change
from bot.rules.release.decision import ClosePull, Decision, Post, Reply, Report, Revoke
from bot.rules.release.gates import base_branch, github, own_commit
from bot.rules.release.gates.gate import Gate
from bot.rules.release.lifecycle import decide
from bot.rules.release.takeover import may_differ
from tests.fixtures.evidence import (
    BASE,
    HEALTHY,
    LIVE,
    OURS,
    PIN,
    PINNED,
    POSTED,
    PROMOTION,
    READY,
    SAME,
    TARGET,
    at,
    checking,
    fact,
    told,
    vary,
)
from tests.fixtures.promotions import NOON

STAGE = Name("production")
OTHER_TEXT = Change(before={"a.yaml": "3 # more"}, after={"a.yaml": "3 # more"})
ONE_MISSING = ApprovalsMissing(given=1, needed=2, approvers=users(["@captains"]))
FROZEN = Frozen(stage=STAGE, by=None, until=None, note=None)
FOUND = FoundPinned(stage=STAGE, version=3, promotion=None)
BACK = replace(PINNED.promotion, kind=Kind.ROLLBACK)
VETO = fact(FactKind.VETO, "bob", digest=PIN.digest, number=3)
OVERRIDE = fact(FactKind.OVERRIDE, "dave", digest=None, number=4)


# ── checking ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pin_that_git_holds_already_is_proposed_without_a_pull_request() -> None:
    decision = decide(checking(change=SAME))
    assert (decision.state, decision.reason, decision.action) == (State.PROPOSED, FOUND, None)
    assert decision.note["pinned"] == PIN
    assert decision.wake == timedelta(0), "its message is posted at once"


def test_a_pin_that_an_earlier_promotion_merged_is_not_said_to_be_set_by_hand() -> None:
    before = replace(PROMOTION, id=9, status=Status(pull=PullStatus(number=5, url="u", merge_commit="m")))
    decision = decide(checking(change=SAME, merged_last=before))
    assert decision.reason == replace(FOUND, promotion=9)
    assert decision.note["pinned"] == replace(PIN, promotion=9)
    for other in (replace(before, version=2), replace(before, status=Status(pinned=PIN))):
        assert decide(checking(change=SAME, merged_last=other)).reason == FOUND


def test_the_pull_request_that_it_took_over_is_closed_first_and_then_forgotten() -> None:
    taken = PullStatus(number=7, url="u")
    first = decide(checking(change=SAME, status_pull=taken))
    assert first.action == ClosePull(number=7, reason=AlreadyPinned(version=3))
    then = decide(checking(change=SAME, status_pull=replace(taken, closed=True)))
    assert (then.state, then.note["pull"]) == (State.PROPOSED, None)


@pytest.mark.parametrize("kind", Kind)
def test_what_the_stage_runs_already_is_not_proposed(kind: Kind) -> None:
    seen = checking(change=SAME, release=replace(LIVE, version=3))
    decision = decide(replace(seen, promotion=replace(seen.promotion, kind=kind)))
    assert (decision.state, decision.reason) == (State.BLOCKED, AlreadyReleased(stage=STAGE, version=3))


# ── gates ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_message_comes_before_anything_else() -> None:
    assert isinstance(decide(vary(PINNED, status_message=None)).action, Post)


def test_an_approved_pin_is_followed_without_a_merge() -> None:
    decision = decide(PINNED)
    assert (decision.state, decision.reason, decision.action) == (State.SYNCING, AlreadyPinned(version=3), None)
    assert decision.final, "whatever is said meanwhile has to be heard first"
    assert decision.counts(State.PROPOSED)
    assert decision.note["consent"].approved_by == ("bob", "carol")


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        pytest.param({"facts": PINNED.facts[:1]}, ONE_MISSING, id="one approval"),
        pytest.param({"facts": READY.facts}, replace(ONE_MISSING, given=0), id="approvals of another change"),
        pytest.param(
            {"upstream": None}, NotReleasedBefore(stage=Name("staging"), version=3, runs=None), id="stage order"
        ),
        pytest.param({"freeze": Freeze(stage="production", until=None)}, FROZEN, id="frozen"),
        pytest.param(
            {"unsure": told("Slack is down"), "entitled": frozenset()},
            ApproversUnknown(cause=told("Slack is down")),
            id="unsure",
        ),
    ],
)
def test_it_waits_for_what_any_other_promotion_waits_for(seen: dict[str, Any], reason: Reason) -> None:
    waiting = vary(PINNED, **seen)
    waiting = replace(waiting, facts=tuple(replace(said, answered=True) for said in waiting.facts))
    decision = decide(waiting)
    assert (decision.state, decision.action) == (None, None)
    assert reason in [ruling.reason for ruling in decision.note["consent"].rulings if ruling.verdict]
    assert decision.wake is not None


def test_an_override_passes_a_freeze_and_the_stage_order_and_no_approval() -> None:
    held: dict[str, Any] = {"freeze": Freeze(stage="production", until=None), "upstream": None}
    held["overriders"] = frozenset({"dave"})
    assert decide(vary(PINNED, facts=(*PINNED.facts, OVERRIDE), **held)).state is State.SYNCING
    assert decide(vary(PINNED, facts=(*PINNED.facts[:1], OVERRIDE), **held)).state is None


def test_a_word_that_does_not_count_is_answered() -> None:
    stranger = fact(FactKind.APPROVE, "mallory", digest=PIN.digest, number=9)
    decision = decide(vary(PINNED, facts=(stranger,)))
    refused = NotAnApprover(approvers=users(["@captains"]), model=Name("iris"), stage=STAGE)
    assert decision.action == Reply(fact=9, to="mallory", reason=refused)


@pytest.mark.parametrize("gate", [own_commit.GATE, base_branch.GATE, github.GATE], ids=lambda gate: gate.name)
def test_what_is_demanded_of_a_pull_request_passes_where_there_is_none(gate: Gate) -> None:
    assert not gate.ask(PINNED).verdict
    assert gate.demand


@pytest.mark.parametrize(
    ("seen", "state", "reason"),
    [
        pytest.param({"facts": (*PINNED.facts, VETO)}, State.REJECTED, Vetoed(people=users(["bob"])), id="veto"),
        pytest.param(
            {"facts": (fact(FactKind.CANCEL, "alice", digest=None),)}, State.CANCELLED, Cancelled(), id="cancel"
        ),
        pytest.param({"now": NOON + timedelta(days=4), "facts": ()}, State.EXPIRED, NobodyDecided(), id="too old"),
        pytest.param({"refusal": told("gone")}, State.BLOCKED, told("gone"), id="manifest gone"),
    ],
)
def test_it_ends_as_any_other_promotion_and_nothing_is_closed(
    seen: dict[str, Any], state: State, reason: Reason
) -> None:
    decision = decide(vary(PINNED, **seen))
    assert (decision.state, decision.reason, decision.action) == (state, reason, None)


# ── going back ───────────────────────────────────────────────────────────────────────────────────────────


def test_going_back_to_what_git_pins_waits_for_no_freeze_and_no_stage_order() -> None:
    held: dict[str, Any] = {"freeze": Freeze(stage="production", until=None), "upstream": None}
    assert decide(vary(PINNED, promotion=BACK, **held)).state is State.SYNCING
    own = replace(BACK, requested_by="callboard", automatic=True)
    assert decide(vary(PINNED, promotion=own, facts=(), **held)).state is State.SYNCING


@pytest.mark.parametrize("state", [state for state in State if state is not State.RELEASED])
def test_git_is_astray_while_it_pins_what_nobody_released(state: State) -> None:
    """A vetoed pin stays in Git, so going back leads to the release and not to the one before."""
    unproven = replace(PINNED.promotion, state=state)
    assert may_differ(Release(target=TARGET, version=1, since=NOON), None, unproven)
    assert not may_differ(Release(target=TARGET, version=3, since=NOON), None, unproven)


# ── what changes meanwhile ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        pytest.param(OTHER_TEXT, True, id="another text"),
        pytest.param(Change(before={"a.yaml": "4"}, after={"a.yaml": "3"}), False, id="another version"),
    ],
)
def test_what_changed_in_git_is_checked_again_and_old_approvals_are_for_something_else(
    change: Change, *, kept: bool
) -> None:
    decision = decide(vary(PINNED, change=change))
    assert (decision.state, decision.note) == (State.CHECKING, {"pinned": None})
    assert decision.reason == PinChanged(stage=STAGE, version=3, kept=kept)
    assert change.digest != PIN.digest


def test_the_same_text_at_a_later_commit_keeps_its_approvals() -> None:
    assert decide(vary(PINNED, base=replace(BASE, commit="later"))).state is State.SYNCING


def test_a_veto_counts_though_the_pin_changed_at_the_same_moment() -> None:
    assert decide(vary(PINNED, facts=(VETO,), change=OTHER_TEXT)).state is State.REJECTED


@pytest.mark.parametrize("state", [State.PROPOSED, State.MERGING])
def test_a_pin_set_while_the_pull_request_was_open_is_judged_as_it_stands(state: State) -> None:
    seen = at(state, change=SAME)
    failure = decide(seen).action
    assert isinstance(failure, Report)
    reported: dict[str, Any] = {"change": SAME, "ours": {"approval": failure.approval}}
    needless = PullNotNeeded(version=3)
    assert decide(at(state, **reported)).action == ClosePull(number=7, reason=needless)
    pull = replace(READY.pull, state=PullState.CLOSED)
    closed = decide(at(state, pull=pull, change=SAME, ours={"closed": True}))
    assert (closed.state, closed.reason) == (State.CHECKING, needless)
    assert closed.note["pull"] == replace(OURS, closed=True, digest=None), "it is made anew from what Git holds then"


@pytest.mark.parametrize("state", [State.PROPOSED, State.MERGING])
def test_a_merge_that_is_found_only_then_needs_no_second_approval(state: State) -> None:
    merged = replace(READY.pull, state=PullState.MERGED, merge_commit="m")
    assert decide(at(state, pull=merged, change=SAME)).state is State.SYNCING


def test_a_pull_request_that_somebody_closed_is_a_no_whatever_git_pins() -> None:
    closed = replace(READY.pull, state=PullState.CLOSED)
    assert decide(at(State.PROPOSED, pull=closed, change=SAME)).state is State.REJECTED


def test_a_commit_that_was_approved_for_an_older_pull_request_is_revoked() -> None:
    assert decide(replace(PINNED, approved_heads=("f00",))).action == Revoke(head="f00", reason=PullReplaced())


# ── the rollout ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [Status(pinned=PIN), Status()], ids=["approved", "of an older release"])
def test_it_rolls_out_as_any_other(status: Status) -> None:
    """A release before this one went on without asking; what it had begun goes on."""
    told_of = MessageStatus(posted=POSTED, digest=status.pinned.digest if status.pinned else None)
    promotion = replace(PROMOTION, state=State.SYNCING, status=replace(status, message=told_of))
    seen = at(State.SYNCING, promotion=promotion, health=HEALTHY)
    assert decide(seen).state is State.ROLLING_OUT


def test_a_pin_is_in_git_and_a_request_is_not() -> None:
    assert PINNED.promotion.in_git
    assert PINNED.promotion.digest == PIN.digest
    assert not READY.promotion.in_git
    assert State.PROPOSED in UNMERGED
    assert PinnedStatus(digest="d", commit="c").promotion is None
    assert not Decision(state=State.SYNCING).final
