"""/rollback MODEL STAGE [VERSION]: go back to the release before, or to an earlier version.

While something else than the proven release is merged, or is being, it is that release to which it goes back.
"""

from typing import Final

from bot.config.app_yaml import App
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.domain.promotion import Kind, Request
from bot.domain.target import Pair
from bot.rules.parsing import commands
from bot.rules.wording import refusals
from bot.rules.wording.escape import code
from bot.store.store import Store
from handlers.checks import allowed, astray, known_pair, record
from handlers.command import Asked, Command


async def rollback(asked: Asked, app: App, store: Store) -> Message:
    """Record the request and say what happens next."""
    wanted = commands.rollback(asked.text)
    pair = await known_pair(wanted.model, wanted.stage, app, store, command="rollback")
    deed = f"take {code(pair.model)} back on {code(pair.stage)}"
    await allowed(asked, deed, app.policy(pair).rollback_requesters, store)
    version = wanted.version or await _way_back(pair, store)
    released = await store.released_versions(pair)
    if version not in released:
        raise Misunderstood(refusals.never_released(pair.model, pair.stage, version, released))
    request = Request(pair=pair, kind=Kind.ROLLBACK, version=version, by=asked.by, at=asked.at)
    return await record(request, asked, app, store)


async def _way_back(pair: Pair, store: Store) -> int:
    release = await store.release(pair)
    if release is not None and await astray(pair, store):
        return release.version
    if release is None or release.previous is None:
        raise Misunderstood(refusals.nowhere_to_go_back(pair.model, pair.stage, release))
    return release.previous


COMMAND: Final = Command(
    name="/rollback", description="Go back to the release before", usage="MODEL STAGE [VERSION]", answer=rollback
)
