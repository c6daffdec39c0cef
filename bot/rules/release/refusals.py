"""Why a command is refused that names what does not exist, or asks for what cannot be done.

Each function returns the reason, with the command to type instead.  Whether to refuse is decided by the caller, who
knows what there is.
"""

from collections.abc import Sequence

from bot.domain.policy import Freeze
from bot.domain.promotion import UNMERGED, Kind, Promotion, Release, State
from bot.domain.reason import Command, Name, Reason, Said, Url, User
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
from bot.rules.parsing.typed import typed


def unknown_model(word: str, models: Sequence[str], *, command: str, rest: Sequence[str] = ()) -> UnknownModel:
    """Refuse a model that does not exist; `command` has its slash, `rest` are the words that followed."""
    near, known = _near(word, models)
    instead = _type(command, near or known[0], *rest) if known else None
    return UnknownModel(word=Name(word), nearest=near, known=known, instead=instead)


def unknown_stage(model: str, word: str, stages: Sequence[str], *, command: str) -> UnknownStage:
    """Refuse a stage that the model does not have."""
    near, known = _near(word, stages)
    instead = _type(command, model, near or known[0]) if known else None
    return UnknownStage(word=Name(word), nearest=near, known=known, instead=instead)


def unknown_stage_to_freeze(word: str, stages: Sequence[str]) -> UnknownStage:
    """Refuse a /freeze of a stage that does not exist."""
    near, known = _near(word, stages)
    instead = _type("/freeze", near or known[0]) if known else None
    return UnknownStage(word=Name(word), nearest=near, known=known, instead=instead)


def not_frozen(stage: str, window: Freeze | None) -> Reason:
    """Refuse a /freeze STAGE off where nobody ordered a freeze; `window` is one of app.yaml that is in force."""
    if window is None or window.until is None:
        return NothingToLift(stage=Name(stage))
    instead = Command(f'{typed("/promote", "MODEL", stage)} --override "reason"')
    return FrozenByConfig(stage=Name(stage), until=window.until, instead=instead)


def unknown_version(target: Target, version: int, newest: Sequence[int]) -> Reason:
    """Refuse a version that is not registered; `newest` are those that are, the newest first."""
    if not newest:
        return NoVersions(model=Name(target.model))
    instead = _type("/promote", target.model, target.stage, str(newest[0]))
    return NoSuchVersion(model=Name(target.model), version=version, newest=tuple(newest), instead=instead)


def unknown_alias(target: Target, alias: str, aliases: Sequence[str]) -> UnknownAlias:
    """Refuse an alias that the model does not have."""
    example = "@" + (nearest(alias, aliases) or aliases[0]) if aliases else "3"
    return UnknownAlias(
        model=Name(target.model),
        alias=Name(f"@{alias}"),
        known=tuple(Name(f"@{name}") for name in aliases),
        instead=_type("/promote", target.model, target.stage, example),
    )


def no_version_named(target: Target, before: str | None, newest: int | None) -> Reason:
    """Refuse a /promote without a version where the previous stage has no release to promote."""
    version = str(newest) if newest is not None else "VERSION"
    instead = _type("/promote", target.model, target.stage, version)
    if before is None:
        return FirstStageNeedsVersion(stage=Name(target.stage), instead=instead)
    return NothingToPromote(model=Name(target.model), before=Name(before), instead=instead)


def already_live(release: Release) -> AlreadyLive:
    """Refuse a request for what the stage runs already."""
    return AlreadyLive(
        model=Name(release.target.model),
        stage=Name(release.target.stage),
        version=release.version,
        since=release.since,
        instead=_type("/models", release.target.model),
    )


def under_way(promotion: Promotion) -> Reason:
    """Refuse a request for a target whose promotion is still open."""
    model, stage = Name(promotion.target.model), Name(promotion.target.stage)
    url = promotion.status.pull.url if promotion.status.pull is not None else None
    pull, by = Url(url) if url is not None else None, User(promotion.requested_by)
    if promotion.state in UNMERGED:
        return AlreadyUnderWay(
            model=model, stage=stage, version=promotion.version, number=promotion.id, pull=pull, by=by
        )
    return AlreadyRollingOut(
        model=model,
        stage=stage,
        version=promotion.version,
        number=promotion.id,
        pull=pull,
        by=by,
        rollback=_rollback(promotion.target) if promotion.kind is Kind.PROMOTE else None,
    )


def no_earlier_release(target: Target, release: Release | None) -> NoEarlierRelease:
    """Refuse a /rollback where no earlier release is known."""
    return NoEarlierRelease(
        model=Name(target.model),
        stage=Name(target.stage),
        version=release.version if release is not None else None,
        instead=_type("/promote", target.model, target.stage, "VERSION"),
    )


def never_released(target: Target, version: int, released: Sequence[int]) -> NeverReleased:
    """Refuse a /rollback to a version that never was the stage's release; `released` are those that were."""
    return NeverReleased(
        model=Name(target.model),
        stage=Name(target.stage),
        version=version,
        released=tuple(released),
        instead=_type("/promote", target.model, target.stage, str(version)),
    )


def unknown_promotion(number: int, open_ones: Sequence[int] = ()) -> UnknownPromotion:
    """Refuse the number of a promotion that does not exist."""
    return UnknownPromotion(number=number, under_way=tuple(open_ones))


def already_over(promotion: Promotion) -> AlreadyOver:
    """Refuse to cancel a promotion that has ended."""
    released = promotion.state is State.RELEASED and promotion.kind is Kind.PROMOTE
    return AlreadyOver(
        number=promotion.id,
        state=Said(promotion.state.value),
        since=promotion.entered_at,
        rollback=_rollback(promotion.target) if released else None,
    )


def already_merged(promotion: Promotion) -> AlreadyMerged:
    """Refuse to cancel a promotion whose change is merged: only a rollback undoes that."""
    return AlreadyMerged(number=promotion.id, rollback=_rollback(promotion.target))


def _near(word: str, names: Sequence[str]) -> tuple[Name | None, tuple[Name, ...]]:
    """Return the name that was probably meant, and all of them in order."""
    near = nearest(word, names)
    return Name(near) if near is not None else None, tuple(Name(name) for name in sorted(names))


def _type(*parts: str) -> Command:
    return Command(typed(*parts))


def _rollback(target: Target) -> Command:
    return _type("/rollback", target.model, target.stage)
