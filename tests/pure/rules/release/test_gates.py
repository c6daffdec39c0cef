"""The gates, each asked directly: no mocks, no clock, no event loop."""

import pkgutil
from dataclasses import replace
from datetime import timedelta
from importlib import import_module

import pytest

from bot.domain.policy import Freeze
from bot.domain.promotion import Fact, FactKind, Kind, Ruling, Verdict
from bot.domain.repository import Base
from bot.rules.release import gates
from bot.rules.release.gates import (
    GATES,
    approvals,
    base_branch,
    consent,
    ends,
    expired,
    freeze,
    github,
    judge,
    own_commit,
    soak,
    verdict,
    vetoes,
    votes,
)
from bot.rules.release.gates.gate import Gate
from tests.fixtures.evidence import IT, READY, said
from tests.fixtures.promotions import NOON
from tests.paths import ROOT


def test_ready_means_that_every_gate_passes() -> None:
    assert verdict(judge(READY, IT)) is Verdict.PASS


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param((said(FactKind.APPROVE, "bob"), said(FactKind.APPROVE, "alice")), id="the requester's own"),
        pytest.param((said(FactKind.APPROVE, "bob"), said(FactKind.APPROVE, "mallory")), id="somebody not entitled"),
        pytest.param((said(FactKind.APPROVE, "bob"), said(FactKind.APPROVE, "bob", number=2)), id="the same twice"),
        pytest.param(
            (said(FactKind.APPROVE, "bob"), said(FactKind.APPROVE, "carol", digest="old")), id="an older change"
        ),
        pytest.param((*READY.facts, said(FactKind.WITHDRAW, "carol", number=3)), id="taken back"),
    ],
)
def test_this_approval_does_not_count(facts: tuple[Fact, ...]) -> None:
    seen = replace(READY, facts=facts, entitled=frozenset({"alice", "bob", "carol"}))
    seen = replace(seen, entitled=seen.entitled - {"mallory"})
    ruling = approvals.GATE.ask(seen, IT)
    assert ruling.verdict is Verdict.WAIT
    assert ruling.because == "1 of 2 approvals from @captains: react with ✅"


def test_an_approval_taken_back_and_given_again_counts() -> None:
    facts = (*READY.facts, said(FactKind.WITHDRAW, "bob", number=3), said(FactKind.APPROVE, "bob", number=4))
    assert votes.approvals(replace(READY, facts=facts), IT) == ("carol", "bob")


def test_the_requester_may_approve_where_policy_says_so() -> None:
    policy = replace(READY.policy, requester_may_approve=True)
    seen = replace(READY, policy=policy, facts=(said(FactKind.APPROVE, "alice"),), entitled=frozenset({"alice"}))
    assert votes.approvals(seen, IT) == ("alice",)


def test_when_the_chat_cannot_say_who_is_entitled_nobody_is() -> None:
    ruling = approvals.GATE.ask(replace(READY, entitled=frozenset(), unsure="Slack is down"), IT)
    assert (ruling.verdict, ruling.because) == (Verdict.WAIT, "Slack cannot say who may approve: Slack is down")


def test_one_veto_outweighs_all_approvals() -> None:
    seen = replace(READY, facts=(*READY.facts, said(FactKind.VETO, "bob", number=3)))
    assert vetoes.GATE.ask(seen, IT).because == "vetoed by <@bob>"
    assert verdict(judge(seen, IT)) is Verdict.BLOCK


def test_the_requester_may_always_take_the_request_back() -> None:
    assert votes.vetoes(replace(READY, facts=(said(FactKind.VETO, "alice"),)), IT) == ("alice",)


def test_a_stranger_vetoes_nothing() -> None:
    assert votes.vetoes(replace(READY, facts=(said(FactKind.VETO, "mallory"),)), IT) == ()


def test_soaking_says_until_when_and_says_the_same_at_each_look() -> None:
    ruling = soak.GATE.ask(replace(READY, now=NOON - timedelta(minutes=30)), IT)
    assert (ruling.verdict, ruling.because) == (Verdict.WAIT, "must stay healthy on staging until 2026-05-04 12:00 UTC")


def test_another_version_on_the_stage_before_waits_and_says_which() -> None:
    assert READY.upstream is not None
    ruling = soak.GATE.ask(replace(READY, upstream=replace(READY.upstream, version=2)), IT)
    assert ruling.verdict is Verdict.WAIT
    assert "that stage runs v2" in ruling.because


