"""Who names what is not there is told what there is, and what to type."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.policy import Freeze
from bot.domain.promotion import Kind, Release, State
from bot.domain.target import Pair
from bot.rules.wording import refusals
from callboard_demo.chat.texts import pings
from tests.fixtures.hostile import loose, texts
from tests.fixtures.promotions import NOON, PAIR, PULL, READY, WHEN

MODELS = ("churn", "iris-classifier", "iris-regressor")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("iris-clasifier", "iris-classifier"),
        ("IRIS-CLASSIFIER", "iris-classifier"),
        ("chrun", "churn"),
        ("iris-r", "iris-regressor"),
        ("wholly-different", None),
        ("", None),
    ],
)
def test_a_slip_is_recognised_and_nothing_else(word: str, meant: str | None) -> None:
    assert refusals.nearest(word, MODELS) == meant


def test_the_nearest_of_ten_thousand_is_found() -> None:
    many = [f"team-{n % 97}-model-{n}" for n in range(10_000)]
    assert refusals.nearest("team-5-modle-5", many) == "team-5-model-5"


def test_an_unknown_model_is_answered_with_the_nearest_and_the_whole_command() -> None:
    assert refusals.unknown_model("iris-clasifier", MODELS, rest=("production",)) == (
        "There is no model `iris-clasifier`. Did you mean `iris-classifier`? "
        "Type `/promote iris-classifier production`."
    )


def test_an_unknown_stage_is_answered_with_the_stages_there_are() -> None:
    assert refusals.unknown_stage("iris", "moon", ("staging", "production"), command="rollback") == (
        "There is no stage `moon`. There is `production`, `staging`. Type `/rollback iris production`."
    )


def test_an_unknown_version_is_answered_with_the_newest() -> None:
    assert refusals.unknown_version("iris", "production", 9, (4, 3, 2)) == (
        "`iris` has no version 9. Its newest: v4, v3, v2. Type `/promote iris production 4`."
    )


def test_an_unknown_alias_is_answered_with_the_aliases() -> None:
    assert refusals.unknown_alias("iris", "production", "champoin", ("champion", "old")) == (
        "`iris` has no alias `@champoin`. It has `@champion`, `@old`. Type `/promote iris production @champion`."
    )


def test_what_is_live_already_is_not_released_again() -> None:
    said = refusals.already_live(Release(pair=PAIR, version=3, since=NOON))
    assert said.startswith(f"`production` runs `iris-classifier` v3 already, since {WHEN}.")


def test_one_promotion_at_a_time_and_where_it_stands() -> None:
    said = refusals.under_way(READY, None)
    assert f"<{PULL}|promotion 12>" in said
    assert said.endswith("Wait for its end, or type `/promotions cancel 12`.")


def test_what_is_being_merged_is_not_cancelled_but_taken_back() -> None:
    merging = replace(READY, state=State.MERGING)
    assert refusals.under_way(merging, None).endswith(
        "Wait for its end, or type `/rollback iris-classifier production` to go back."
    )
    assert refusals.under_way(replace(merging, kind=Kind.ROLLBACK), None).endswith("Wait for its end.")


def test_an_unknown_stage_to_freeze_is_answered_with_the_nearest() -> None:
    assert refusals.unknown_stage_to_freeze("prodution", ("staging", "production")) == (
        "There is no stage `prodution`. Did you mean `production`? Type `/freeze production`."
    )


def test_a_window_of_app_yaml_is_passed_but_not_ended() -> None:
    said = refusals.not_frozen("production", Freeze(stage="production", until=NOON))
    assert said == (
        f"It is `app.yaml` that freezes `production` until {WHEN}, and no command ends that. Wait, or let one "
        'promotion pass: `/promote MODEL production --override "reason"`.'
    )
    assert refusals.not_frozen("production", None).startswith("`production` is not frozen, so nothing is left to end.")


def test_a_cancel_that_comes_too_late_names_the_way_back() -> None:
    assert "`/rollback iris-classifier production`" in refusals.merged_already(READY)


@given(texts(), texts(), st.lists(texts(), max_size=8), st.integers(1, 9))
def test_names_from_outside_work_in_no_refusal(model: str, stage: str, names: list[str], version: int) -> None:
    release = Release(pair=Pair(model=model, stage=stage), version=version, since=NOON)
    said = [
        refusals.unknown_model(model, names, rest=(stage,)),
        refusals.unknown_stage(model, stage, names),
        refusals.unknown_version(model, stage, version, range(9)),
        refusals.unknown_alias(model, stage, model, names),
        refusals.no_version_named(model, stage, stage, version),
        refusals.no_version_named(model, stage, None, None),
        refusals.already_live(release),
        refusals.nowhere_to_go_back(model, stage, release),
        refusals.never_released(model, stage, version, range(9)),
    ]
    assert [fault for text in said for fault in loose(text)] == []
    assert pings(*said) == []
    assert max(map(len, said)) <= 3000
