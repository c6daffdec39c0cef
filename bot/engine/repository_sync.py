"""Check the repository every half minute: where each target's pin is, and whether the main branch moved."""

import asyncio
import logging

from bot import clock
from bot.config.app_yaml import Config
from bot.domain.errors import Permanent
from bot.domain.repository import Base
from bot.domain.target import Place, Target
from bot.engine.evidence import Clients
from bot.engine.places import find_place
from bot.rules.kubernetes import kinds
from bot.rules.wording.reasons import plain
from bot.store.store import Store

log = logging.getLogger(__name__)


class RepositorySync:
    """Finds each target's pin again when the main branch or the list of models changes."""

    def __init__(self, *, config: Config, store: Store, clients: Clients) -> None:
        self._config = config
        self._store = store
        self._clients = clients
        self._seen: object = None
        self._read: dict[Target, dict[str, str]] = {}

    async def sync(self) -> None:
        """Find the pins, and wake every open promotion, if something changed.

        Raises:
            Temporary: GitHub does not answer.
            Permanent: it refuses.
        """
        base = await self._clients.github.base()
        models = tuple(await self._store.mirror.aliases())
        if (base.commit, models) == self._seen:
            return
        for model in models:
            for stage in self._config.stages_of(model):
                await self._find(Target(model=model, stage=stage), base)
        for promotion in await self._store.under_way():
            await self._store.wake(promotion.target, clock.now())
        self._seen = (base.commit, models)

    async def _find(self, target: Target, base: Base) -> None:
        files = await self._clients.github.folder(self._config.folder(target), base)
        if files == self._read.get(target):
            return  # most commits do not concern this target
        place = await self._place(files, target)
        await self._store.place(target, place)
        if place is not None and place.namespace is not None:
            watch = self._clients.clusters.of(place.cluster).watch
            await watch.ensure(place.namespace, kinds.followed(place), configmaps=place.in_configmap)
        self._read[target] = files

    async def _place(self, files: dict[str, str], target: Target) -> Place | None:
        try:
            return await asyncio.to_thread(find_place, files, target, self._config)
        except Permanent as error:
            log.info("%s: %s", target, plain(error.reason))
            return None
