"""While a merge is tried: all gates are checked again before each attempt, and a completed merge is found first."""

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.policy import Freeze
from bot.domain.promotion import Approval, ApprovalState, FactKind, State
from bot.domain.reason import Name, Reason, User, users
from bot.domain.reasons.approval import (
    ApprovalsMissing,
    ApproversUnknown,
    EditedByHand,
    EndedAs,
    Frozen,
    GitHubWithholds,
    NotReleasedBefore,
    Retargeted,
    Vetoed,
)
from bot.domain.reasons.lifecycle import Merged, MergedByHand, MergedUnconfirmed
from bot.domain.repository import PullState
from bot.rules.release.decision import Decision, Merge, Reply, Report
from bot.rules.release.lifecycle import decide
from tests.fixtures.evidence import FACTS, OURS, READY, at, fact, told

HEAD = "c0ffee"
VETO = fact(FactKind.VETO, "bob", number=9)
ONE_MISSING = ApprovalsMissing(given=1, needed=2, approvers=users(["@captains"]))


def test_a_try_that_failed_is_repeated_while_everything_is_still_as_it_was() -> None:
    decision = decide(at(State.MERGING))
    assert (decision.state, decision.action, decision.final) == (None, Merge(number=7, head=HEAD), True)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        pytest.param({"facts": (*FACTS, VETO)}, Vetoed(people=users(["bob"])), id="veto"),
        pytest.param({"facts": FACTS[:1]}, ONE_MISSING, id="withdrawn"),
        pytest.param({"entitled": frozenset({"bob"})}, ONE_MISSING, id="left the group"),
        pytest.param(
            {"unsure": told("it is down"), "entitled": frozenset()},
            ApproversUnknown(cause=told("it is down")),
            id="unsure",
        ),
        pytest.param(
            {"freeze": Freeze(stage="production", until=None, by="U0BOB")},
            Frozen(stage=Name("production"), by=User("U0BOB"), until=None, note=None),
            id="freeze",
        ),
        pytest.param(
            {"upstream": None}, NotReleasedBefore(stage=Name("staging"), version=3, runs=None), id="stage before"
        ),
        pytest.param({"pull": {"head": "badc0de"}}, EditedByHand(head=Name("badc0de"), promotion=12), id="pushed"),
        pytest.param(
            {"pull": {"base": "release-1"}},
            Retargeted(number=7, to=Name("release-1"), main=Name("main"), promotion=12),
            id="retargeted",
        ),
        pytest.param(
            {"withheld": (told("ci/test is pending"),)},
            GitHubWithholds(number=7, missing=(told("ci/test is pending"),)),
            id="checks",
        ),
    ],
)
def test_a_gate_that_fails_between_two_merge_attempts_sends_it_back_to_waiting(
    seen: dict[str, Any], reason: Reason
) -> None:
    pull = replace(READY.pull, **seen.pop("pull", {}))
    decision = decide(at(State.MERGING, pull=pull, **seen))
    assert (decision.state, decision.action, decision.reason) == (State.PROPOSED, None, reason)
    rulings = decision.note["consent"].rulings
    assert reason in [ruling.reason for ruling in rulings if ruling.verdict], "the message says what is missing at once"


def test_a_veto_between_two_tries_ends_it_after_that() -> None:
    back = at(State.PROPOSED, facts=(*FACTS, VETO), approved_heads=(HEAD,))
    action = decide(back).action
    assert isinstance(action, Report)
    ended = EndedAs(state=Name("rejected"), cause=Vetoed(people=users(["bob"])))
    assert action.approval == Approval(head=HEAD, state=ApprovalState.FAILURE, reason=ended)


def test_a_veto_after_the_merge_has_taken_effect_is_too_late_and_answered_when_that_is_known() -> None:
    merged = at(State.MERGING, facts=(*FACTS, VETO), pull=replace(READY.pull, state=PullState.MERGED))
    decision = decide(merged)
    assert (decision.state, decision.reason, decision.action) == (State.SYNCING, Merged(), None)
    assert not decision.counts(State.MERGING), "nobody has heard that veto yet"
    assert isinstance(decide(at(State.SYNCING, facts=(*FACTS, VETO))).action, Reply)


def test_everything_else_that_was_said_until_the_merge_or_the_end_counts_as_heard() -> None:
    assert Decision(state=State.MERGING).counts(State.PROPOSED)
    assert Decision(state=State.REJECTED).counts(State.PROPOSED)
    assert not Decision(state=State.PROPOSED).counts(State.MERGING)
    assert not Decision().counts(State.MERGING)


def test_a_merge_whose_answer_was_lost_is_not_attributed_to_somebody_else() -> None:
    merged = replace(READY.pull, state=PullState.MERGED)
    for tried, reason in ((HEAD, MergedUnconfirmed(number=7)), (None, MergedByHand(number=7))):
        decision = decide(at(State.PROPOSED, ours={"tried": tried}, pull=merged))
        assert (decision.state, decision.reason) == (State.SYNCING, reason)


def test_the_head_that_is_tried_is_written_down_before_it_is_tried() -> None:
    decision = decide(READY)
    assert (decision.state, decision.note["pull"]) == (State.MERGING, replace(OURS, tried=HEAD))
