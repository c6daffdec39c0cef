"""What is said of why, by gates and by the lifecycle, may hold anybody's words: shown as they are, escaped once.

From the evidence to the message, the whisper, the status and the comment, as the bot hands it on.
"""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.chat import Message, Posted
from bot.domain.policy import Freeze, Policy
from bot.domain.promotion import Fact, FactKind, Promotion, State
from bot.domain.repository import Pull, PullState
from bot.rules.release import gates
from bot.rules.release.decision import ClosePull, Evidence, Say, Whisper
from bot.rules.release.lifecycle import decide
from bot.rules.wording import promotion_message
from bot.rules.wording.escape import bare, markdown, sentence
from tests.fixtures.hostile import ACTED_ON, faults, leading_anywhere, loose, texts
from tests.fixtures.promotions import DIGEST, HEAD, NOON, PULL, READY
from tests.fixtures.reading import read

IT = replace(READY, record=replace(READY.record, message=Posted(channel="C1", ts="1.0"), message_for=DIGEST))
SEEN = Evidence(
    now=NOON + timedelta(minutes=1),
    pair=IT.pair,
    policy=Policy(approvals=1, approvers=("@ml-release-captains",)),
    promotion=IT,
    pull=Pull(number=7, url=PULL, state=PullState.OPEN, head=HEAD, base="main", mergeable=True),
)
PEOPLE = {"U0ALICE", "U0BOB"}


def shown(seen: Evidence, it: Promotion = IT) -> Message:
    """Return the message as it shows what the gates say."""
    return promotion_message.promotion(
        it, health=None, rulings=gates.judge(seen, it), comparison=None, approvers=(), policy=seen.policy, now=NOON
    )


def frozen(reason: str) -> Freeze:
    return Freeze(stage="production", until=None, reason=reason, by="U0BOB")


@pytest.mark.parametrize(
    ("reason", "as_shown"),
    [
        ("R&D <b>", "(`R&amp;D &lt;b&gt;`)"),
        ("see <@U0MALLORY>", "(`see &lt;@U0MALLORY&gt;`)"),
        ("a `b` c", "(`a ˋbˋ c`)"),
        ("my_model *2*", "(`my_model *2*`)"),
    ],
)
def test_a_reason_is_escaped_exactly_once(reason: str, as_shown: str) -> None:
    assert f"production is frozen by <@U0BOB> until it is thawed {as_shown}" in read(
        shown(replace(SEEN, freeze=frozen(reason)))
    )


def test_what_github_and_slack_say_is_said_on_and_calls_nobody() -> None:
    said = read(shown(replace(SEEN, unsure="no <@U0MALLORY>", withheld=("the check `<@U0MALLORY>` failed",))))
    assert "Slack cannot say who may approve: no U0MALLORY" in said
    assert "be merged yet: the check U0MALLORY failed" in said


LONG = texts(most=12, times=60)
EVIDENCE = st.builds(
    replace,
    st.just(SEEN),
    freeze=st.none() | LONG.map(frozen),
    unsure=st.none() | LONG,
    withheld=st.lists(LONG, max_size=4).map(tuple),
    refusal=st.none() | LONG,
    overriders=st.sampled_from((frozenset[str](), frozenset({"U0BOB"}))),
    facts=st.lists(
        st.builds(
            Fact,
            id=st.integers(1, 99),
            kind=st.sampled_from((FactKind.APPROVE, FactKind.VETO, FactKind.OVERRIDE, FactKind.CANCEL)),
            by=st.just("U0BOB"),
            at=st.just(NOON),
            digest=st.sampled_from((DIGEST, "e" * 64)),
            reason=LONG,
        ),
        max_size=3,
    ).map(tuple),
)


@given(EVIDENCE, LONG, st.sampled_from(State), LONG, st.none() | LONG)
def test_whatever_people_and_systems_say_every_word_that_is_handed_on_is_harmless(
    seen: Evidence, model: str, state: State, because: str, trouble: str | None
) -> None:
    record = replace(IT.record, trouble=trouble)
    it = replace(IT, pair=replace(IT.pair, model=model or "m"), state=state, because=bare(because), record=record)
    seen = replace(seen, promotion=it, pair=it.pair)
    assert faults(shown(seen, it), people=PEOPLE, links={PULL}) == []
    decision = decide(seen)
    match decision.action:
        case Whisper(text=text):
            assert list(loose(sentence(text, 1000))) == []
        case Say(because=said):
            assert not re.search("[\x00-\x1f\u2028\u202e\ud800-\udfff`]|<@", said)
        case ClosePull(because=said):
            comment = f"Callboard closes this pull request: {markdown(bare(said, 500), 1000)}."
            assert not ACTED_ON.search(comment)
            assert leading_anywhere(comment) == set()
        case _:
            pass
