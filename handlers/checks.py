"""What several commands check and do.  Raises Misunderstood with what to type instead; then nothing was recorded."""

from bot.config import App
from bot.domain import Message, Pair
from bot.errors import Misunderstood
from bot.promotion import Request
from bot.rules import refusals
from bot.rules.escape import code
from bot.store import Store
from handlers.asked import Asked


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


async def record(request: Request, asked: Asked, app: App, store: Store) -> Message:
    """Record the request, unless the version is live already or a promotion of the pair is under way."""
    pair = request.pair
    release = await store.release(pair)
    if release is not None and release.version == request.version:
        raise Misunderstood(refusals.already_live(release))
    number = await store.ask(request, key=asked.key)
    if number is not None:
        where = f"{code(pair.model)} v{request.version} → {code(pair.stage)}"
        return Message(text=f"On its way: {where}, promotion {number}. Follow it in {app.channel_of(pair.model)}.")
    it = await store.open_promotion(pair)
    if it is None:
        return Message(text="That request has arrived before.")
    raise Misunderstood(refusals.under_way(it, it.record.pull_url))
