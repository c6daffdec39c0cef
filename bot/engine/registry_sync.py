"""Look at the registry as a whole, every half minute, whatever webhooks said.

MLflow forgets events when nobody listens, so its webhooks are hints and this is what can be relied on: names, aliases
and versions are mirrored into the store, from which handlers answer.  The first look is a silent baseline.
"""

import logging
from datetime import datetime

from bot import clock
from bot.config.app_yaml import App
from bot.domain.target import Pair
from bot.engine.evidence import Doors
from bot.store.store import Store

log = logging.getLogger(__name__)

NEWEST = 50
"""Versions asked for each time: more than are registered between two looks, usually; else more are asked for."""
ALL = 10_000


async def sync_registry(*, app: App, store: Store, doors: Doors) -> int:
    """Mirror the registry; return how many versions are new.

    Raises:
        Temporary: it does not answer.
        Permanent: it refuses.
    """
    now = clock.now()
    listed = {m.name: m.aliases for m in await doors.mlflow.models() if app.has(m.name)}
    await store.mirror.see(listed)
    if await store.mirror.blank():
        those = [each.what for each in await doors.mlflow.newest(ALL)]
        await store.mirror.meet(those, baseline=True, now=now)
        log.info("first start: %d versions of %d models are taken as known", len(those), len(listed))
        new = 0
    else:
        new = await _meet_new(app, store, doors, now)
    for model, aliases in listed.items():
        for stage in app.stages_of(model):
            if stage in aliases:
                await store.baseline(Pair(model=model, stage=stage), aliases[stage], now=now)
    return new


async def _meet_new(app: App, store: Store, doors: Doors, now: datetime) -> int:
    """Ask for the newest versions, and for more as long as all of them are news."""
    asked = NEWEST
    while True:
        listed = [each.what for each in await doors.mlflow.newest(asked)]
        ours = [what for what in listed if app.has(what.model)]
        others = [what for what in listed if not app.has(what.model)]  # remembered, so that the overlap is seen
        new = await store.mirror.meet(ours, baseline=False, now=now)
        met = new + await store.mirror.meet(others, baseline=True, now=now)
        if met < len(listed) or asked >= ALL or len(listed) < asked:
            return new
        asked = min(asked * 10, ALL)
