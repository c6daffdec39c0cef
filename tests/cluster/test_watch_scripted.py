"""The watch through faults that no API server gives on demand: a scripted one gives them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.cluster.stream import pause_after
from bot.cluster.watch import Watch
from bot.domain.errors import Permanent
from bot.domain.reason import Name
from bot.domain.reasons.cluster import KubeconfigUnusable, NotWatched
from bot.rules.kubernetes.kinds import rollout, stateful_set
from bot.rules.wording.reasons import plain
from tests.fixtures.kubernetes_script import cut, line, listed, refusal, scripted, stream, thing
from tests.fixtures.raising import raising
from tests.fixtures.waiting import until
from tests.fixtures.watch_world import manifest


@asynccontextmanager
async def watching(
    answer: Callable[[web.Request], web.StreamResponse | None], folder: Path, **settings: Any
) -> AsyncIterator[Watch]:
    """Give a watch of a server that answers so; None: the default, an empty list and a quiet watch."""

    async def handle(request: web.Request) -> web.StreamResponse:
        special = answer(request)
        if special is not None:
            return special
        return await stream(request, hold=True) if "watch" in request.query else listed("Pod")

    async with scripted(handle, folder) as kubernetes:
        watch = Watch(kubernetes, lambda _: None, **({"pause": timedelta(seconds=0.02)} | settings))
        try:
            await watch.ensure("models")
            yield watch
        finally:
            await watch.close()


def words(watch: Watch) -> str:
    """Return the trouble in the words that people read."""
    trouble = watch.trouble("models")
    return plain(trouble) if trouble is not None else ""


async def test_a_cluster_that_never_answers_is_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cluster.stream.LOST", timedelta(seconds=0.2))
    async with watching(lambda _: refusal(503, "etcd is unavailable"), tmp_path) as watch:
        assert watch.trouble("models") is None, "not at once: it may be about to answer"
        await until(lambda: "etcd is unavailable" in words(watch), "the trouble")


async def test_a_cluster_that_is_back_is_no_trouble_even_when_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quiet namespace sends nothing for minutes: that the watch stands is enough, it need not have told anything."""
    monkeypatch.setattr("bot.cluster.stream.LOST", timedelta(seconds=0.2))
    away = [True]

    def answer(request: web.Request) -> web.StreamResponse | None:
        return refusal(503, "away") if away and "watch" in request.query else None

    async with watching(answer, tmp_path) as watch:
        await until(lambda: watch.fresh("models"), "the first lists")
        await until(lambda: "away" in words(watch), "the trouble")
        away.clear()
        await until(lambda: watch.trouble("models") is None, "the return")


async def test_a_server_that_ends_every_watch_at_once_is_not_hammered(tmp_path: Path) -> None:
    asked: list[float] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return listed("Pod")
        if request.path.endswith("/pods"):
            asked.append(asyncio.get_running_loop().time())
            return await stream(request)
        return await stream(request, hold=True)

    async with scripted(handle, tmp_path) as kubernetes:
        watch = Watch(kubernetes, lambda _: None, pause=timedelta(seconds=0.04))
        await watch.ensure("models")
        await until(lambda: len(asked) >= 6, "six tries")
        await watch.close()
    gaps = [later - earlier for earlier, later in pairwise(asked)]
    assert gaps[1] >= 0.04 * 0.9  # the first pause is jittered to between half and whole, after two failures doubled
    assert gaps[4] >= 0.32 * 0.9


def test_pauses_grow_but_a_return_is_noticed_within_five_seconds() -> None:
    first = timedelta(seconds=0.5)
    pauses = [pause_after(failures, first, refused=False).total_seconds() for failures in (1, 2, 3, 4, 99)]
    assert pauses == [0.5, 1, 2, 4, 4]
    assert pause_after(99, first, refused=True) == timedelta(seconds=30)


