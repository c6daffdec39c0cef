"""Tell the channel of a new version, once, and complete the card when its metrics arrive.

Many that wait at the same time are told in one message: a channel takes one a second.

A look at one version, in the same form as a turn: the intent is written down, then the message is posted, then where
it stands.  A version that the registry does not know is never spoken of, whoever sent the webhook.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bot import clock
from bot.config.app_yaml import App
from bot.domain.chat import Message
from bot.domain.errors import Permanent, Temporary
from bot.domain.registry import Card, ModelVersion
from bot.domain.target import Pair
from bot.engine.evidence import Doors
from bot.engine.reconcile import patience
from bot.rules.release.comparison import compare
from bot.rules.wording import announcements
from bot.store.mirror import Heard
from bot.store.store import Store

log = logging.getLogger(__name__)

COMPLETE_WITHIN: Final = timedelta(minutes=10)
"""How long metrics may come after the version."""
AGAIN: Final = timedelta(seconds=2)
TOGETHER: Final = 5
"""More versions than this that wait for the same channel are told in one message."""


async def look(what: ModelVersion, *, app: App, store: Store, doors: Doors) -> None:
    """Announce a version, or bring its announcement up to date."""
    heard = await store.mirror.heard(what)
    if heard is None or heard.complete:
        return
    try:
        those = await _those(heard, app, store)
        if those:
            await _announce_together(heard, those, app, store, doors)
        else:
            await _announce(heard, app, store, doors)
    except Temporary as error:
        log.warning("%s: %s", what, error)
        at = clock.now() + (error.after or patience(heard.tries))
        await store.mirror.look_again(what, at, tries=heard.tries + 1)
    except Permanent:
        log.exception("%s cannot be announced", what)
        await store.mirror.look_again(what, clock.now() + timedelta(minutes=1), tries=heard.tries + 1)


async def _those(heard: Heard, app: App, store: Store) -> tuple[ModelVersion, ...]:
    """Return the versions that this one is announced with, if it is one of many."""
    if heard.posted is not None:
        return ()
    channel = app.channel_of(heard.what.model)
    return await store.mirror.together(
        heard.what,
        lambda model: app.has(model) and app.channel_of(model) == channel,
        more_than=TOGETHER,
        now=clock.now(),
    )


async def _announce_together(heard: Heard, those: Sequence[ModelVersion], app: App, store: Store, doors: Doors) -> None:
    """Announce many versions in one message.  The first of them stands for all."""
    first = those[0]
    if heard.what != first:
        await store.mirror.look_again(heard.what, None)
        return
    message = announcements.announcement_of_many(those)
    key = f"versions:{first.model}:{first.version}"
    posted = await doors.slack.post(app.channel_of(first.model), message, key=key, since=heard.intent_at)
    pairs = [Pair(model=model, stage=stage) for model in {w.model for w in those} for stage in app.stages_of(model)]
    wake = [pair for pair in pairs if app.policy(pair).auto]
    await store.mirror.announced_together(those, posted, message.hash, wake=wake, now=clock.now())


async def _announce(heard: Heard, app: App, store: Store, doors: Doors) -> None:
    now = clock.now()
    what = heard.what
    card = await doors.mlflow.card(what) if app.has(what.model) else None
    if card is None or not card.ready:
        await store.mirror.look_again(what, None if card is None else now + AGAIN)
        return
    message = await _message(card, app, store, doors, complete=bool(card.metrics))
    over = bool(card.metrics) or now - heard.heard_at > COMPLETE_WITHIN
    again = None if over else now + min(max(AGAIN, (now - heard.heard_at) / 4), timedelta(minutes=1))
    if heard.posted is None:
        if not await _post(heard, message, app, store, doors):
            return
    elif heard.shown != message.hash:
        await doors.slack.update(heard.posted, message)
    await store.mirror.shown(what, message.hash, again=again)


async def _post(heard: Heard, message: Message, app: App, store: Store, doors: Doors) -> bool:
    """Post, looking first where an earlier try may have taken effect; then wake the stages that want the version.

    Return False if it is one of many by now, and not told alone.
    """
    what = heard.what
    if not await store.mirror.intend(heard, now=clock.now()):
        return False
    key = f"version:{what.model}:{what.version}"
    posted = await doors.slack.post(app.channel_of(what.model), message, key=key, since=heard.intent_at)
    pairs = [Pair(model=what.model, stage=stage) for stage in app.stages_of(what.model)]
    await store.mirror.announced(what, posted, wake=[p for p in pairs if app.policy(p).auto], now=clock.now())
    return True


async def _message(card: Card, app: App, store: Store, doors: Doors, *, complete: bool) -> Message:
    model = card.what.model
    stages = app.stages_of(model)
    releases = {stage: await store.release(Pair(model=model, stage=stage)) for stage in stages}
    live = {stage: release.version for stage, release in releases.items() if release is not None}
    last = live.get(stages[-1])
    against = await doors.mlflow.card(ModelVersion(model=model, version=last)) if last is not None else None
    automatic = any(app.policy(Pair(model=model, stage=stage)).auto for stage in stages)
    return announcements.announcement(
        card,
        live=live,
        comparison=compare(against, card),
        complete=complete,
        next_stage=stages[0],
        automatic=automatic,
    )
