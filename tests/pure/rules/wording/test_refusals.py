"""A command that names what does not exist is answered with what does, and with what to type."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.policy import Freeze
from bot.domain.promotion import Kind, Release, State
from bot.domain.reason import Command, Name, Said, Url, User
from bot.domain.reasons.requests import (
    AlreadyLive,
    AlreadyMerged,
    AlreadyOver,
    AlreadyRollingOut,
    AlreadyUnderWay,
    FirstStageNeedsVersion,
    FrozenByConfig,
    NeverReleased,
    NoEarlierRelease,
    NoSuchVersion,
    NothingToLift,
    NothingToPromote,
    NoVersions,
    UnknownAlias,
    UnknownModel,
    UnknownPromotion,
    UnknownStage,
)
from bot.domain.target import Target
from bot.rules.parsing.nearest import nearest
from bot.rules.release import refusals
from bot.rules.wording.reasons import reply
from callboard_demo.chat.texts import pings
from tests.fixtures.hostile import loose, texts
from tests.fixtures.promotions import NOON, PULL, READY, TARGET, WHEN

MODELS = ("churn", "iris-classifier", "iris-regressor")
IRIS, PRODUCTION = Name("iris-classifier"), Name("production")
ROLLBACK = Command("/rollback iris-classifier production")


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
    assert nearest(word, MODELS) == meant


def test_the_nearest_of_ten_thousand_is_found() -> None:
    many = [f"team-{n % 97}-model-{n}" for n in range(10_000)]
    assert nearest("team-5-modle-5", many) == "team-5-model-5"


def test_an_unknown_model_is_answered_with_the_nearest_and_the_whole_command() -> None:
    reason = refusals.unknown_model("iris-clasifier", MODELS, command="/promote", rest=("production",))
    assert reason == UnknownModel(
        word=Name("iris-clasifier"),
        nearest=IRIS,
        known=tuple(map(Name, MODELS)),
        instead=Command("/promote iris-classifier production"),
    )
    assert reply(reason) == (
        "There is no model `iris-clasifier`. Did you mean `iris-classifier`? "
        "Type `/promote iris-classifier production`."
    )


def test_at_most_five_models_are_shown() -> None:
    many = [f"model-{letter}" for letter in "abcdefg"]
    assert reply(refusals.unknown_model("wholly-different", many, command="/models")) == (
        "There is no model `wholly-different`. Models: `model-a`, `model-b`, `model-c`, `model-d`, `model-e`, and 2 "
        "more. Type `/models model-a`."
    )


def test_where_no_model_is_known_the_answer_says_how_to_begin() -> None:
    reason = refusals.unknown_model("iris", [], command="/promote")
    assert reason == UnknownModel(word=Name("iris"), nearest=None, known=(), instead=None)
    assert "register one in MLflow, and name it in `app.yaml`" in reply(reason)


def test_an_unknown_stage_is_answered_with_the_stages_there_are() -> None:
    reason = refusals.unknown_stage("iris", "moon", ("staging", "production"), command="/rollback")
    assert reason == UnknownStage(
        word=Name("moon"),
        nearest=None,
        known=(PRODUCTION, Name("staging")),
        instead=Command("/rollback iris production"),
    )
    assert reply(reason) == (
        "There is no stage `moon`. Stages: `production`, `staging`. Type `/rollback iris production`."
    )


def test_an_unknown_version_is_answered_with_the_newest() -> None:
    instead = Command("/promote iris-classifier production 4")
    reason = refusals.unknown_version(TARGET, 9, (4, 3, 2))
    assert reason == NoSuchVersion(model=IRIS, version=9, newest=(4, 3, 2), instead=instead)
    assert reply(reason) == (
        "`iris-classifier` has no version 9. Newest versions: 4, 3, 2. Type `/promote iris-classifier production 4`."
    )
    assert refusals.unknown_version(TARGET, 9, ()) == NoVersions(model=IRIS)


def test_an_unknown_alias_is_answered_with_the_aliases() -> None:
    instead = Command("/promote iris-classifier production @champion")
    reason = refusals.unknown_alias(TARGET, "champoin", ("champion", "old"))
    assert reason == UnknownAlias(
        model=IRIS, alias=Name("@champoin"), known=(Name("@champion"), Name("@old")), instead=instead
    )
    assert reply(reason) == (
        "`iris-classifier` has no alias `@champoin`. Aliases: `@champion`, `@old`. "
        "Type `/promote iris-classifier production @champion`."
    )
    assert reply(refusals.unknown_alias(TARGET, "champion", ())) == (
        "`iris-classifier` has no alias `@champion`, nor any other. Name a version by its number. "
        "Type `/promote iris-classifier production 3`."
    )


def test_without_a_version_the_previous_stage_must_have_a_release() -> None:
    instead = Command("/promote iris-classifier production 3")
    assert refusals.no_version_named(TARGET, None, 3) == FirstStageNeedsVersion(stage=PRODUCTION, instead=instead)
    reason = refusals.no_version_named(TARGET, "staging", 3)
    assert reason == NothingToPromote(model=IRIS, before=Name("staging"), instead=instead)
    assert reply(reason) == (
        "`iris-classifier` has no verified release on `staging` to promote. Name a version. "
        "Type `/promote iris-classifier production 3`."
    )


def test_a_version_that_is_live_is_not_released_again() -> None:
    reason = refusals.already_live(Release(target=TARGET, version=3, since=NOON))
    assert reason == AlreadyLive(
        model=IRIS, stage=PRODUCTION, version=3, since=NOON, instead=Command("/models iris-classifier")
    )
    assert reply(reason).startswith(f"`production` already runs `iris-classifier` v3, since {WHEN}.")


def test_one_promotion_at_a_time_and_where_it_is() -> None:
    reason = refusals.under_way(READY)
    assert reason == AlreadyUnderWay(
        model=IRIS, stage=PRODUCTION, version=3, number=12, pull=Url(PULL), by=User("U0ALICE")
    )
    assert reply(reason) == (
        "`iris-classifier` v3 is already on its way to `production` (promotion 12, "
        f"<{PULL}|pull request>, requested by <@U0ALICE>). Wait for it to finish, or type `/promotions cancel 12`."
    )


def test_a_promotion_that_is_being_merged_is_rolled_back_instead_of_cancelled() -> None:
    merging = replace(READY, state=State.MERGING)
    reason = refusals.under_way(merging)
    assert isinstance(reason, AlreadyRollingOut)
    assert reason.rollback == ROLLBACK
    assert reply(reason).endswith("Wait for it to finish, or type `/rollback iris-classifier production` to roll back.")
    assert reply(refusals.under_way(replace(merging, kind=Kind.ROLLBACK))).endswith("Wait for it to finish.")


def test_an_unknown_stage_to_freeze_is_answered_with_the_nearest() -> None:
    assert reply(refusals.unknown_stage_to_freeze("prodution", ("staging", "production"))) == (
        "There is no stage `prodution`. Did you mean `production`? Type `/freeze production`."
    )


def test_a_window_of_app_yaml_is_overridden_but_not_lifted() -> None:
    reason = refusals.not_frozen("production", Freeze(stage="production", until=NOON))
    override = Command('/promote MODEL production --override "reason"')
    assert reason == FrozenByConfig(stage=PRODUCTION, until=NOON, instead=override)
    assert reply(reason) == (
        f"`production` is frozen by `app.yaml` until {WHEN}; no command lifts that. Wait, or override it for one "
        'promotion: `/promote MODEL production --override "reason"`.'
    )
    assert refusals.not_frozen("production", None) == NothingToLift(stage=PRODUCTION)
    assert reply(NothingToLift(stage=PRODUCTION)) == "`production` is not frozen. `/freeze` lists what is."


def test_a_rollback_without_an_earlier_release_is_refused() -> None:
    instead = Command("/promote iris-classifier production VERSION")
    reason = refusals.no_earlier_release(TARGET, Release(target=TARGET, version=1, since=NOON))
    assert reason == NoEarlierRelease(model=IRIS, stage=PRODUCTION, version=1, instead=instead)
    assert reply(reason).startswith("`iris-classifier` v1 is the first release on `production`, so there is nothing to")
    assert reply(refusals.no_earlier_release(TARGET, None)).startswith(
        "`iris-classifier` has no release on `production` yet, so there is nothing to roll back."
    )


def test_a_rollback_to_what_was_never_released_is_refused() -> None:
    instead = Command("/promote iris-classifier production 3")
    reason = refusals.never_released(TARGET, 3, (2, 1))
    assert reason == NeverReleased(model=IRIS, stage=PRODUCTION, version=3, released=(2, 1), instead=instead)
    assert reply(reason) == (
        "`iris-classifier` v3 was never released on `production`, so you cannot roll back to it. Released versions: "
        "2, 1. To promote it instead, type `/promote iris-classifier production 3`."
    )


def test_a_cancel_that_comes_too_late_names_the_rollback() -> None:
    assert refusals.already_merged(READY) == AlreadyMerged(number=12, rollback=ROLLBACK)
    released = replace(READY, state=State.RELEASED)
    reason = refusals.already_over(released)
    assert reason == AlreadyOver(number=12, state=Said("released"), since=released.entered_at, rollback=ROLLBACK)
    assert reply(reason).endswith(
        "so it cannot be cancelled. To roll back, type `/rollback iris-classifier production`."
    )
    assert refusals.already_over(replace(READY, state=State.EXPIRED)).rollback is None


def test_an_unknown_promotion_is_answered_with_those_under_way() -> None:
    assert refusals.unknown_promotion(7, [3, 4]) == UnknownPromotion(number=7, under_way=(3, 4))
    assert reply(refusals.unknown_promotion(7, [3, 4])) == (
        "There is no promotion 7. Under way: 3, 4. Type `/promotions` to see the latest."
    )
    assert reply(refusals.unknown_promotion(7)) == "There is no promotion 7. Type `/promotions` to see the latest."


@given(texts(), texts(), st.lists(texts(), max_size=8), st.integers(1, 9))
def test_names_from_outside_do_nothing_in_a_refusal(model: str, stage: str, names: list[str], version: int) -> None:
    target = Target(model=model, stage=stage)
    release = Release(target=target, version=version, since=NOON)
    reasons = [
        refusals.unknown_model(model, names, command="/promote", rest=(stage,)),
        refusals.unknown_stage(model, stage, names, command="/promote"),
        refusals.unknown_stage_to_freeze(stage, names),
        refusals.unknown_version(target, version, range(9)),
        refusals.unknown_alias(target, model, names),
        refusals.no_version_named(target, stage, version),
        refusals.no_version_named(target, None, None),
        refusals.already_live(release),
        refusals.no_earlier_release(target, release),
        refusals.never_released(target, version, range(9)),
        refusals.under_way(replace(READY, target=target)),
        refusals.already_merged(replace(READY, target=target)),
        refusals.not_frozen(stage, Freeze(stage=stage, until=NOON)),
    ]
    said = [reply(reason) for reason in reasons]
    assert [fault for text in said for fault in loose(text) if PULL not in fault] == []
    assert pings(*said) in ([], ["U0ALICE"])
    assert max(map(len, said)) <= 3000
