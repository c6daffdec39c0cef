"""What people type: lenient about form, strict about meaning."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Misunderstood
from bot.domain.reason import Command, Name, Reason
from bot.domain.reasons.commands import (
    CommandTooLong,
    DatePassed,
    FreezeUsage,
    MoreThanAYear,
    NotADate,
    NotADuration,
    NotAPromotion,
    NotAVersion,
    NotUnderstood,
    OneModelAtATime,
    OverrideNeedsReason,
    PromoteUsage,
    SeveralFreezeReasons,
    SpareWords,
    StageComesFirst,
    UnknownTimeZone,
    WhichModel,
    WhichPromotion,
    WhichStage,
)
from bot.rules.parsing.commands import (
    PROMOTIONS,
    ROLLBACK,
    Freezing,
    Models,
    Promote,
    Promotions,
    Rollback,
    freeze,
    models,
    promote,
    promotions,
    rollback,
    words,
)
from bot.rules.parsing.typed import typed
from bot.rules.wording.reasons import reply
from tests.fixtures.hostile import loose, texts

USAGE = PromoteUsage()
V3 = Promote(model="iris-classifier", stage="production", version=3)


@pytest.mark.parametrize(
    "text",
    [
        "iris-classifier production 3",
        "  iris-classifier   production\tv3 ",
        "iris-classifier PRODUCTION V3",
        "`iris-classifier` `production` `v3`",
        "“iris-classifier” ‘production’ 3",
        '*iris-classifier* _production_ "3"',
        "*`iris-classifier`*, production, v3",
        "iris-classifier\u200b production\ufeff 3",
        "iris-classifier production 03",
    ],
)
def test_however_it_is_typed_it_means_the_same(text: str) -> None:
    assert promote(text) == V3


def test_a_version_may_be_left_out_or_named_by_an_alias() -> None:
    assert promote("iris production") == Promote(model="iris", stage="production")
    assert promote("iris production @champion") == Promote(model="iris", stage="production", alias="champion")


def test_an_alias_keeps_its_case_because_mlflow_does() -> None:
    assert promote("iris production @Champion").alias == "Champion"


def test_a_model_keeps_its_case_and_a_quoted_name_its_spaces() -> None:
    assert promote('"Iris of 1936" staging').model == "Iris of 1936"


def test_a_name_that_slack_made_a_link_of_is_a_name_again() -> None:
    assert models("<https://iris.ai|iris.ai>") == Models(model="iris.ai")
    assert promote("<http://iris.ai|iris.ai> staging 2").model == "iris.ai"


def test_an_underscore_at_the_edge_of_a_name_is_part_of_it() -> None:
    assert models("_private") == Models(model="_private")


def test_rollback_takes_a_version_but_no_alias() -> None:
    assert rollback("iris production") == Rollback(model="iris", stage="production")
    assert rollback("iris production v2") == Rollback(model="iris", stage="production", version=2)
    with pytest.raises(Misunderstood) as refused:
        rollback("iris production @champion")
    assert refused.value.reason == NotAVersion(word=Name("@champion"), usage=ROLLBACK.usage)


def test_a_usage_that_needs_no_explanation_is_the_one_that_slack_shows() -> None:
    with pytest.raises(Misunderstood) as refused:
        rollback("")
    assert reply(refused.value.reason) == ("Which model, and on which stage? Usage: `/rollback MODEL STAGE [VERSION]`.")


def test_models_and_promotions() -> None:
    assert models(" ") == Models()
    assert promotions("") == Promotions()
    assert promotions("#12") == Promotions(id=12)
    assert promotions("Cancel 12") == Promotions(id=12, cancel=True)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", WhichModel(usage=USAGE), id="nothing"),
        pytest.param("iris", WhichStage(instead=Command("/promote iris STAGE")), id="no stage"),
        pytest.param(
            "iris 3 production", StageComesFirst(instead=Command("/promote iris production 3")), id="swapped"
        ),
        pytest.param(
            "iris production 3 now please", SpareWords(words=Name("now please"), usage=USAGE), id="spare words"
        ),
        pytest.param("iris production now please", SpareWords(words=Name("now please"), usage=USAGE), id="all spare"),
        pytest.param("iris production newest", NotAVersion(word=Name("newest"), usage=USAGE), id="no version"),
        pytest.param("iris production 0", NotAVersion(word=Name("0"), usage=USAGE), id="version 0"),
        pytest.param(
            "iris production ３", NotAVersion(word=Name("３"), usage=USAGE), id="digits of another script"
        ),
        pytest.param("x" * 501, CommandTooLong(limit=500), id="a novel"),
    ],
)  # fmt: skip
def test_a_command_that_is_not_understood_is_answered_with_what_to_type(text: str, why: Reason) -> None:
    with pytest.raises(Misunderstood) as refused:
        promote(text)
    assert refused.value.reason == why


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "",
            "Which model, and on which stage? Usage: `/promote MODEL STAGE`, optionally with a version (`3`, `v3`) or "
            'an alias (`@champion`), and with `--override "reason"`.',
        ),
        ("iris", "On which stage? Type `/promote iris STAGE`, with the stage's name instead of STAGE."),
        ("iris 3 production", "The stage comes before the version. Type `/promote iris production 3`."),
        ("x" * 501, "That is longer than 500 characters, the limit for a command. Please shorten it."),
    ],
)
def test_the_answer_is_a_sentence_with_a_capital_and_a_full_stop(text: str, answer: str) -> None:
    with pytest.raises(Misunderstood) as refused:
        promote(text)
    assert reply(refused.value.reason) == answer


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("twelve", NotAPromotion(word=Name("twelve"), usage=PROMOTIONS.usage)),
        ("cancel", WhichPromotion()),
        ("cancel it", NotAPromotion(word=Name("it"), usage=PROMOTIONS.usage)),
        ("12 13", NotUnderstood(words=Name("12 13"), usage=PROMOTIONS.usage)),
        ("cancel 12 13", NotUnderstood(words=Name("cancel 12 13"), usage=PROMOTIONS.usage)),
        ("-1", NotAPromotion(word=Name("-1"), usage=PROMOTIONS.usage)),
        ("1" * 16, NotAPromotion(word=Name("1" * 16), usage=PROMOTIONS.usage)),
    ],
)
def test_a_promotion_is_named_by_its_number(text: str, why: Reason) -> None:
    with pytest.raises(Misunderstood) as refused:
        promotions(text)
    assert refused.value.reason == why
    assert "/promotions" in reply(refused.value.reason)


def test_two_models_are_one_too_many() -> None:
    with pytest.raises(Misunderstood) as refused:
        models("iris churn")
    assert refused.value.reason == OneModelAtATime(first=Command("/models iris"), whole=Command('/models "iris churn"'))


NAMES = st.text(
    st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="<>|\"'`“”„«»‘’‚*~_&"), min_size=1
)


@given(NAMES.map(lambda n: " ".join(n.split()).strip(",; ")).filter(bool), st.integers(1, 10**9 - 1))
def test_what_an_answer_says_to_type_is_understood_when_it_is_typed(model: str, version: int) -> None:
    line = typed(model, "production", str(version))
    assert words(line) == [model, "production", str(version)]


# ── --override ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        'iris production 3 --override "db is on fire"',
        "iris production 3 —override “db is on fire”",
        "iris production 3 –override 'db is on fire'",
        "iris production 3 --OVERRIDE=“db is on fire”",
        "iris production 3 --override: db is on fire",
        'iris production --override "db is on fire" 3',
        '--override "db is on fire" iris production v3',
    ],
)
def test_an_override_is_understood_however_a_phone_writes_dashes_and_quotes(text: str) -> None:
    assert promote(text) == Promote(model="iris", stage="production", version=3, override="db is on fire")


def test_a_number_in_a_reason_without_quotes_is_no_version() -> None:
    said = promote("iris production --override incident 42")
    assert said == Promote(model="iris", stage="production", override="incident 42")


@pytest.mark.parametrize("text", ["iris production --override", 'iris production 3 --override ""', "—override"])
def test_an_override_needs_a_reason(text: str) -> None:
    with pytest.raises(Misunderstood) as refused:
        promote(text)
    assert refused.value.reason == OverrideNeedsReason()
    assert reply(refused.value.reason) == (
        'An override needs a reason, which is recorded and shown. Type `--override "reason"`.'
    )


def test_text_that_only_looks_like_an_override_is_not_ignored() -> None:
    with pytest.raises(Misunderstood) as refused:
        promote("iris production --override-it")
    assert refused.value.reason == NotAVersion(word=Name("--override-it"), usage=USAGE)
    with pytest.raises(Misunderstood) as refused:
        rollback("iris production 3 --override why")
    assert refused.value.reason == SpareWords(words=Name("--override why"), usage=ROLLBACK.usage)


# ── /freeze ─────────────────────────────────────────────────────────────────────────────────────────────

NOON = datetime(2026, 12, 20, 12, tzinfo=UTC)
EVE = datetime(2026, 12, 24, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        'production until 2026-12-24T18:00 Europe/Berlin "holidays"',
        "PRODUCTION UNTIL 2026-12-24t18:00 europe/berlin “holidays”",
        "“production” ‘holidays’ until 2026-12-24 18:00 Europe/Berlin",
        "*production* until `2026-12-24T18:00+01:00` 'holidays'",
        'production until 2026-12-24T17:00Z, "holidays"',
        'production until 2026-12-24 17:00 "holidays"',
        'production for 101 hours "holidays"',
        'production for 101h "holidays"',
    ],
)
def test_however_a_freeze_is_typed_it_means_the_same(text: str) -> None:
    assert freeze(text, NOON) == Freezing(stage="production", until=EVE, reason="holidays")


def test_a_freeze_without_an_end_lasts_until_someone_lifts_it() -> None:
    assert freeze("", NOON) == Freezing()
    assert freeze("production", NOON) == Freezing(stage="production")
    assert freeze("production 'why'", NOON) == Freezing(stage="production", reason="why")
    assert freeze("production OFF", NOON) == freeze("production `off`", NOON) == Freezing(stage="production", off=True)


def test_a_day_begins_at_midnight_where_it_is_said_to() -> None:
    assert freeze("p until 2026-12-27", NOON).until == datetime(2026, 12, 27, tzinfo=UTC)
    assert freeze("p until 2026-12-27 Asia/Tokyo", NOON).until == datetime(2026, 12, 26, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param(
            "p until 2026-12-20",
            DatePassed(text=Name("2026-12-20"), moment=datetime(2026, 12, 20, tzinfo=UTC), now=NOON),
            id="past",
        ),
        pytest.param("p until 2028-01-01", MoreThanAYear(text=Name("until 2028-01-01")), id="far"),
        pytest.param("p for 400 days", MoreThanAYear(text=Name("for 400 days")), id="long"),
        pytest.param("p until 2026-02-30", NotADate(text=Name("2026-02-30")), id="no day"),
        pytest.param("p until 2026-12-27T25:00", NotADate(text=Name("2026-12-27T25:00")), id="no hour"),
        pytest.param("p until 0001-01-01T00:00+14:00", NotADate(text=Name("0001-01-01T00:00+14:00")), id="long ago"),
        pytest.param("p until tomorrow", NotADate(text=Name("tomorrow")), id="a word"),
        pytest.param("p until", NotADate(text=Name("")), id="until nothing"),
        pytest.param("p for 3", NotADuration(text=Name("3")), id="no unit"),
        pytest.param("p for 0h", NotADuration(text=Name("0h")), id="no time"),
        pytest.param("p until 2026-12-27 Europe/Berlim", UnknownTimeZone(zone=Name("Europe/Berlim")), id="zone"),
        pytest.param("p until 2026-12-27 Europe", UnknownTimeZone(zone=Name("Europe")), id="half a zone"),
        pytest.param(
            "p untl 2026-12-27", NotUnderstood(words=Name("untl 2026-12-27"), usage=FreezeUsage()), id="slip"
        ),
        pytest.param("p holidays", NotUnderstood(words=Name("holidays"), usage=FreezeUsage()), id="no quotes"),
        pytest.param('p "one" "two"', SeveralFreezeReasons(usage=FreezeUsage()), id="two reasons"),
        pytest.param(
            "p off please", NotUnderstood(words=Name("off please"), usage=FreezeUsage()), id="off and more"
        ),
    ],
)  # fmt: skip
def test_a_freeze_that_is_not_understood_is_answered_with_what_to_type(text: str, why: Reason) -> None:
    with pytest.raises(Misunderstood) as refused:
        freeze(text, NOON)
    assert refused.value.reason == why


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("p until 2026-12-20", "`2026-12-20` is in the past: it means <!date^1797724800^"),
        ("p for 400 days", "`for 400 days` is more than a year. Leave it out, and the stage stays frozen until some"),
        (
            "p until tomorrow",
            "`tomorrow` is not a date. Type `until 2026-12-27`, `until 2026-12-27T18:00 Europe/Berlin`",
        ),
        ("p for 3", "`3` is not a duration. Type `until 2026-12-27`"),
        (
            "p until 2026-12-27 Europe",
            "There is no time zone `Europe`. Type its name, such as `Europe/Berlin`",
        ),
        (
            "p holidays",
            "I don't understand `holidays`. Usage: `/freeze STAGE`, optionally with `until 2026-12",
        ),
    ],
)
def test_a_date_that_is_not_understood_is_answered_with_examples(text: str, answer: str) -> None:
    with pytest.raises(Misunderstood) as refused:
        freeze(text, NOON)
    assert reply(refused.value.reason).startswith(answer)


@given(
    st.sampled_from(["p until ", "p for ", "p until 2026-12-27 ", "p until 2026-12-27T18:00", "p until 9999-12-31 "]),
    texts(most=6, times=6)
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}[+-][0-9]{4}", fullmatch=True),
)
def test_whatever_moment_is_named_it_is_ahead_or_answered_harmlessly(begin: str, text: str) -> None:
    try:
        until = freeze(begin + text, NOON).until
    except Misunderstood as refused:
        assert list(loose(reply(refused.reason))) == []
    else:
        assert until is None or until > NOON
