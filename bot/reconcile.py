"""Look at the registry, the repository and user groups as a whole, every half minute, whatever webhooks said.

MLflow forgets events when nobody listens, so its webhooks are hints and this is what can be relied on: names, aliases
and versions are mirrored into the store, from which handlers answer.  The first look is a silent baseline.
"""

import logging
from datetime import datetime, timedelta

from bot import clock
from bot.config import App
from bot.domain import Base, Pair
from bot.errors import Permanent
from bot.evidence import Doors, find_place
from bot.rules.decision import Place
from bot.store import Store
from bot.watch import Watch

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=30)
NEWEST = 50
"""Versions asked for each time: more than are registered between two looks, usually; else more are asked for."""
GUESTS = 3600.0
"""Seconds for which it is believed that a member of a group is no guest.  Approvals are checked anew."""
ALL = 10_000


async def registry(*, app: App, store: Store, doors: Doors) -> int:
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


async def user_groups(*, app: App, store: Store, doors: Doors) -> None:
    """Mirror which full members are in the groups that app.yaml names; a group that the chat lacks is passed over.

    Raises:
        Temporary: the chat does not answer.
    """
    for asked, name in enumerate(sorted(app.groups)):
        try:
            members = await doors.slack.members(name, fresh=asked == 0)  # one answer holds all groups
        except Permanent as error:
            log.warning("nobody is known to be in %s: %s", name, error)
        else:
            people = [await doors.slack.person(user, within=GUESTS) for user in sorted(members)]
            entitled = frozenset(person.id for person in people if person.entitled)
            await store.groups.see(name, entitled, now=clock.now())


class Repository:
    """Where each pair's pin stands, looked up when the main branch or the list of models changed."""

    def __init__(self, *, app: App, store: Store, doors: Doors, watch: Watch) -> None:
        self._app = app
        self._store = store
        self._doors = doors
        self._watch = watch
        self._seen: object = None
        self._read: dict[Pair, dict[str, str]] = {}

    async def look(self) -> None:
        """Look, and wake every open promotion when something changed.

        Raises:
            Temporary: the forge does not answer.
            Permanent: it refuses.
        """
        base = await self._doors.github.base()
        models = tuple(await self._store.mirror.aliases())
        if (base.commit, models) == self._seen:
            return
        for model in models:
            for stage in self._app.stages_of(model):
                await self._find(Pair(model=model, stage=stage), base)
        for it in await self._store.under_way():
            await self._store.wake(it.pair, clock.now())
        self._seen = (base.commit, models)

    async def _find(self, pair: Pair, base: Base) -> None:
        files = await self._doors.github.folder(self._app.folder(pair), base)
        if files == self._read.get(pair):
            return  # most changes of a repository are about somebody else
        place = _place(files, pair)
        await self._store.place(pair, place)
        if place is not None:
            await self._watch.ensure(place.namespace or "default")
        self._read[pair] = files


def _place(files: dict[str, str], pair: Pair) -> Place | None:
    try:
        return find_place(files, pair)
    except Permanent as error:
        log.info("%s on %s: %s", pair.model, pair.stage, error)
        return None
