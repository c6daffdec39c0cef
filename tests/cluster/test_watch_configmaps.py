"""ConfigMaps are watched only where one holds a pin, and what is not up to date is not taken for a pin."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.cluster.objects import Objects, kept
from bot.cluster.touched import Touched
from bot.cluster.watch import Watch
from bot.domain.json import Json
from bot.domain.reason import Name
from bot.domain.reasons.cluster import NoAnswerYet, NotAllowed, NotWatched, Silent
from bot.domain.reasons.configmaps import ConfigMapsUnread
from tests.fixtures.kubernetes_script import cut, line, listed, refusal, scripted, stream
from tests.fixtures.waiting import until
from tests.fixtures.workload import NAME, behind, configmap, ready

PIN: Json = {"MODEL_NAME": "iris-classifier", "MODEL_STAGE": "production", "MODEL_VERSION": "3"}
DEPLOYMENT = behind(ready()).workload


def release(version: int, **more: Any) -> Json:
    return configmap("release", **PIN | {"MODEL_VERSION": str(version)}, **more)


@dataclass(kw_only=True)
class World:
    """A server with a Deployment and these ConfigMaps, and the bot's watch of it."""

    watch: Watch = field(init=False)
    found: list[Json]
    requests: list[web.Request] = field(default_factory=list)
    forbidden: bool = False
    broken: bool = False
    """Each watch of ConfigMaps breaks at once."""
    changes: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if not request.path.endswith("/configmaps"):
            deployments = request.path.endswith("/deployments")
            listing = listed("Deployment", DEPLOYMENT) if deployments else listed("Pod")
            return listing if "watch" not in request.query else await stream(request, hold=True)
        self.requests.append(request)
        if self.forbidden:
            return refusal(403, "configmaps is forbidden")
        if "watch" not in request.query:
            return listed("ConfigMap", *self.found)
        if self.broken:
            return await cut(request)
        answer = await stream(request)
        while True:
            await answer.write(await self.changes.get())

    async def send(self, *changed: Json) -> None:
        """Send changes, of which the last is another version, and wait until all are seen."""
        for each in changed:
            await self.changes.put(line("MODIFIED", each))
        await until(lambda: self.version() == changed[-1]["data"]["MODEL_VERSION"], "the change")

    def seen(self) -> Any:
        snapshot = self.watch.snapshot("models", "iris-classifier", "production", NAME, configmaps=True)
        return snapshot.configmaps if snapshot is not None else None

    def version(self) -> str | None:
        found = self.seen()
        return found[0]["data"]["MODEL_VERSION"] if isinstance(found, tuple) and found else None


@asynccontextmanager
async def watching(folder: Path, *found: Json, forbidden: bool = False) -> AsyncIterator[World]:
    world = World(found=list(found), forbidden=forbidden)
    async with scripted(world.answer, folder) as kubernetes:
        world.watch = Watch(kubernetes, lambda _: None, pause=timedelta(seconds=0.02))
        try:
            await world.watch.ensure("models")
            await until(lambda: world.watch.fresh("models"), "the first lists")
            yield world
        finally:
            await world.watch.close()


async def test_they_are_watched_once_and_only_where_that_is_needed(tmp_path: Path) -> None:
    async with watching(tmp_path, release(3), configmap("other", **PIN)) as world:
        assert (world.requests, world.seen().cause) == ([], NotWatched(namespace=Name("models")))
        for _ in range(3):
            await world.watch.ensure("models", configmaps=True)
        await until(lambda: len(world.requests) == 2, "the list and the watch")
        await until(lambda: world.version() is not None, "the ConfigMap")
        assert [each["metadata"]["name"] for each in world.seen()] == ["release"]
        without = world.watch.snapshot("models", "iris-classifier", "production", NAME)
        assert without is not None
        assert without.configmaps is None


async def test_without_permission_everything_else_goes_on(tmp_path: Path) -> None:
    async with watching(tmp_path, release(3), forbidden=True) as world:
        await world.watch.ensure("models", configmaps=True)
        await until(lambda: world.requests, "the refusal")
        await until(lambda: isinstance(world.seen().cause, NotAllowed), "the reason")
        assert (world.watch.trouble("models"), world.watch.fresh("models")) == (None, True)
        world.forbidden = False
        await until(lambda: world.version() == "3", "the permission")


async def test_a_change_concerns_the_workloads_that_name_the_configmap(tmp_path: Path) -> None:
    async with watching(tmp_path, release(3)) as world:
        await world.watch.ensure("models", configmaps=True)
        await until(lambda: world.version() == "3", "the ConfigMap")
        await world.send(configmap("lock", LEADER="a"), release(4))
        world.watch.touched()
        await world.send(release(5))
        assert world.watch.touched()["models"].workloads == {NAME}


def test_a_configmap_that_no_workload_names_concerns_none() -> None:
    objects = Objects()
    objects.put("deployments", kept("deployments", DEPLOYMENT))
    objects.touched = Touched()
    objects.put("configmaps", kept("configmaps", configmap("lock", LEADER="a")))
    assert not objects.touched
    objects.put("configmaps", kept("configmaps", release(3)))
    assert objects.touched.workloads == {NAME}
    for kind, name in (("configmaps", "lock"), ("configmaps", "release"), ("deployments", NAME)):
        objects.drop(kind, name)
    assert objects.empty


async def test_what_was_lost_for_a_while_counts_only_once_it_is_listed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that is out of date would look like one that somebody changed."""
    monkeypatch.setattr("bot.cluster.stream.LOST", timedelta(seconds=0.2))
    async with watching(tmp_path, release(3)) as world:
        await world.watch.ensure("models", configmaps=True)
        await until(lambda: world.version() == "3", "the ConfigMap")
        world.broken = True
        await world.changes.put(b"}")
        await until(lambda: isinstance(world.seen(), ConfigMapsUnread), "the loss")
        assert isinstance(world.seen().cause, Silent | NoAnswerYet)
        world.found[:] = [release(4)]
        world.broken = False
        await until(lambda: world.version() is not None, "the return")
        assert world.version() == "4"


async def test_a_page_holds_as_many_as_surely_fit(tmp_path: Path) -> None:
    async with watching(tmp_path) as world:
        await world.watch.ensure("models", configmaps=True)
        await until(lambda: world.requests, "the list")
        assert world.requests[0].query["limit"] == "20"
