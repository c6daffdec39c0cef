"""Look at the repository as a whole, every half minute: where each pair's pin is, and whether main has moved."""

import logging

from bot import clock
from bot.cluster.watch import Watch
from bot.config.app_yaml import App
from bot.domain.errors import Permanent
from bot.domain.repository import Base
from bot.domain.target import Pair
from bot.engine.evidence import Doors, find_place
from bot.rules.release.decision import Place
from bot.store.store import Store

log = logging.getLogger(__name__)


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
