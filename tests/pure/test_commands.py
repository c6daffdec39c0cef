"""What people type: lenient about form, strict about meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.chat.texts import pings
from bot.errors import Misunderstood
from bot.rules.commands import (
    Models,
    Promote,
    Promotions,
    Rollback,
    models,
    promote,
    promotions,
    rollback,
    typed,
    words,
)
from tests.hostile import loose, texts

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
    with pytest.raises(Misunderstood, match="`@champion` is not a version"):
        rollback("iris production @champion")


def test_models_and_promotions() -> None:
    assert models(" ") == Models()
    assert promotions("") == Promotions()
    assert promotions("#12") == Promotions(id=12)
    assert promotions("Cancel 12") == Promotions(id=12, cancel=True)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        pytest.param("", "Which model, and on which stage? Type `/promote MODEL STAGE`", id="nothing"),
        pytest.param("iris", "Type `/promote iris STAGE`, with the stage's name", id="no stage"),
        pytest.param("iris 3 production", "before the version. Type `/promote iris production 3`.", id="swapped"),
        pytest.param("iris production 3 now please", "I do not know what to do with `now please`.", id="spare words"),
        pytest.param("iris production now please", "I do not know what to do with `now please`.", id="all spare"),
        pytest.param("iris production newest", "`newest` is not a version.", id="no version"),
        pytest.param("iris production 0", "`0` is not a version.", id="version 0"),
        pytest.param("iris production ３", "`３` is not a version.", id="digits of another script"),
        pytest.param("x" * 501, "longer than 500 characters", id="a novel"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_answered_with_what_to_type(text: str, answer: str) -> None:
    with pytest.raises(Misunderstood) as refused:
        promote(text)
    assert answer in str(refused.value)


@pytest.mark.parametrize("text", ["twelve", "cancel", "cancel it", "12 13", "cancel 12 13", "-1", "1" * 16])
def test_a_promotion_is_named_by_its_number(text: str) -> None:
    with pytest.raises(Misunderstood, match="/promotions"):
        promotions(text)


def test_two_models_are_one_too_many() -> None:
    with pytest.raises(Misunderstood, match="one model at a time"):
        models("iris churn")


NAMES = st.text(
    st.characters(categories=("L", "N", "P", "S", "Zs"), exclude_characters="<>|\"'`“”„«»‘’‚*~_&"), min_size=1
)


@given(NAMES.map(lambda n: " ".join(n.split()).strip(",; ")).filter(bool), st.integers(1, 10**9 - 1))
def test_what_an_answer_says_to_type_is_understood_when_it_is_typed(model: str, version: int) -> None:
    line = typed(model, "production", str(version))
    assert words(line) == [model, "production", str(version)]


@given(texts(most=20, times=20))
def test_whatever_is_typed_is_understood_or_answered_harmlessly(text: str) -> None:
    for command in (promote, rollback, models, promotions):
        try:
            command(text)
        except Misunderstood as refused:
            assert list(loose(str(refused))) == []
            assert pings(str(refused)) == []
            assert len(str(refused)) <= 1500
