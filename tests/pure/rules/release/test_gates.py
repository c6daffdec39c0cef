"""The gates, each asked directly: no mocks, no clock, no event loop."""

import pkgutil
from dataclasses import replace
from datetime import timedelta
from importlib import import_module

import pytest

from bot.domain.policy import Freeze
from bot.domain.promotion import Fact, FactKind, Kind, Ruling, Verdict
from bot.domain.reason import Name, Reason, Said, User, users
from bot.domain.reasons.approval import (
    ApprovalsMissing,
    ApproversUnknown,
    EditedByHand,
    Frozen,
    GitHubWithholds,
    MustStayHealthy,
    NotAnApprover,
    NotReleasedBefore,
    OlderChange,
    Overridden,
    OwnApproval,
    Retargeted,
    Vetoed,
    VetoNotCounted,
)
from bot.domain.reasons.lifecycle import HeldTooLong
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
from tests.fixtures.evidence import PROMOTION, READY, fact, told, vary
from tests.fixtures.promotions import NOON
from tests.paths import ROOT

BACK = replace(PROMOTION, kind=Kind.ROLLBACK)


def test_ready_means_that_every_gate_passes() -> None:
    assert verdict(judge(READY)) is Verdict.PASS


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param((fact(FactKind.APPROVE, "bob"), fact(FactKind.APPROVE, "alice")), id="the requester's own"),
        pytest.param((fact(FactKind.APPROVE, "bob"), fact(FactKind.APPROVE, "mallory")), id="somebody not entitled"),
        pytest.param((fact(FactKind.APPROVE, "bob"), fact(FactKind.APPROVE, "bob", number=2)), id="the same twice"),
        pytest.param(
            (fact(FactKind.APPROVE, "bob"), fact(FactKind.APPROVE, "carol", digest="old")), id="an older change"
        ),
        pytest.param((*READY.facts, fact(FactKind.WITHDRAW, "carol", number=3)), id="taken back"),
    ],
)
def test_this_approval_does_not_count(facts: tuple[Fact, ...]) -> None:
    seen = vary(READY, facts=facts, entitled=frozenset({"alice", "bob", "carol"}))
    seen = vary(seen, entitled=seen.voters.entitled - {"mallory"})
    ruling = approvals.GATE.ask(seen)
    assert ruling.verdict is Verdict.WAIT
    assert ruling.reason == ApprovalsMissing(given=1, needed=2, approvers=users(["@captains"]))


def test_an_approval_taken_back_and_given_again_counts() -> None:
    facts = (*READY.facts, fact(FactKind.WITHDRAW, "bob", number=3), fact(FactKind.APPROVE, "bob", number=4))
    assert votes.approvals(vary(READY, facts=facts)) == ("carol", "bob")


def test_the_requester_may_approve_where_policy_says_so() -> None:
    policy = replace(READY.policy, requester_may_approve=True)
    seen = vary(READY, policy=policy, facts=(fact(FactKind.APPROVE, "alice"),), entitled=frozenset({"alice"}))
    assert votes.approvals(seen) == ("alice",)


def test_nobody_may_vote_while_slack_cannot_report_members() -> None:
    ruling = approvals.GATE.ask(vary(READY, entitled=frozenset(), unsure=told("Slack is down")))
    assert (ruling.verdict, ruling.reason) == (Verdict.WAIT, ApproversUnknown(cause=told("Slack is down")))


def test_one_veto_outweighs_all_approvals() -> None:
    seen = vary(READY, facts=(*READY.facts, fact(FactKind.VETO, "bob", number=3)))
    assert vetoes.GATE.ask(seen).reason == Vetoed(people=users(["bob"]))
    assert verdict(judge(seen)) is Verdict.BLOCK


def test_the_requester_may_always_take_the_request_back() -> None:
    assert votes.vetoes(vary(READY, facts=(fact(FactKind.VETO, "alice"),))) == ("alice",)


def test_a_stranger_vetoes_nothing() -> None:
    assert votes.vetoes(vary(READY, facts=(fact(FactKind.VETO, "mallory"),))) == ()


def test_the_end_of_a_soak_is_shown_and_stays_the_same() -> None:
    ruling = soak.GATE.ask(vary(READY, now=NOON - timedelta(minutes=30)))
    assert ruling == Ruling(verdict=Verdict.WAIT, reason=MustStayHealthy(stage=Name("staging"), until=NOON))


