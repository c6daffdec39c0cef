"""/promote MODEL STAGE [VERSION|@alias] [--override "reason"]: ask that a version become a stage's release."""

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
from handlers.checks import allowed, known_pair, record
from handlers.command import Asked, Command


async def promote(asked: Asked, app: App, store: Store) -> Message:
    """Record the request and say what happens next."""
    wanted = commands.promote(asked.text)
    pair = await known_pair(wanted.model, wanted.stage, app, store, command="promote")
    policy, stage = app.policy(pair), code(pair.stage)
    await allowed(asked, f"promote {code(pair.model)} to {stage}", policy.requesters, store)
    if wanted.override is not None:
        deed = f"override what holds releases to {stage} up"
        await allowed(asked, deed, policy.may_override or policy.approvers, store)
    version = await _version(pair, wanted, app, store)
    request = Request(pair=pair, kind=Kind.PROMOTE, version=version, by=asked.by, at=asked.at)
    return await record(request, asked, app, store, override=wanted.override)


async def _version(pair: Pair, wanted: commands.Promote, app: App, store: Store) -> int:
    """Return the version that is meant: the alias's, the number, what the stage before runs, or the newest."""
    known = await store.mirror.known_versions(pair.model)
    if wanted.alias is not None:
        aliases = (await store.mirror.aliases()).get(pair.model, {})
        if wanted.alias not in aliases:
            raise Misunderstood(refusals.unknown_alias(pair.model, pair.stage, wanted.alias, tuple(aliases)))
        return aliases[wanted.alias]
    if wanted.version is not None:
        if wanted.version not in known:
            raise Misunderstood(refusals.unknown_version(pair.model, pair.stage, wanted.version, known))
        return wanted.version
    before = app.previous_stage(pair)
    release = await store.release(Pair(model=pair.model, stage=before)) if before is not None else None
    if release is None:
        newest = known[0] if known else None
        raise Misunderstood(refusals.no_version_named(pair.model, pair.stage, before, newest))
    return release.version


COMMAND: Final = Command(
    name="/promote",
    description="Release a version of a model to a stage",
    usage='MODEL STAGE [VERSION|@alias] [--override "reason"]',
    answer=promote,
)
