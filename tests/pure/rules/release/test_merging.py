"""While a merge is being tried: all gates are asked again before each try, and what was merged is found first."""

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.policy import Freeze
from bot.domain.promotion import FactKind, State
from bot.domain.repository import Base, PullState
from bot.rules.release.decision import Decision, Merge, Say, Whisper
from bot.rules.release.lifecycle import decide
from tests.fixtures.evidence import FACTS, RECORD, SEEN, at, said

HEAD = "c0ffee"
VETO = said(FactKind.VETO, "bob", digest=RECORD.digest, number=9)
BASE = Base(branch="main", commit="c", tree="t")


def test_a_try_that_failed_is_repeated_while_everything_is_still_as_it_was() -> None:
    decision = decide(at(State.MERGING, base=BASE))
    assert (decision.state, decision.action, decision.final) == (None, Merge(number=7, head=HEAD), True)


@pytest.mark.parametrize(
    ("seen", "why"),
    [
        pytest.param({"facts": (*FACTS, VETO)}, "vetoed by <@bob>", id="veto"),
        pytest.param({"facts": FACTS[:1]}, "1 of 2 approvals", id="withdrawn"),
        pytest.param({"entitled": frozenset({"bob"})}, "1 of 2 approvals", id="left the group"),
        pytest.param({"unsure": "it is down", "entitled": frozenset()}, "Slack cannot say", id="unsure"),
        pytest.param({"freeze": Freeze(stage="production", until=None)}, "is frozen", id="freeze"),
        pytest.param({"upstream": None}, "must be the release on staging first", id="soak"),
        pytest.param({"pull": {"head": "badc0de"}}, "edited by hand", id="pushed"),
        pytest.param({"pull": {"base": "release-1"}}, "retargeted #7 to `release-1`", id="retargeted"),
        pytest.param({"withheld": ("the check ci/test is pending",)}, "the check ci/test is pending", id="checks"),
    ],
)
def test_what_came_between_two_tries_sends_it_back_to_waiting(seen: dict[str, Any], why: str) -> None:
    assert SEEN.pull is not None
    pull = replace(SEEN.pull, **seen.pop("pull", {}))
    decision = decide(at(State.MERGING, base=BASE, pull=pull, **seen))
    assert (decision.state, decision.action) == (State.PROPOSED, None)
    assert why in decision.because
    assert [ruling for ruling in decision.note["rulings"] if ruling.verdict], "the message says what is missing at once"


def test_a_veto_between_two_tries_ends_it_after_that() -> None:
    back = at(State.PROPOSED, base=BASE, facts=(*FACTS, VETO), approved_heads=(HEAD,))
    action = decide(back).action
    assert isinstance(action, Say)
    assert action.state == "failure"
    assert action.because.startswith("rejected: vetoed by")


def test_a_veto_after_the_merge_has_taken_effect_is_too_late_and_answered_when_that_is_known() -> None:
    assert SEEN.pull is not None
    merged = at(State.MERGING, base=BASE, facts=(*FACTS, VETO), pull=replace(SEEN.pull, state=PullState.MERGED))
    decision = decide(merged)
    assert (decision.state, decision.because, decision.action) == (State.SYNCING, "merged", None)
    assert not decision.counts(State.MERGING), "nobody has heard that veto yet"
    assert isinstance(decide(at(State.SYNCING, facts=(*FACTS, VETO))).action, Whisper)


def test_everything_else_that_was_said_until_the_merge_or_the_end_counts_as_heard() -> None:
    assert Decision(state=State.MERGING).counts(State.PROPOSED)
    assert Decision(state=State.REJECTED).counts(State.PROPOSED)
    assert not Decision(state=State.PROPOSED).counts(State.MERGING)
    assert not Decision().counts(State.MERGING)


def test_a_try_that_took_effect_after_all_is_not_said_to_be_somebody_elses() -> None:
    assert SEEN.pull is not None
    for tried, says in ((HEAD, "an earlier try"), (None, "not approved through Callboard")):
        seen = at(State.PROPOSED, base=BASE, record={"tried": tried})
        decision = decide(replace(seen, pull=replace(SEEN.pull, state=PullState.MERGED)))
        assert decision.state is State.SYNCING
        assert says in decision.because


def test_the_head_that_is_tried_is_written_down_before_it_is_tried() -> None:
    decision = decide(SEEN)
    assert (decision.state, decision.note["tried"]) == (State.MERGING, HEAD)
