"""What a message says where Git pins the version before anybody approved it."""

from dataclasses import replace

import pytest

from bot.domain.chat import Message
from bot.domain.policy import Policy
from bot.domain.promotion import Consent, Kind, PinnedStatus, Promotion, Ruling, State, Verdict
from bot.domain.reason import Name, Reason, users
from bot.domain.reasons.approval import ApprovalsMissing, Vetoed
from bot.domain.reasons.lifecycle import AlreadyPinned, Cancelled, FoundPinned, NobodyDecided, PinChanged
from bot.domain.target import Place
from bot.rules.wording import promotion_message
from bot.rules.wording.reasons import plain
from tests.fixtures.evidence import told
from tests.fixtures.promotions import NOON, READY
from tests.fixtures.reading import read

POLICY = Policy(approvals=2, approvers=("@ml-release-captains",))
MISSING = ApprovalsMissing(given=1, needed=2, approvers=users(["@ml-release-captains"]))
WAITS = Ruling(verdict=Verdict.WAIT, reason=MISSING)
FOUND = FoundPinned(stage=Name("production"), version=3, promotion=None)
PIN = PinnedStatus(digest="d" * 64, commit="c0ffee0123")
CONSENT = Consent(rulings=(WAITS,), approved_by=("U0BOB",))
PLACE = Place(paths=("manifests/iris/production.yaml",))
PINNED = replace(READY, reason=FOUND, status=replace(READY.status, pull=None, pinned=PIN, place=PLACE, consent=CONSENT))
BACK = "type `/rollback iris-classifier production`"


def shown(promotion: Promotion) -> Message:
    return promotion_message.message(promotion, health=None, policy=POLICY, now=NOON)


def at(state: State, reason: Reason) -> Promotion:
    return replace(PINNED, state=state, reason=reason)


def test_a_pin_that_was_set_by_hand_reads_like_this() -> None:
    assert read(shown(PINNED)) == (
        "*iris-classifier v3 → production*\n"
        "v1 → v3 · requested by <@U0ALICE> · pinned by hand · promotion 12\n"
        "\n"
        "⏳ *Waiting: 1 of 2 approvals from `@ml-release-captains`: react with ✅*\n"
        "📌 v3 is pinned on `production` already: it was set by hand. "
        "In Git: `manifests/iris/production.yaml` at `c0ffee0`.\n"
        "The cluster may be running it. Approving makes it the release; a veto leaves the pin in Git.\n"
        "✅ Approved by <@U0BOB> (1 of 2)\n"
        "\n"
        "React with ✅ to approve or ❌ to stop it, or use the buttons · expires "
        "<!date^1778155200^{date_short_pretty} {time}|2026-05-07 12:00 UTC>\n"
        "\n"
        "[Approve]\n"
        "[Veto]"
    )


def test_a_veto_is_not_said_to_close_a_pull_request() -> None:
    words = str(shown(PINNED).blocks)
    assert "One veto stops it; Git goes on pinning v3." in words
    assert "pull request" not in words


def test_a_pin_that_an_earlier_promotion_merged_names_it() -> None:
    earlier = replace(PIN, promotion=9)
    promotion = replace(PINNED, reason=replace(FOUND, promotion=9), status=replace(PINNED.status, pinned=earlier))
    said = read(shown(promotion))
    assert "merged by promotion 9 · promotion 12" in said
    assert "promotion 9 merged it" in said
    assert "by hand" not in said


@pytest.mark.parametrize("rulings", [(), (replace(WAITS, verdict=Verdict.PASS),), (WAITS, WAITS)])
def test_it_is_said_however_many_gates_wait(rulings: tuple[Ruling, ...]) -> None:
    status = replace(PINNED.status, consent=Consent(rulings=rulings))
    assert "it was set by hand" in read(shown(replace(PINNED, status=status)))


@pytest.mark.parametrize(
    "ended",
    [
        at(State.REJECTED, Vetoed(people=users(["U0BOB"]))),
        at(State.EXPIRED, NobodyDecided()),
        at(State.CANCELLED, Cancelled()),
    ],
    ids=lambda promotion: promotion.state,
)
def test_a_pin_that_was_not_approved_stays_and_the_message_says_how_to_take_it_back(ended: Promotion) -> None:
    said = read(shown(ended))
    assert "Git still pins v3, so the cluster may be running it." in said
    assert f"To return to v1 through a pull request, {BACK}." in said
    assert "To request it again, type `/promote iris-classifier production 3`." in said
    assert "Nothing was changed" not in said


def test_without_an_earlier_release_there_is_nothing_to_roll_back_to() -> None:
    said = read(shown(replace(at(State.REJECTED, told("x")), previous=None)))
    assert "There is no earlier release to go back to: change the pin in Git, or promote another version." in said
    assert "/rollback" not in said


@pytest.mark.parametrize("kind", Kind)
def test_once_it_is_approved_its_failure_is_told_as_any_other(kind: Kind) -> None:
    said = read(shown(replace(at(State.FAILED, told("a pod crashes")), kind=kind)))
    assert "Nothing was merged" not in said
    assert (f"Git still says v3. To roll back to v1, {BACK}" in said) is (kind is Kind.PROMOTE)


def test_while_the_cluster_is_waited_for_it_is_said_that_nothing_was_merged() -> None:
    said = read(shown(at(State.SYNCING, AlreadyPinned(version=3))))
    assert "Git already pins v3, so there is nothing to merge." in said


def test_what_changed_in_git_is_said_before_it_is_checked_again() -> None:
    changed = PinChanged(stage=Name("production"), version=3, kept=True)
    assert plain(changed) == "the file that pins v3 on production changed in Git, so it is checked again"
    assert "Git does not pin v3" in plain(replace(changed, kept=False))
