"""Mirror the registry every half minute, whatever webhooks reported.

MLflow drops webhooks that it cannot deliver, so they are only wake-ups, and this is what is relied on: names, aliases
and versions are mirrored into the store, from which handlers answer.  The first run records a silent baseline.
"""

import logging
from datetime import datetime

from bot import clock
from bot.config.app_yaml import Config
from bot.domain.target import Target
from bot.engine.evidence import Clients
from bot.store.store import Store

log = logging.getLogger(__name__)

NEWEST = 50
"""Versions listed each time: usually more than were registered since the last run; if not, more are listed."""
ALL = 10_000


async def sync_registry(*, config: Config, store: Store, clients: Clients) -> int:
    """Mirror the registry; return how many versions are new.

    Raises:
        Temporary: it does not answer.
        Permanent: it refuses.
    """
    now = clock.now()
    listed = {m.name: m.aliases for m in await clients.mlflow.models() if config.has(m.name)}
    await store.mirror.see(listed)
    if await store.mirror.blank():
        those = [each.what for each in await clients.mlflow.newest(ALL)]
        await store.mirror.meet(those, baseline=True, now=now)
        log.info("first start: %d versions of %d models are taken as known", len(those), len(listed))
        new = 0
    else:
        new = await _meet_new(config, store, clients, now)
    for model, aliases in listed.items():
        for stage in config.stages_of(model):
            if stage in aliases:
                await store.baseline(Target(model=model, stage=stage), aliases[stage], now=now)
    return new


async def _meet_new(config: Config, store: Store, clients: Clients, now: datetime) -> int:
    """List the newest versions, and further pages as long as all of them are new."""
    asked = NEWEST
    while True:
        listed = [each.what for each in await clients.mlflow.newest(asked)]
        ours = [what for what in listed if config.has(what.model)]
        others = [
            what for what in listed if not config.has(what.model)
        ]  # stored, so that the overlap with the last run is found
        new = await store.mirror.meet(ours, baseline=False, now=now)
        met = new + await store.mirror.meet(others, baseline=True, now=now)
        if met < len(listed) or asked >= ALL or len(listed) < asked:
            return new
        asked = min(asked * 10, ALL)