async def test_the_servers_own_pause_is_kept(tmp_path: Path) -> None:
    asked: list[float] = []

    def answer(request: web.Request) -> web.StreamResponse | None:
        if not request.path.endswith("/pods") or "watch" in request.query or len(asked) == 2:
            return None
        asked.append(asyncio.get_running_loop().time())
        return refusal(429, "slow down", **{"Retry-After": "1"}) if len(asked) == 1 else None

    async with watching(answer, tmp_path) as watch:
        await until(lambda: watch.fresh("models"), "the first lists")
    assert asked[1] - asked[0] >= 0.9


async def test_one_odd_object_costs_nobody_the_watch(tmp_path: Path) -> None:
    good = manifest("3", 8080)
    good["metadata"] |= {"uid": "d-1", "resourceVersion": "101"}
    odd = thing("odd", 102, spec={"template": {"spec": {"containers": "none"}}})

    async def handle(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return listed("Deployment", odd) if request.path.endswith("/deployments") else listed("Pod")
        changes = [line("ADDED", odd), line("ADDED", good)] if request.path.endswith("/deployments") else []
        return await stream(request, changes, hold=True)

    async with scripted(handle, tmp_path) as kubernetes:
        watch = Watch(kubernetes, lambda _: None)
        await watch.ensure("models")
        await until(lambda: watch.snapshot("models", "iris", "production") is not None, "the good one")
        assert watch.trouble("models") is None
        await watch.close()


async def test_it_resumes_from_the_last_change_or_bookmark_that_it_has_seen(tmp_path: Path) -> None:
    versions: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            return listed("Pod", version="100")
        if not request.path.endswith("/pods"):
            return await stream(request, hold=True)
        versions.append(request.query["resourceVersion"])
        chunks = {1: [line("ADDED", thing("a", 105))], 2: [line("BOOKMARK", thing("", 140))]}.get(len(versions))
        return await cut(request, chunks) if chunks else await stream(request, hold=True)

    async with scripted(handle, tmp_path) as kubernetes:
        watch = Watch(kubernetes, lambda _: None, pause=timedelta(seconds=0.02))
        await watch.ensure("models")
        await until(lambda: len(versions) >= 3, "the third watch")
        await watch.close()
    assert versions[:3] == ["100", "105", "140"]


async def test_expiry_again_and_again_is_answered_with_growing_pauses(tmp_path: Path) -> None:
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}
    lists: list[float] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if not request.path.endswith("/pods"):
            return await stream(request, hold=True) if "watch" in request.query else listed("Pod")
        if "watch" in request.query:
            return await stream(request, [line("ERROR", gone)])
        lists.append(asyncio.get_running_loop().time())
        return listed("Pod")

    async with scripted(handle, tmp_path) as kubernetes:
        watch = Watch(kubernetes, lambda _: None, pause=timedelta(seconds=0.04))
        await watch.ensure("models")
        await until(lambda: len(lists) >= 5, "five lists")
        await watch.close()
    gaps = [later - earlier for earlier, later in pairwise(lists)]
    assert gaps[3] >= 0.16 * 0.9


async def test_a_failure_that_nobody_foresaw_does_not_end_the_watch(tmp_path: Path) -> None:
    """An event without a type is no event of Kubernetes: it is listed again, and the watch goes on."""
    broken = [b'{"object": {"metadata": {"name": "x"}}}\n']
    lists: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            lists.append(request.path)
            return listed("Pod")
        chunks = [broken.pop()] if broken and request.path.endswith("/pods") else []
        return await stream(request, chunks, hold=True)

    async with scripted(handle, tmp_path) as kubernetes:
        watch = Watch(kubernetes, lambda _: None, pause=timedelta(seconds=0.02))
        await watch.ensure("models")
        await until(lambda: len(lists) == 5, "the list anew")
        await until(lambda: watch.trouble("models") is None, "the end of the trouble")
        await watch.close()