def test_going_back_needs_no_soaking() -> None:
    assert soak.GATE.ask(replace(READY, upstream=None), replace(IT, kind=Kind.ROLLBACK)).verdict is Verdict.PASS


def test_a_branch_edited_by_hand_is_not_merged() -> None:
    assert READY.pull is not None
    ruling = own_commit.GATE.ask(replace(READY, pull=replace(READY.pull, head="badc0de1")), IT)
    assert ruling.verdict is Verdict.WAIT
    assert "badc0de" in ruling.because


@pytest.mark.parametrize("kind", Kind)
def test_a_pull_request_that_somebody_retargeted_waits_and_says_what_to_do(kind: Kind) -> None:
    assert READY.pull is not None
    seen = replace(READY, pull=replace(READY.pull, base="release-1"), base=Base(branch="main", commit="c", tree="t"))
    ruling = base_branch.GATE.ask(seen, replace(IT, kind=kind))
    assert ruling.verdict is Verdict.WAIT
    assert "retargeted #7 to `release-1`" in ruling.because
    assert "set its base branch to `main` again on GitHub, or type `/promotions cancel 12`" in ruling.because
    assert verdict(consent(seen, IT)) is Verdict.WAIT, "its head says that it is not approved"


def test_an_approver_who_goes_back_has_approved() -> None:
    back = replace(IT, kind=Kind.ROLLBACK, requested_by="bob")
    assert approvals.GATE.ask(replace(READY, facts=()), back).verdict is Verdict.PASS


def test_anybody_else_who_goes_back_needs_an_approver() -> None:
    back = replace(IT, kind=Kind.ROLLBACK)
    assert approvals.GATE.ask(replace(READY, facts=()), back).verdict is Verdict.WAIT
    assert approvals.GATE.ask(replace(READY, facts=READY.facts[:1]), back).verdict is Verdict.PASS


def test_going_back_by_itself_needs_nobody() -> None:
    back = replace(IT, kind=Kind.ROLLBACK, requested_by="callboard", automatic=True)
    assert approvals.GATE.ask(replace(READY, facts=()), back).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("fact", "says"),
    [
        (said(FactKind.APPROVE, "alice"), "your own ✅ does not count"),
        (said(FactKind.APPROVE, "mallory"), "only @captains may approve"),
        (said(FactKind.APPROVE, "bob", digest="old"), "newer message"),
        (said(FactKind.VETO, "mallory"), "your ❌ does not count"),
    ],
)
def test_a_word_that_does_not_count_is_answered_once(fact: Fact, says: str) -> None:
    answer = votes.refused(replace(READY, facts=(fact,)), IT)
    assert answer is not None
    assert says in answer[1]
    assert votes.refused(replace(READY, facts=(replace(fact, answered=True),)), IT) is None


def test_a_word_that_counts_is_not_answered() -> None:
    assert votes.refused(READY, IT) is None


FROZEN = replace(
    READY, freeze=Freeze(stage="production", until=NOON + timedelta(days=3), reason="holidays", by="U0DAVE")
)


def test_a_frozen_stage_holds_a_promotion_and_says_until_when_and_why() -> None:
    ruling = freeze.GATE.ask(FROZEN, IT)
    assert ruling.verdict is Verdict.WAIT
    assert ruling.because == "production is frozen by <@U0DAVE> until 2026-05-07 12:00 UTC (`holidays`)"


def test_going_back_is_never_frozen() -> None:
    assert freeze.GATE.ask(FROZEN, replace(IT, kind=Kind.ROLLBACK)).verdict is Verdict.PASS


def test_only_somebody_entitled_overrides_and_it_is_told() -> None:
    word = replace(said(FactKind.OVERRIDE, "U0BOB", digest=None, number=3), reason="hotfix")
    asked = replace(FROZEN, facts=(*FROZEN.facts, word), upstream=None)
    assert [gate.ask(asked, IT).verdict for gate in (freeze.GATE, soak.GATE)] == [Verdict.WAIT, Verdict.WAIT]
    allowed = replace(asked, overriders=frozenset({"U0BOB"}))
    assert [gate.ask(allowed, IT).verdict for gate in (freeze.GATE, soak.GATE)] == [Verdict.PASS, Verdict.PASS]
    assert "overridden by <@U0BOB> (`hotfix`)" in freeze.GATE.ask(allowed, IT).because


