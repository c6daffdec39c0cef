"""/rollback MODEL STAGE [VERSION]: return to the previous release, or to an earlier version.

While another version than the verified release is merged, or being merged, the rollback restores the verified release.
"""

from typing import Final

from bot.config.app_yaml import Config
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.domain.promotion import Kind, Request
from bot.domain.reason import Name
from bot.domain.reasons.requests import ToRollBack
from bot.domain.target import Target
from bot.rules.parsing import commands
from bot.rules.release import refusals
from bot.store.store import Store
from handlers.checks import allowed, known_pair, record, unproven_merge
from handlers.command import Asked, Command


async def rollback(asked: Asked, config: Config, store: Store) -> Message:
    """Store the request, and answer with what happens next."""
    wanted = commands.rollback(asked.text)
    target = await known_pair(wanted.model, wanted.stage, config, store, command=COMMAND.name)
    deed = ToRollBack(model=Name(target.model), stage=Name(target.stage))
    await allowed(asked, deed, config.policy(target).rollback_requesters, store)
    version = wanted.version or await _previous(target, store)
    released = await store.released_versions(target)
    if version not in released:
        raise Misunderstood(refusals.never_released(target, version, released))
    request = Request(target=target, kind=Kind.ROLLBACK, version=version, by=asked.by, at=asked.at)
    return await record(request, asked, config, store)


async def _previous(target: Target, store: Store) -> int:
    release = await store.release(target)
    if release is not None and await unproven_merge(target, store):
        return release.version
    if release is None or release.previous is None:
        raise Misunderstood(refusals.no_earlier_release(target, release))
    return release.previous


COMMAND: Final = Command(syntax=commands.ROLLBACK, description="Return to the previous release", answer=rollback)
