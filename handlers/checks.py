"""What several commands check and do.  Raises Misunderstood with what to type instead; then nothing was recorded."""

from bot.config.app_yaml import App
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.domain.promotion import UNMERGED, Kind, Promotion, Request
from bot.domain.target import Pair
from bot.rules.release import gates
from bot.rules.release.membership import why_not
from bot.rules.release.takeover import unproven
from bot.rules.wording import refusals
from bot.rules.wording.escape import code
from bot.store.store import Store
from handlers.command import Asked


async def known_model(model: str, app: App, store: Store, *, command: str, rest: tuple[str, ...] = ()) -> str:
    """Return the model, if the registry has it and app.yaml names it."""
    names = tuple(name for name in await store.mirror.aliases() if app.has(name))
    if model not in names:
        raise Misunderstood(refusals.unknown_model(model, names, command=command, rest=rest))
    return model


async def known_pair(model: str, stage: str, app: App, store: Store, *, command: str) -> Pair:
    """Return the pair, if both the model and the stage exist."""
    await known_model(model, app, store, command=command, rest=(stage,))
    stages = {name.casefold(): name for name in app.stages_of(model)}
    if stage.casefold() not in stages:
        raise Misunderstood(refusals.unknown_stage(model, stage, tuple(stages.values()), command=command))
    return Pair(model=model, stage=stages[stage.casefold()])


async def allowed(asked: Asked, deed: str, names: tuple[str, ...], store: Store) -> None:
    """Refuse who may not do the deed ("freeze `production`"); `names` are those who may, none: anyone."""
    reason = why_not(asked.by, deed, names, await store.groups.all(), asked.at)
    if reason is not None:
        raise Misunderstood(reason)


async def astray(pair: Pair, store: Store) -> bool:
    """Say whether another version than the proven release is merged: then that release is where the way back leads."""
    release = await store.release(pair)
    last = await store.open_promotion(pair), await store.merged_last(pair)
    return release is not None and unproven(release, *last)


async def record(request: Request, asked: Asked, app: App, store: Store, *, override: str | None = None) -> Message:
    """Record the request, unless the version is live already or the promotion that is under way stays."""
    release, before = await store.release(request.pair), await store.open_promotion(request.pair)
    if release is not None and release.version == request.version and not await astray(request.pair, store):
        raise Misunderstood(refusals.already_live(release))
    number = await store.ask(request, key=asked.key, override=override)
    if number is None:
        return await _not_anew(request, asked, store, override)
    older = await store.promotion(before.id) if before is not None else None
    over = f", in place of promotion {older.id} (v{older.version})" if older and older.record.followup == number else ""
    where = f"{code(request.pair.model)} v{request.version} → {code(request.pair.stage)}"
    follow = f"Follow it in {app.channel_of(request.pair.model)}."
    return Message(text=f"On its way: {where}, promotion {number}{over}. {follow}{_spoken(override)}")


async def _not_anew(request: Request, asked: Asked, store: Store, override: str | None) -> Message:
    """Let an override be said of the promotion that is under way, if it is for that version; all else is refused."""
    it = await store.open_promotion(request.pair)
    if it is None:
        return Message(text="That request has arrived before.")
    if override is None or not _same(request, it):
        raise Misunderstood(refusals.under_way(it, it.record.pull_url))
    if not await store.override(it.id, asked.by, override, at=asked.at, key=asked.key):
        return Message(text="That request has arrived before.")
    return Message(text=f"Promotion {it.id} is under way already.{_spoken(override)}")


def _same(request: Request, it: Promotion) -> bool:
    return it.kind is Kind.PROMOTE and it.version == request.version and it.state in UNMERGED


def _spoken(override: str | None) -> str:
    if override is None:
        return ""
    of = ", and of ".join(gates.overridable())
    return f" It goes on in spite of {of}, once it is approved: {code(override)}."
