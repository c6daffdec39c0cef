"""/rollback MODEL STAGE [VERSION]: go back to the release before, or to an earlier version."""

from bot.config import App
from bot.domain import Message
from bot.errors import Misunderstood
from bot.promotion import Kind, Request
from bot.rules import commands, refusals
from bot.store import Store
from handlers.asked import Asked
from handlers.checks import known_pair, record


async def rollback(asked: Asked, app: App, store: Store) -> Message:
    """Record the request and say what happens next."""
    wanted = commands.rollback(asked.text)
    pair = await known_pair(wanted.model, wanted.stage, app, store, command="rollback")
    release = await store.release(pair)
    version = wanted.version or (release.previous if release is not None else None)
    if version is None:
        raise Misunderstood(refusals.nowhere_to_go_back(pair.model, pair.stage, release))
    released = await store.released_versions(pair)
    if version not in released:
        raise Misunderstood(refusals.never_released(pair.model, pair.stage, version, released))
    request = Request(pair=pair, kind=Kind.ROLLBACK, version=version, by=asked.by, at=asked.at)
    return await record(request, asked, app, store)