def test_a_different_version_on_the_preceding_stage_waits_and_is_named() -> None:
    assert READY.upstream is not None
    ruling = soak.GATE.ask(vary(READY, upstream=replace(READY.upstream, version=2)))
    assert ruling.verdict is Verdict.WAIT
    assert ruling.reason == NotReleasedBefore(stage=Name("staging"), version=3, runs=2)


def test_going_back_needs_no_soaking() -> None:
    assert soak.GATE.ask(vary(READY, upstream=None, promotion=BACK)).verdict is Verdict.PASS


def test_a_branch_edited_by_hand_is_not_merged() -> None:
    ruling = own_commit.GATE.ask(vary(READY, pull=replace(READY.pull, head="badc0de1")))
    assert ruling.verdict is Verdict.WAIT
    assert ruling.reason == EditedByHand(head=Name("badc0de"), promotion=12)


@pytest.mark.parametrize("kind", Kind)
def test_a_pull_request_that_somebody_retargeted_waits_and_says_what_to_do(kind: Kind) -> None:
    pull = replace(READY.pull, base="release-1")
    seen = vary(READY, pull=pull, promotion=replace(PROMOTION, kind=kind))
    ruling = base_branch.GATE.ask(seen)
    assert ruling.verdict is Verdict.WAIT
    assert ruling.reason == Retargeted(number=7, to=Name("release-1"), main=Name("main"), promotion=12)
    assert verdict(consent(seen)) is Verdict.WAIT, "its head says that it is not approved"


def test_an_approver_who_goes_back_has_approved() -> None:
    back = replace(PROMOTION, kind=Kind.ROLLBACK, requested_by="bob")
    assert approvals.GATE.ask(vary(READY, facts=(), promotion=back)).verdict is Verdict.PASS


def test_anybody_else_who_goes_back_needs_an_approver() -> None:
    back = replace(PROMOTION, kind=Kind.ROLLBACK)
    assert approvals.GATE.ask(vary(READY, facts=(), promotion=back)).verdict is Verdict.WAIT
    assert approvals.GATE.ask(vary(READY, facts=READY.facts[:1], promotion=back)).verdict is Verdict.PASS


def test_an_automatic_rollback_needs_nobody() -> None:
    back = replace(PROMOTION, kind=Kind.ROLLBACK, requested_by="callboard", automatic=True)
    assert approvals.GATE.ask(vary(READY, facts=(), promotion=back)).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("vote", "reason"),
    [
        (fact(FactKind.APPROVE, "alice"), OwnApproval()),
        (
            fact(FactKind.APPROVE, "mallory"),
            NotAnApprover(approvers=users(["@captains"]), model=Name("iris"), stage=Name("production")),
        ),
        (fact(FactKind.APPROVE, "bob", digest="old"), OlderChange()),
        (fact(FactKind.VETO, "mallory"), VetoNotCounted()),
    ],
)
def test_a_vote_that_does_not_count_is_answered_once(vote: Fact, reason: Reason) -> None:
    assert votes.refused(vary(READY, facts=(vote,))) == (vote, reason)
    assert votes.refused(vary(READY, facts=(replace(vote, answered=True),))) is None


def test_a_vote_that_counts_is_not_answered() -> None:
    assert votes.refused(READY) is None


FROZEN = vary(READY, freeze=Freeze(stage="production", until=NOON + timedelta(days=3), reason="holidays", by="U0DAVE"))


def test_a_frozen_stage_holds_a_promotion_and_says_until_when_and_why() -> None:
    ruling = freeze.GATE.ask(FROZEN)
    assert ruling.verdict is Verdict.WAIT
    assert ruling.reason == Frozen(
        stage=Name("production"), by=User("U0DAVE"), until=NOON + timedelta(days=3), note=Said("holidays")
    )


def test_going_back_is_never_frozen() -> None:
    assert freeze.GATE.ask(vary(FROZEN, promotion=BACK)).verdict is Verdict.PASS


def test_only_an_entitled_person_overrides_and_the_message_shows_it() -> None:
    word = replace(fact(FactKind.OVERRIDE, "U0BOB", digest=None, number=3), reason="hotfix")
    asked = vary(FROZEN, facts=(*FROZEN.facts, word), upstream=None)
    assert [gate.ask(asked).verdict for gate in (freeze.GATE, soak.GATE)] == [Verdict.WAIT, Verdict.WAIT]
    allowed = vary(asked, overriders=frozenset({"U0BOB"}))
    assert [gate.ask(allowed).verdict for gate in (freeze.GATE, soak.GATE)] == [Verdict.PASS, Verdict.PASS]
    held = freeze.GATE.ask(asked).reason
    assert freeze.GATE.ask(allowed).reason == Overridden(held=held, by=User("U0BOB"), note=Said("hotfix"))