def test_an_override_replaces_no_approval() -> None:
    word = replace(said(FactKind.OVERRIDE, "bob", digest=None, number=3), reason="hotfix")
    assert approvals.GATE.ask(replace(FROZEN, facts=(word,), overriders=frozenset({"bob"})), IT).verdict is Verdict.WAIT


def test_what_github_still_wants_is_waited_for_and_named() -> None:
    seen = replace(READY, withheld=("the check ci/test failed",))
    assert github.GATE.ask(seen, IT).because == "GitHub does not let #7 be merged yet: the check ci/test failed"
    assert verdict(judge(seen, IT)) is Verdict.WAIT
    assert verdict(consent(seen, IT)) is Verdict.PASS, "the approval itself is complete"


def test_what_the_message_shows_now_outweighs_what_was_heard() -> None:
    heard = tuple(replace(fact, by_reaction=True) for fact in READY.facts)
    shown = {"white_check_mark": frozenset({"bob", "dave"})}
    seen = replace(READY, facts=heard, reactions=shown, entitled=frozenset({"bob", "carol", "dave"}))
    assert votes.approvals(seen, IT) == ("bob",), "carol's is gone, and dave's was not heard yet"
    assert votes.vetoes(replace(seen, reactions={**shown, "x": frozenset({"carol"})}), IT) == ("carol",)
    clicked = replace(seen, facts=READY.facts, reactions={})
    assert votes.approvals(clicked, IT) == ("bob", "carol"), "a button leaves no reaction"


# ── traits ───────────────────────────────────────────────────────────────────────────────────────────


def waiting(gate: Gate) -> Gate:
    """The gate, as it is when its demand is not met."""
    return replace(gate, judge=lambda _seen, _it: Ruling(verdict=Verdict.WAIT, because=f"{gate.name} waits"))


def only(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let approvals and this gate be the only ones."""
    monkeypatch.setattr(gates, "GATES", (approvals.GATE, gate))


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_gate_lets_an_approved_promotion_expire_only_where_its_trait_says_so(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(waiting(gate), monkeypatch)
    expected = f"it was held up for too long: {gate.name} waits" if gate.may_expire else None
    assert expired(READY, IT) == expected


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_gate_holds_a_rollback_only_where_its_trait_says_so(gate: Gate) -> None:
    ruling = waiting(gate).ask(READY, replace(IT, kind=Kind.ROLLBACK))
    assert (ruling.verdict is Verdict.WAIT) is gate.holds_rollbacks


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_gate_is_overridden_only_where_its_trait_says_so(gate: Gate) -> None:
    word = replace(said(FactKind.OVERRIDE, "U0BOB", digest=None, number=3), reason="hotfix")
    seen = replace(READY, facts=(*READY.facts, word), overriders=frozenset({"U0BOB"}))
    assert (waiting(gate).ask(seen, IT).verdict is Verdict.PASS) is (gate.overridden is not None)


def test_a_gate_that_ends_by_time_is_looked_at_then(monkeypatch: pytest.MonkeyPatch) -> None:
    over = NOON + timedelta(minutes=1)
    only(replace(freeze.GATE, ends=lambda _seen, _it: over), monkeypatch)
    assert ends(READY, IT) == [over]
    assert ends(replace(READY, now=over), IT) == []


def test_every_gate_is_listed_and_documented() -> None:
    modules = {found.name for found in pkgutil.iter_modules(gates.__path__)} - {"gate", "votes"}
    found = {name: getattr(import_module(f"{gates.__name__}.{name}"), "GATE", None) for name in modules}
    listed = {name for name, gate in found.items() if gate in GATES}
    assert modules == listed, (
        "name each GATE in GATES of bot/rules/release/gates/__init__.py; one that is not is never asked"
    )
    assert len({gate.name for gate in GATES}) == len(GATES) == len(modules)
    yes = {True: "yes", False: "no"}
    rows = [
        f"| {gate.name} | {gate.demand} | {yes[gate.overridden is not None]} | {yes[gate.holds_rollbacks]} "
        f"| {yes[gate.may_expire]} |"
        for gate in GATES
    ]
    manual = (ROOT / "docs/configuration.md").read_text()
    assert "\n".join(rows) in manual, "docs/configuration.md lists the gates, as:\n" + "\n".join(rows)
