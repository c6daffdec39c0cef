"""What several commands check and do.  They raise Misunderstood with the reason; then nothing was changed."""

from bot.config.app_yaml import Config
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.domain.promotion import UNMERGED, Kind, Promotion, Request
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.requests import AlreadyReceived, OverrideAccepted, Started, StillUnderWay
from bot.domain.target import Target
from bot.rules.release import gates, refusals
from bot.rules.release.membership import refused
from bot.rules.release.takeover import may_differ
from bot.rules.wording.reasons import reply
from bot.store.store import Store
from handlers.command import Asked


async def known_model(model: str, config: Config, store: Store, *, command: str, rest: tuple[str, ...] = ()) -> str:
    """Return the model, if the registry has it and app.yaml names it."""
    names = tuple(name for name in await store.mirror.aliases() if config.has(name))
    if model not in names:
        raise Misunderstood(refusals.unknown_model(model, names, command=command, rest=rest))
    return model


async def known_pair(model: str, stage: str, config: Config, store: Store, *, command: str) -> Target:
    """Return the target, if both the model and the stage exist."""
    await known_model(model, config, store, command=command, rest=(stage,))
    stages = {name.casefold(): name for name in config.stages_of(model)}
    if stage.casefold() not in stages:
        raise Misunderstood(refusals.unknown_stage(model, stage, tuple(stages.values()), command=command))
    return Target(model=model, stage=stages[stage.casefold()])


async def allowed(asked: Asked, deed: Reason, names: tuple[str, ...], store: Store) -> None:
    """Refuse people who may not do the deed; `names` are those who may, none: anyone."""
    reason = refused(asked.by, deed, names, await store.groups.members(asked.at))
    if reason is not None:
        raise Misunderstood(reason)


async def unproven_merge(target: Target, store: Store) -> bool:
    """Return whether another version than the verified release is merged: a rollback then restores that release."""
    release = await store.release(target)
    last = await store.open_promotion(target), await store.merged_last(target)
    return release is not None and may_differ(release, *last)


async def record(
    request: Request, asked: Asked, config: Config, store: Store, *, override: str | None = None
) -> Message:
    """Store the request, unless the version is live already or the promotion that is under way stays."""
    release, before = await store.release(request.target), await store.open_promotion(request.target)
    if release is not None and release.version == request.version and not await unproven_merge(request.target, store):
        raise Misunderstood(refusals.already_live(release))
    number = await store.ask(request, key=asked.key, override=override)
    if number is None:
        return await _override(request, asked, store, override)
    older = await store.promotion(before.id) if before is not None else None
    replaced = older if older is not None and older.status.followup == number else None
    started = Started(
        model=Name(request.target.model),
        stage=Name(request.target.stage),
        version=request.version,
        number=number,
        replaced=replaced.id if replaced is not None else None,
        replaced_version=replaced.version if replaced is not None else None,
        channel=Said(config.channel_of(request.target.model)),
    )
    return Message(text=reply(_with_override(started, override)))


async def _override(request: Request, asked: Asked, store: Store, override: str | None) -> Message:
    """Add an override to the promotion that is under way, if it is for that version; all else is refused."""
    promotion = await store.open_promotion(request.target)
    if promotion is None:
        return Message(text=reply(AlreadyReceived()))
    if override is None or not _same(request, promotion):
        raise Misunderstood(refusals.under_way(promotion))
    if not await store.override(promotion.id, asked.by, override, at=asked.at, key=asked.key):
        return Message(text=reply(AlreadyReceived()))
    return Message(text=reply(_with_override(StillUnderWay(number=promotion.id), override)))


def _same(request: Request, promotion: Promotion) -> bool:
    return promotion.kind is Kind.PROMOTE and promotion.version == request.version and promotion.state in UNMERGED


def _with_override(result: Reason, override: str | None) -> Reason:
    if override is None:
        return result
    return OverrideAccepted(result=result, holds=tuple(map(Said, gates.overridable())), why=Name(override))
