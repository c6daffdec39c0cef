"""Private answers: what runs where, what is under way, and the story of one promotion."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.policy import Freeze
from bot.domain.promotion import (
    Consent,
    Fact,
    FactKind,
    Promotion,
    PullStatus,
    Release,
    Ruling,
    State,
    Status,
    Verdict,
)
from bot.domain.reason import Name, Reason, Said, User, users
from bot.domain.reasons.approval import Frozen, NoVeto, Vetoed
from bot.domain.reasons.lifecycle import ApprovedBy, Superseded
from bot.domain.registry import ModelVersion, VersionDetails
from bot.domain.target import Target
from bot.rules.wording import answers
from bot.rules.wording.answers import ModelDetail, ModelRow
from tests.fixtures.evidence import told
from tests.fixtures.hostile import faults, texts
from tests.fixtures.hostile_values import promotions, reasons
from tests.fixtures.promotions import NOON, PULL, READY, TARGET, WHEN
from tests.fixtures.reading import read

VETOED = Vetoed(people=users(["U0CAROL"]))
FROZEN = Frozen(stage=Name("production"), by=User("U0CAROL"), until=None, note=Said("R&D"))
RELEASE = Release(target=TARGET, version=1, since=NOON)


# ── whole messages ──────────────────────────────────────────────────────────────────────────────────────


def test_the_list_of_models_reads_like_this() -> None:
    rows = [ModelRow(model="churn"), ModelRow(model="iris-classifier", releases=(RELEASE,), newest=3)]
    assert read(answers.models_list(rows)) == (
        "`churn`\n"
        "    no release yet\n"
        "`iris-classifier`, newest v3\n"
        f"    production v1 since {WHEN}\n"
        "\n"
        "2 models. `/models MODEL` shows one in detail."
    )


def test_one_model_reads_like_this() -> None:
    details = VersionDetails(
        what=ModelVersion(model="iris-classifier", version=1), created=NOON, metrics={"accuracy": 0.9333}
    )
    detail = ModelDetail(
        model="iris-classifier",
        stages=("staging", "production"),
        releases=(RELEASE,),
        versions=(details,),
        under_way=(READY,),
    )
    assert read(answers.models_detail(detail)) == (
        "*iris-classifier*\n"
        "\n"
        "• staging: no release yet\n"
        f"• production: *v1* since {WHEN}\n"
        "\n"
        "*Under way*\n"
        f"12: iris-classifier v3 → production · *waiting for approval* since {WHEN}"
        f" · requested by <@U0ALICE> · <{PULL}|#7>\n"
        "\n"
        "*Versions*, the newest 1\n"
        f"• v1 of {WHEN}, runs on production – `accuracy` 0.9333"
    )


def test_a_story_reads_like_this() -> None:
    minute = timedelta(minutes=1)
    facts = [
        Fact(id=1, kind=FactKind.PROMOTE, by="U0ALICE", at=NOON),
        Fact(id=2, kind=FactKind.APPROVE, by="U0BOB", at=NOON + minute),
    ]
    transitions = [(NOON, State.CHECKING, None), (NOON + 2 * minute, State.REJECTED, VETOED)]
    over = replace(READY, state=State.REJECTED, reason=VETOED)
    said = read(answers.promotion_story(over, transitions, facts)).split("\n\n")
    assert said[0] == (
        "*Promotion 12: iris-classifier v3 → production*\n"
        "Now *rejected ❌*: vetoed by <@U0CAROL>\n"
        f"requested by <@U0ALICE> · <{PULL}|pull request #7>"
    )
    assert [line.split(">  ", 1)[1] for line in said[1].splitlines()] == [
        "<@U0ALICE> requested it",
        "*being checked*",
        "<@U0BOB> approved ✅",
        "*rejected ❌*: vetoed by <@U0CAROL>",
    ]


# ── rules ───────────────────────────────────────────────────────────────────────────────────────────────


def test_every_state_and_every_deed_has_a_name() -> None:
    assert set(answers.STATES) == set(State)
    assert set(answers.DEEDS) == set(FactKind)


def test_open_promotions_come_first_and_newer_before_older() -> None:
    those = [replace(READY, id=n, state=State.PROPOSED if n in {2, 5} else State.RELEASED) for n in range(1, 7)]
    message = answers.promotions_list(those)
    assert [int(line.split(":")[0]) for line in read(message).split("\n\n")[0].splitlines()] == [5, 2, 6, 4, 3, 1]
    assert message.text == "6 promotions, 2 of them under way."


def test_an_empty_list_says_how_to_begin() -> None:
    assert "Type `/promote MODEL STAGE` to request the first." in answers.promotions_list([]).text
    assert "name it in `app.yaml`" in answers.models_list([]).text


def test_one_is_not_many() -> None:
    assert answers.promotions_list([READY]).text == "1 promotion, 1 of them under way."
    assert answers.models_list([ModelRow(model="iris")]).text == "1 model and what the stages run."


def test_a_story_offers_what_can_still_be_done() -> None:
    assert "To cancel it, type `/promotions cancel 12`." in read(answers.promotion_story(READY, [], []))
    released = replace(READY, state=State.RELEASED)
    assert "To roll back, type `/rollback iris-classifier production`." in read(
        answers.promotion_story(released, [], [])
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (VETOED, "vetoed by <@U0CAROL>"),
        (ApprovedBy(people=users(["U0BOB", "U0CAROL"])), "approved by <@U0BOB>, <@U0CAROL>"),
        (Superseded(by=User("U0BOB"), version=4, rollback=False), "<@U0BOB> requested v4 instead"),
    ],
)
def test_consent_veto_and_a_newer_request_name_whose_they_are(reason: Reason, words: str) -> None:
    ended = replace(READY, state=State.REJECTED, reason=reason)
    assert read(answers.promotion_story(ended, [(NOON, ended.state, reason)], [])).count(words) == 2


@pytest.mark.parametrize("state", sorted(State))
def test_a_reason_that_may_come_from_outside_calls_nobody(state: State) -> None:
    said = told("the pod said <@U0BOB>")
    story = answers.promotion_story(replace(READY, state=state, reason=said), [(NOON, state, said)], [])
    assert faults(story, people={"U0ALICE"}, links={PULL}) == []


def test_the_trouble_of_an_outside_system_is_shown_in_the_list_and_in_the_story() -> None:
    waiting = replace(READY, status=replace(READY.status, trouble=told("GitHub does not answer")))
    assert "⚠️ GitHub does not answer" in read(answers.promotions_list([waiting]))
    assert "⚠️ GitHub does not answer." in read(answers.promotion_story(waiting, [], []))


@pytest.mark.parametrize(
    ("state", "words"),
    [(State.SUPERSEDED, "Promotion 13 took its place: `/promotions 13`"), (State.FAILED, "Promotion 13 rolls it back")],
)
def test_a_story_names_the_promotion_that_came_after(state: State, words: str) -> None:
    ended = replace(READY, state=state, status=replace(READY.status, followup=13))
    assert words in read(answers.promotion_story(ended, [], []))


def test_a_history_shows_the_reason_for_an_override_and_what_still_blocks() -> None:
    word = Fact(id=3, kind=FactKind.OVERRIDE, by="U0BOB", at=NOON, reason="db is on fire")
    rulings = (
        Ruling(verdict=Verdict.PASS, reason=NoVeto()),
        Ruling(verdict=Verdict.WAIT, reason=FROZEN),
    )
    said = read(
        answers.promotion_story(
            replace(READY, status=replace(READY.status, consent=Consent(rulings=rulings))), [], [word]
        )
    )
    assert "<@U0BOB> overrode the hold (`db is on fire`)" in said
    assert "• `production` is frozen by <@U0CAROL> until someone lifts the freeze (R&amp;D)" in said
    assert "nobody objects" not in said


ORDER = Freeze(stage="production", until=NOON, reason="holidays", by="U0BOB")
WINDOW = Freeze(stage="production", until=NOON)


def test_the_channel_learns_of_a_freeze_and_of_its_end() -> None:
    told = answers.frozen(ORDER)
    assert told.aloud
    assert read(told) == (
        f"<@U0BOB> froze `production` until {WHEN}: `holidays`. No model is promoted there; rollbacks "
        "always work. `/freeze production off` lifts it."
    )
    assert "froze `production` until someone lifts it. " in read(answers.frozen(replace(ORDER, until=None, reason="")))
    over = answers.thawed("production", "U0CAROL", None)
    assert over.aloud
    assert over.text == "<@U0CAROL> lifted the freeze of `production`, so what waits there continues."
    still = answers.thawed("production", "U0CAROL", WINDOW).text
    assert still == f"<@U0CAROL> lifted the freeze of `production`, but it is frozen by `app.yaml` until {WHEN}."


def test_the_list_of_freezes_reads_like_this() -> None:
    those = [("production", ORDER), ("production of fraud-*", WINDOW), ("production of churn", None)]
    assert read(answers.freezes_list(those)) == (
        f"• production: frozen by <@U0BOB> until {WHEN}: `holidays`\n"
        f"• production of fraud-∗: frozen by `app.yaml` until {WHEN}\n"
        "• production of churn: not frozen\n"
        "\n"
        "`/freeze STAGE off` lifts a freeze that somebody set; rollbacks always work."
    )
    assert "Nothing is frozen." in answers.freezes_list([]).text


def test_a_long_history_is_cut_to_its_end() -> None:
    steps = [(NOON + timedelta(seconds=n), State.SYNCING, told(f"step {n}")) for n in range(40)]
    said = read(answers.promotion_story(READY, steps, []))
    assert "… 10 earlier steps" in said
    assert "step 39" in said
    assert "step 9\n" not in said


def test_a_list_that_is_too_long_says_how_many_it_omits() -> None:
    rows = [ModelRow(model=f"model-{n}", releases=(RELEASE,) * 6, newest=3) for n in range(200)]
    message = answers.models_list(rows)
    assert faults(message) == []
    shown = read(message).count("newest v3")
    assert f"… and {200 - shown} more" in read(message)


# ── whatever stands in it ───────────────────────────────────────────────────────────────────────────────

LONG = texts(most=8, times=400)
TARGETS = st.builds(Target, model=LONG, stage=LONG)
RELEASES = st.lists(
    st.builds(
        Release, target=TARGETS, version=st.integers(1, 10**9), since=st.just(NOON), previous=st.none() | st.just(1)
    ),
    max_size=7,
).map(tuple)
METRICS = st.dictionaries(LONG, st.floats(), max_size=6)
CARDS = st.builds(VersionDetails, what=st.builds(ModelVersion, model=LONG, version=st.integers(1, 9)), metrics=METRICS)
PROMOTIONS = promotions(
    LONG,
    requested_by=st.just("callboard") | LONG.map(lambda text: "!" + text),
    status=st.builds(
        Status,
        pull=st.none() | st.builds(PullStatus, number=st.just(7), url=st.just(PULL) | LONG.map("javascript:{}".format)),
        trouble=st.none() | reasons(LONG),
    ),
)
FACTS = st.builds(
    Fact, id=st.just(1), kind=st.sampled_from(FactKind), by=LONG.map("!{}".format), at=st.just(NOON)
)  # fmt: skip


@given(st.builds(Freeze, stage=LONG, until=st.none() | st.just(NOON), reason=LONG, by=LONG.map("!{}".format)))
def test_a_freeze_is_taken_whatever_its_reason(order: Freeze) -> None:
    for message in (answers.frozen(order), answers.freezes_list([(order.stage, order)])):
        assert faults(message) == []
    assert faults(answers.thawed(order.stage, order.by, order)) == []


@given(st.lists(st.builds(ModelRow, model=LONG, releases=RELEASES, newest=st.none() | st.integers(1, 9)), max_size=4))
def test_a_list_of_models_is_taken_whatever_their_names(rows: list[ModelRow]) -> None:
    assert faults(answers.models_list(rows)) == []


@given(
    st.builds(
        ModelDetail,
        model=LONG,
        stages=st.lists(LONG, max_size=9).map(tuple),
        releases=RELEASES,
        versions=st.lists(CARDS, max_size=5).map(tuple),
        under_way=st.lists(PROMOTIONS, max_size=4).map(tuple),
    )
)
def test_one_model_is_taken_whatever_is_known_of_it(detail: ModelDetail) -> None:
    assert faults(answers.models_detail(detail), links={PULL}) == []


@given(
    st.lists(PROMOTIONS, min_size=1, max_size=5),
    st.lists(st.tuples(st.just(NOON), st.sampled_from(State), st.none() | reasons(LONG)), max_size=10),
    st.lists(FACTS, max_size=6),
)
def test_stories_are_taken_whatever_happened(
    promotions: list[Promotion], steps: list[answers.Transition], facts: list[Fact]
) -> None:
    assert faults(answers.promotions_list(promotions), links={PULL}) == []
    assert faults(answers.promotion_story(promotions[0], steps, facts), links={PULL}) == []
