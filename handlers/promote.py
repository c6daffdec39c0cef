"""/promote MODEL STAGE [VERSION|@alias] [--override "reason"]: request the release of a version to a stage."""

from typing import Final

from bot.config.app_yaml import Config
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.domain.promotion import Kind, Request
from bot.domain.reason import Name
from bot.domain.reasons.requests import ToOverride, ToPromote
from bot.domain.target import Target
from bot.rules.parsing import commands
from bot.rules.release import refusals
from bot.store.store import Store
from handlers.checks import allowed, known_pair, record
from handlers.command import Asked, Command


async def promote(asked: Asked, config: Config, store: Store) -> Message:
    """Store the request, and answer with what happens next."""
    wanted = commands.promote(asked.text)
    target = await known_pair(wanted.model, wanted.stage, config, store, command=COMMAND.name)
    policy, stage = config.policy(target), Name(target.stage)
    await allowed(asked, ToPromote(model=Name(target.model), stage=stage), policy.requesters, store)
    if wanted.override is not None:
        await allowed(asked, ToOverride(stage=stage), policy.may_override or policy.approvers, store)
    version = await _version(target, wanted, config, store)
    request = Request(target=target, kind=Kind.PROMOTE, version=version, by=asked.by, at=asked.at)
    return await record(request, asked, config, store, override=wanted.override)


async def _version(target: Target, wanted: commands.Promote, config: Config, store: Store) -> int:
    """Return the wanted version: the alias's, the number, or the release of the previous stage."""
    known = await store.mirror.known_versions(target.model)
    if wanted.alias is not None:
        aliases = (await store.mirror.aliases()).get(target.model, {})
        if wanted.alias not in aliases:
            raise Misunderstood(refusals.unknown_alias(target, wanted.alias, tuple(aliases)))
        return aliases[wanted.alias]
    if wanted.version is not None:
        if wanted.version not in known:
            raise Misunderstood(refusals.unknown_version(target, wanted.version, known))
        return wanted.version
    before = config.previous_stage(target)
    release = await store.release(Target(model=target.model, stage=before)) if before is not None else None
    if release is None:
        newest = known[0] if known else None
        raise Misunderstood(refusals.no_version_named(target, before, newest))
    return release.version


COMMAND: Final = Command(
    syntax=commands.PROMOTE,
    description="Release a version of a model to a stage",
    answer=promote,
)