def test_an_override_replaces_no_approval() -> None:
    word = replace(fact(FactKind.OVERRIDE, "bob", digest=None, number=3), reason="hotfix")
    assert approvals.GATE.ask(vary(FROZEN, facts=(word,), overriders=frozenset({"bob"}))).verdict is Verdict.WAIT


def test_requirements_of_github_are_waited_for_and_named() -> None:
    seen = vary(READY, withheld=(told("the check ci/test failed"),))
    assert github.GATE.ask(seen).reason == GitHubWithholds(number=7, missing=seen.withheld)
    assert verdict(judge(seen)) is Verdict.WAIT
    assert verdict(consent(seen)) is Verdict.PASS, "the approval itself is complete"


def test_reactions_on_the_message_take_precedence_over_events() -> None:
    heard = tuple(replace(fact, by_reaction=True) for fact in READY.facts)
    shown = {"white_check_mark": frozenset({"bob", "dave"})}
    seen = vary(READY, facts=heard, reactions=shown, entitled=frozenset({"bob", "carol", "dave"}))
    assert votes.approvals(seen) == ("bob",), "carol's is gone, and dave's was not heard yet"
    assert votes.vetoes(vary(seen, reactions={**shown, "x": frozenset({"carol"})})) == ("carol",)
    clicked = vary(seen, facts=READY.facts, reactions={})
    assert votes.approvals(clicked) == ("bob", "carol"), "a button leaves no reaction"


# ── traits ───────────────────────────────────────────────────────────────────────────────────────────


def waiting(gate: Gate) -> Gate:
    """The gate, as it is when its demand is not met."""
    return replace(gate, judge=lambda _review: Ruling(verdict=Verdict.WAIT, reason=told(f"{gate.name} waits")))


def only(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let approvals and this gate be the only ones."""
    monkeypatch.setattr(gates, "GATES", (approvals.GATE, gate))


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_gate_lets_an_approved_promotion_expire_only_where_its_trait_says_so(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(waiting(gate), monkeypatch)
    expected = HeldTooLong(held=told(f"{gate.name} waits")) if gate.may_expire else None
    assert expired(READY) == expected


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_gate_holds_a_rollback_only_where_its_trait_says_so(gate: Gate) -> None:
    ruling = waiting(gate).ask(vary(READY, promotion=BACK))
    assert (ruling.verdict is Verdict.WAIT) is gate.holds_rollbacks


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
def test_a_gate_is_overridden_only_where_its_trait_says_so(gate: Gate) -> None:
    word = replace(fact(FactKind.OVERRIDE, "U0BOB", digest=None, number=3), reason="hotfix")
    seen = vary(READY, facts=(*READY.facts, word), overriders=frozenset({"U0BOB"}))
    assert (waiting(gate).ask(seen).verdict is Verdict.PASS) is gate.overridable


def test_a_gate_that_ends_at_a_time_is_checked_then(monkeypatch: pytest.MonkeyPatch) -> None:
    over = NOON + timedelta(minutes=1)
    only(replace(waiting(freeze.GATE), ends=lambda _review: over), monkeypatch)
    assert ends(READY) == [over]
    assert ends(vary(READY, now=over)) == []


def test_a_gate_that_holds_nothing_up_is_not_asked_when_it_ends() -> None:
    assert ends(FROZEN) == [NOON + timedelta(days=3)]
    assert ends(vary(FROZEN, promotion=BACK)) == [], "a freeze does not hold a rollback"
    word = replace(fact(FactKind.OVERRIDE, "U0BOB", digest=None, number=3), reason="hotfix")
    assert ends(vary(FROZEN, facts=(*FROZEN.facts, word), overriders=frozenset({"U0BOB"}))) == []


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
        f"| {gate.name} | {gate.demand} | {yes[gate.overridable]} | {yes[gate.holds_rollbacks]} "
        f"| {yes[gate.may_expire]} |"
        for gate in GATES
    ]
    manual = (ROOT / "docs/configuration.md").read_text()
    assert "\n".join(rows) in manual, "docs/configuration.md lists the gates, as:\n" + "\n".join(rows)
