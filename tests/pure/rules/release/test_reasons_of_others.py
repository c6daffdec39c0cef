"""What is said of why, by gates and by the lifecycle, may hold anybody's words: shown as they are, escaped once.

From the evidence to the message, the private answer, the status and the comment, as the bot hands it on.
"""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import Message
from bot.domain.policy import Freeze, Policy
from bot.domain.promotion import Consent, Fact, FactKind, State
from bot.domain.reason import Reason
from bot.rules.release import gates
from bot.rules.release.decision import ClosePull, Reply, Report, Review
from bot.rules.release.lifecycle import decide
from bot.rules.wording import promotion_message, pull_request
from bot.rules.wording.reasons import plain, slack
from tests.fixtures.evidence import CHANGE, PIN, PINNED, PROMOTION, READY, told, vary
from tests.fixtures.hostile import ACTED_ON, faults, leading_anywhere, loose, texts
from tests.fixtures.promotions import NOON, PULL
from tests.fixtures.reading import read

REVIEW = vary(
    READY,
    now=NOON + timedelta(minutes=1),
    policy=Policy(approvals=1, approvers=("@ml-release-captains",)),
    promotion=replace(PROMOTION, requested_by="U0ALICE"),
    facts=(),
    ours={"url": PULL, "approval": None},
)
PIN_REVIEW = vary(
    PINNED, now=REVIEW.now, policy=REVIEW.policy, promotion=replace(PINNED.promotion, requested_by="U0ALICE"), facts=()
)
PEOPLE = {"U0ALICE", "U0BOB"}


def shown(review: Review) -> Message:
    """Return the message as it shows what the gates rule."""
    promotion = review.promotion
    status = replace(promotion.status, consent=Consent(rulings=gates.judge(review)))
    return promotion_message.message(
        replace(promotion, status=status), health=None, policy=review.policy, now=review.now
    )


def frozen(reason: str) -> Freeze:
    return Freeze(stage="production", until=None, reason=reason, by="U0BOB")


@pytest.mark.parametrize(
    ("note", "as_shown"),
    [
        ("R&D <b>", "(R&amp;D &lt;b&gt;)"),
        ("see <@U0MALLORY>", "(see &lt;@U0MALLORY&gt;)"),
        ("a `b` c", "(a ˋbˋ c)"),
        ("my_model *2*", "(my_model ∗2∗)"),
    ],
)
def test_a_note_is_escaped_exactly_once(note: str, as_shown: str) -> None:
    message = read(shown(vary(REVIEW, freeze=frozen(note))))
    assert f"`production` is frozen by <@U0BOB> until someone lifts the freeze {as_shown}" in message


def test_what_github_and_slack_say_is_said_on_and_calls_nobody() -> None:
    unsure, failed = told("no <@U0MALLORY>"), told("the check `<@U0MALLORY>` failed")
    message = read(shown(vary(REVIEW, unsure=unsure, withheld=(failed,))))
    assert "Slack cannot say who may approve: no &lt;@U0MALLORY&gt;" in message
    assert "to be merged yet: the check ˋ&lt;@U0MALLORY&gt;ˋ failed" in message


LONG = texts(most=12, times=60)
TOLD = LONG.map(told)
OPINIONS: dict[str, st.SearchStrategy[Any]] = dict(
    freeze=st.none() | LONG.map(frozen),
    unsure=st.none() | TOLD,
    refusal=st.none() | TOLD,
    overriders=st.sampled_from((frozenset[str](), frozenset({"U0BOB"}))),
    facts=st.lists(
        st.builds(
            Fact,
            id=st.integers(1, 99),
            kind=st.sampled_from((FactKind.APPROVE, FactKind.VETO, FactKind.OVERRIDE, FactKind.CANCEL)),
            by=st.just("U0BOB"),
            at=st.just(NOON),
            digest=st.sampled_from((CHANGE.digest, PIN.digest, "e" * 64)),
            reason=LONG,
        ),
        max_size=3,
    ).map(tuple),
)
WITHHELD = st.lists(TOLD, max_size=4).map(tuple)
REVIEWS = st.builds(vary, st.just(REVIEW), withheld=WITHHELD, **OPINIONS)
PIN_REVIEWS = st.builds(vary, st.just(PIN_REVIEW), **OPINIONS)


@given(REVIEWS | PIN_REVIEWS, LONG, st.sampled_from(State), TOLD, st.none() | TOLD)
def test_whatever_people_and_systems_say_every_word_that_is_handed_on_is_harmless(
    review: Review, model: str, state: State, reason: Reason, trouble: Reason | None
) -> None:
    target = replace(review.target, model=model or "m")
    promotion = replace(review.promotion, target=target, state=state, reason=reason)
    review = vary(review, target=target, promotion=promotion, status_trouble=trouble)
    assert faults(shown(review), people=PEOPLE, links={PULL}) == []
    match decide(review).action:
        case Reply(reason=why):
            assert list(loose(slack(why))) == []
        case Report(approval=approval):
            assert not re.search("[\x00-\x1f\u2028\u202e\ud800-\udfff]", plain(approval.reason))
        case ClosePull(reason=why):
            comment = pull_request.closing(why)
            assert not ACTED_ON.search(comment)
            assert leading_anywhere(comment) == set()
        case _:
            pass
