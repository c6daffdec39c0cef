"""An agent's object is watched by its name, and without it everything else goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from bot.cluster.touched import Touched
from bot.cluster.watch import Watch
from bot.domain.cluster import AgentObject
from bot.domain.json import Json
from bot.domain.target import Target
from tests.fixtures.agent_objects import APPLICATION, KUSTOMIZATION, application, kustomization
from tests.fixtures.kubernetes_script import line, listed, refusal, scripted, stream
from tests.fixtures.waiting import until

TARGET = Target(model="iris", stage="production")
Answer = Callable[[web.Request], web.StreamResponse | None]


@asynccontextmanager
async def watching(folder: Path, answer: Answer, *chunks: bytes) -> AsyncIterator[tuple[Watch, list[web.Request]]]:
    """Give a watch, and the requests that it makes.  Lists are answered by `answer`, watches with these chunks."""
    asked: list[web.Request] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        if "watch" in request.query:
            return await stream(request, chunks, hold=True)
        return answer(request) or listed("Pod")

    async with scripted(handle, folder) as kubernetes:
        watch = Watch(kubernetes, lambda _: None, pause=timedelta(seconds=0.02))
        try:
            yield watch, asked
        finally:
            await watch.close()


def agent(watch: Watch, its: AgentObject = APPLICATION) -> Json | None:
    return watch.agent(its, namespace="models", target=TARGET)


def versioned(obj: Json, version: int = 1) -> Json:
    obj["metadata"]["resourceVersion"] = str(version)
    return obj


async def seen(watch: Watch, its: AgentObject) -> Json:
    await until(lambda: agent(watch, its) is not None, "the agent's object")
    return agent(watch, its) or {}


async def test_only_the_object_with_that_name_is_asked_for(tmp_path: Path) -> None:
    def answer(_request: web.Request) -> web.StreamResponse:
        return listed("Application", versioned(application()))

    async with watching(tmp_path, answer) as (watch, asked):
        found = await seen(watch, APPLICATION)
        assert found["status"]["sync"]["status"] == "Synced"
        assert watch.listed(APPLICATION)
        await until(lambda: len(asked) == 2, "the list and the watch")
        for _ in range(3):
            assert agent(watch) == found
    assert {each.path for each in asked} == {"/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"}
    assert {each.query["fieldSelector"] for each in asked} == {"metadata.name=iris"}
    assert len(asked) == 2


async def test_changes_are_seen(tmp_path: Path) -> None:
    def answer(_request: web.Request) -> web.StreamResponse:
        return listed("Kustomization", versioned(kustomization()))

    suspended = line("MODIFIED", versioned(kustomization(suspend=True), 2))
    async with watching(tmp_path, answer, suspended) as (watch, asked):
        await until(lambda: (agent(watch, KUSTOMIZATION) or {}).get("spec") == {"suspend": True}, "the change")
    assert asked[0].path == "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations"


async def test_a_change_wakes_the_target_that_asked_and_no_other(tmp_path: Path) -> None:
    suspended = line("MODIFIED", versioned(kustomization(suspend=True), 2))
    async with watching(tmp_path, lambda _request: None, suspended) as (watch, _):
        assert watch.touched() == {}
        await until(lambda: agent(watch, KUSTOMIZATION) is not None, "the change")
        assert watch.touched() == {"models": Touched(serving={("iris", "production")})}
        assert watch.touched() == {}


@pytest.mark.parametrize("code", [403, 404])
async def test_a_refusal_is_as_if_there_was_none(tmp_path: Path, code: int) -> None:
    def answer(request: web.Request) -> web.StreamResponse | None:
        return refusal(code, "no") if "argoproj" in request.path else None

    async with watching(tmp_path, answer) as (watch, asked):
        assert agent(watch) is None
        assert not watch.listed(APPLICATION)
        await until(lambda: watch.listed(APPLICATION), "the refusal")
        assert agent(watch) is None
        await watch.ensure("models")
        await until(lambda: watch.fresh("models"), "the Deployments")
        assert watch.trouble("models") is None
        assert sum("argoproj" in each.path for each in asked) == 1, "it is not asked for again at once"


async def test_an_object_that_does_not_exist_is_none(tmp_path: Path) -> None:
    async with watching(tmp_path, lambda _request: None) as (watch, _):
        agent(watch)
        await until(lambda: watch.listed(APPLICATION), "the list")
        assert agent(watch) is None


async def test_what_nobody_asks_for_is_not_watched_any_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.cluster.stream.UNASKED", timedelta(0))
    gone = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        gone.set()
        return await stream(request) if "watch" in request.query else listed("Application")

    async with scripted(handle, tmp_path) as kubernetes:
        watch = Watch(kubernetes, lambda _: None, pause=timedelta(seconds=0.02))
        agent(watch)
        await until(lambda: not watch._agents, "the end")
        assert not gone.is_set(), "it was not even listed"
        await watch.close()