async def test_another_kind_takes_one_more_watch(tmp_path: Path) -> None:
    lists: list[str] = []

    def note(request: web.Request) -> None:
        if "watch" not in request.query:
            lists.append(request.path.rpartition("/")[2])

    async with watching(note, tmp_path) as watch:
        await until(lambda: watch.fresh("models"), "the lists")
        assert watch.trouble("models", stateful_set.KIND) == NotWatched(namespace=Name("models"))
        await watch.ensure("models", stateful_set.KIND)
        await watch.ensure("models", stateful_set.KIND)
        await until(lambda: watch.fresh("models", stateful_set.KIND), "the StatefulSets")
        assert sorted(lists) == ["deployments", "events", "pods", "replicasets", "statefulsets"]


async def test_a_kind_that_may_not_be_read_troubles_no_other(tmp_path: Path) -> None:
    def refuse(request: web.Request) -> web.StreamResponse | None:
        return refusal(403, "no") if request.path.endswith("/rollouts") else None

    async with watching(refuse, tmp_path) as watch:
        await watch.ensure("models", rollout.KIND)
        await until(lambda: watch.trouble("models", rollout.KIND) is not None, "the refusal")
        assert "rollouts" in plain(watch.trouble("models", rollout.KIND) or NotWatched(namespace=Name("models")))
        await until(lambda: watch.fresh("models"), "the Deployments")
        assert watch.trouble("models") is None


async def test_a_kubeconfig_that_turned_bad_is_told_and_the_watch_goes_on(tmp_path: Path) -> None:
    refused = [True]

    async def handle(request: web.Request) -> web.StreamResponse:
        if refused:
            return refusal(401, "Unauthorized")
        return await stream(request, hold=True) if "watch" in request.query else listed("Pod")

    async with scripted(handle, tmp_path) as kubernetes:
        config = tmp_path / "kubeconfig"
        text = config.read_text()
        config.write_text("a: [")
        with raising(Permanent, KubeconfigUnusable):
            await kubernetes.list("models", "pods")
        watch = Watch(kubernetes, lambda _: None, pause=timedelta(seconds=0.02))
        await watch.ensure("models")
        await until(lambda: isinstance(watch.trouble("models"), KubeconfigUnusable), "the trouble")
        config.write_text(text)
        refused.clear()
        await until(lambda: watch.trouble("models") is None, "the end of the trouble")
        await watch.close()


async def test_a_server_that_hangs_with_open_connections_is_noticed_and_its_return_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cluster.stream.LOST", timedelta(seconds=0.2))
    monkeypatch.setattr("bot.cluster.heartbeat.QUIET", timedelta(seconds=0.2))
    works = asyncio.Event()
    works.set()

    async def handle(request: web.Request) -> web.StreamResponse:
        await works.wait()
        return await stream(request, hold=True) if "watch" in request.query else listed("Pod")

    async with scripted(handle, tmp_path) as kubernetes:
        watch = Watch(kubernetes, lambda _: None, pause=timedelta(seconds=0.02))
        await watch.ensure("models")
        await until(lambda: watch.fresh("models"), "the lists")
        works.clear()
        await until(lambda: "a health check" in words(watch), "the trouble")
        works.set()
        await until(lambda: watch.trouble("models") is None, "its end")
        await watch.close()


async def test_a_server_that_sends_something_is_not_asked_for_a_sign_of_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.cluster.heartbeat.QUIET", timedelta(seconds=0.5))
    asked: list[str] = []

    async def busy(request: web.Request) -> web.StreamResponse:
        answer = await stream(request)
        for version in range(2, 30):
            await answer.write(line("MODIFIED", thing("a", version)))
            await asyncio.sleep(0.1)
        return answer

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await busy(request) if "watch" in request.query else listed("Pod")

    async with scripted(handle, tmp_path) as kubernetes:
        watch = Watch(kubernetes, lambda _: None)
        await watch.ensure("models")
        await asyncio.sleep(2)
        await watch.close()
    assert "/livez" not in asked
    assert asked.count("/api/v1/namespaces/models/pods") == 2
