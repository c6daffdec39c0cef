"""Announce new versions, each once, and update the message when the metrics arrive.

Many that wait at the same time are announced in one message: a channel takes one message a second.

A pass over one version works like a pass over a target: store the intent, post the message, store where it is.  A
webhook alone announces nothing: the registry has to list the version.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bot import clock
from bot.config.app_yaml import Config
from bot.domain.chat import Message
from bot.domain.errors import Permanent, Temporary
from bot.domain.registry import ModelVersion, VersionDetails
from bot.domain.target import Target
from bot.engine.evidence import Clients
from bot.engine.reconcile import patience
from bot.rules.release.comparison import compare
from bot.rules.wording import announcements
from bot.rules.wording.reasons import plain
from bot.store.mirror import Pending
from bot.store.store import Store

log = logging.getLogger(__name__)

COMPLETE_WITHIN: Final = timedelta(minutes=10)
"""How long after the version its metrics may arrive."""
AGAIN: Final = timedelta(seconds=2)
TOGETHER: Final = 5
"""If more versions than this wait for the same channel, one message announces them all."""


async def run(what: ModelVersion, *, config: Config, store: Store, clients: Clients) -> None:
    """Announce a version, or bring its announcement up to date."""
    version = await store.mirror.pending(what)
    if version is None or version.complete:
        return
    try:
        those = await _those(version, config, store)
        if those:
            await _announce_together(version, those, config, store, clients)
        else:
            await _announce(version, config, store, clients)
    except Temporary as error:
        log.warning("%s: %s", what, plain(error.reason))
        at = clock.now() + (error.after or patience(version.tries))
        await store.mirror.postpone(what, at, tries=version.tries + 1)
    except Permanent:
        log.exception("%s cannot be announced", what)
        await store.mirror.postpone(what, clock.now() + timedelta(minutes=1), tries=version.tries + 1)


async def _those(version: Pending, config: Config, store: Store) -> tuple[ModelVersion, ...]:
    """Return the versions that this one is announced with, if it is one of many."""
    if version.posted is not None:
        return ()
    channel = config.channel_of(version.what.model)
    return await store.mirror.together(
        version.what,
        lambda model: config.has(model) and config.channel_of(model) == channel,
        more_than=TOGETHER,
        now=clock.now(),
    )


async def _announce_together(
    version: Pending, those: Sequence[ModelVersion], config: Config, store: Store, clients: Clients
) -> None:
    """Announce many versions in one message, which is stored with the first of them."""
    first = those[0]
    if version.what != first:
        await store.mirror.postpone(version.what, None)
        return
    message = announcements.announcement_of_many(those)
    key = f"versions:{first.model}:{first.version}"
    posted = await clients.slack.post(config.channel_of(first.model), message, key=key, since=version.intent_at)
    targets = [
        Target(model=model, stage=stage) for model in {w.model for w in those} for stage in config.stages_of(model)
    ]
    wake = [target for target in targets if config.policy(target).auto]
    await store.mirror.announced_together(those, posted, message.hash, wake=wake, now=clock.now())


async def _announce(version: Pending, config: Config, store: Store, clients: Clients) -> None:
    now = clock.now()
    what = version.what
    details = await clients.mlflow.version_details(what) if config.has(what.model) else None
    if details is None or not details.ready:
        await store.mirror.postpone(what, None if details is None else now + AGAIN)
        return
    message = await _message(details, config, store, clients, complete=bool(details.metrics))
    over = bool(details.metrics) or now - version.noticed_at > COMPLETE_WITHIN
    again = None if over else now + min(max(AGAIN, (now - version.noticed_at) / 4), timedelta(minutes=1))
    if version.posted is None:
        if not await _post(version, message, config, store, clients):
            return
    elif version.shown != message.hash:
        await clients.slack.update(version.posted, message)
    await store.mirror.confirm(what, message.hash, again=again)


async def _post(version: Pending, message: Message, config: Config, store: Store, clients: Clients) -> bool:
    """Post the announcement unless an earlier attempt took effect; then wake the stages that promote automatically.

    Return False if the version has become one of many, which are announced together.
    """
    what = version.what
    if not await store.mirror.intend(version, now=clock.now()):
        return False
    key = f"version:{what.model}:{what.version}"
    posted = await clients.slack.post(config.channel_of(what.model), message, key=key, since=version.intent_at)
    targets = [Target(model=what.model, stage=stage) for stage in config.stages_of(what.model)]
    await store.mirror.announced(what, posted, wake=[p for p in targets if config.policy(p).auto], now=clock.now())
    return True


async def _message(
    details: VersionDetails, config: Config, store: Store, clients: Clients, *, complete: bool
) -> Message:
    model = details.what.model
    stages = config.stages_of(model)
    releases = {stage: await store.release(Target(model=model, stage=stage)) for stage in stages}
    live = {stage: release.version for stage, release in releases.items() if release is not None}
    last = live.get(stages[-1])
    against = (
        await clients.mlflow.version_details(ModelVersion(model=model, version=last)) if last is not None else None
    )
    automatic = any(config.policy(Target(model=model, stage=stage)).auto for stage in stages)
    return announcements.announcement(
        details,
        live=live,
        comparison=compare(against, details),
        complete=complete,
        next_stage=stages[0],
        automatic=automatic,
    )
