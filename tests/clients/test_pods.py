"""A pod is asked itself what it serves; what it answers is believed only if it is the right kind of answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.clients.pods import Pods
from bot.domain.cluster import Served
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import cluster, systems
from bot.rules.wording.reasons import plain
from tests.fixtures.kubernetes_script import Answer
from tests.fixtures.raising import raising


@asynccontextmanager
async def pod(answer: Answer, *, timeout: timedelta = timedelta(seconds=3)) -> AsyncIterator[tuple[Pods, str]]:  # noqa: ASYNC109  (the client's own setting)
    """Give the client and the address of a pod that answers so."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    pods = Pods(timeout=timeout)
    try:
        yield pods, f"127.0.0.1:{server.port}"
    finally:
        await pods.close()
        await server.close()


def always(**answer: object) -> Answer:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(**answer)  # type: ignore[arg-type]  # fields by name

    return handle


@pytest.mark.parametrize("version", ["3", '"3"'])
async def test_a_pod_says_which_version_it_has_loaded(version: str) -> None:
    said = f'{{"name": "iris-classifier", "version": {version}, "run": "abc", "loaded_at": "2026-05-04T12:00:00Z"}}'
    async with pod(always(text=said)) as (pods, address):
        assert await pods.served(address) == Served(model="iris-classifier", version=3)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({"text": "hello"}, id="text"),
        pytest.param({"text": "[]"}, id="a-list"),
        pytest.param({"text": '{"name": "iris"}'}, id="no-version"),
        pytest.param({"text": '{"name": "iris", "version": "three"}'}, id="no-number"),
        pytest.param({"text": '{"name": 7, "version": 3}'}, id="no-name"),
        pytest.param({"body": b"\xff\xfe"}, id="bytes"),
        pytest.param({"text": "", "status": 404}, id="no-such-page"),
        pytest.param({"text": "", "status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, id="elsewhere"),
    ],
)
async def test_an_unexpected_answer_is_not_believed(answer: dict[str, object]) -> None:
    async with pod(always(**answer)) as (pods, address):
        with raising(Temporary, systems.Malformed) as caught:
            await pods.served(address)
    assert isinstance(caught.value.reason, systems.Malformed)
    assert (caught.value.reason.system, caught.value.reason.at) == (systems.SERVER, address)
    if "status" in answer:
        assert caught.value.reason.cause == systems.Status(status=int(str(answer["status"])))


async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        while True:
            await stream.write(b"x" * 65536)

    async with pod(answer) as (pods, address):
        with raising(Temporary, systems.AnswerTooLarge) as caught:
            await pods.served(address)
    assert "larger than 1 MiB" in plain(caught.value.reason)


async def test_a_pod_that_is_silent_is_asked_again_later() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse()
        await stream.prepare(request)
        await request.content.read()
        await asyncio.Event().wait()
        return stream

    async with pod(answer, timeout=timedelta(seconds=0.1)) as (pods, address):
        with raising(Temporary, systems.TimedOut(system=systems.SERVER, at=Name(f"http://{address}/model"))):
            await pods.served(address)


async def test_a_pod_that_is_gone_is_asked_again_later() -> None:
    pods = Pods()
    refused = systems.ConnectionFailed(said=Said("Connection refused"))
    at = Name("http://127.0.0.1:1/model")
    with raising(Temporary, systems.Unreachable(system=systems.SERVER, at=at, cause=refused)):
        await pods.served("127.0.0.1:1")
    await pods.close()


async def test_proxies_from_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with pod(always(text='{"name": "iris", "version": 3}')) as (pods, address):
        assert (await pods.served(address)).version == 3


async def test_a_prediction_is_the_example_sent_and_the_answer_read() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert (request.method, request.path, request.content_type) == ("POST", "/invocations", "application/json")
        assert await request.read() == b'{"inputs": [[1, 2]]}'
        return web.json_response({"predictions": [0]})

    async with pod(answer) as (pods, address):
        assert await pods.predict(address, b'{"inputs": [[1, 2]]}') == {"predictions": [0]}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_busy_model_is_asked_again_later(status: int) -> None:
    async with pod(always(status=status)) as (pods, address):
        with raising(Temporary, systems.Failing(system=systems.SERVER, at=Name(address), status=status)):
            await pods.predict(address, b"{}")


@pytest.mark.parametrize(
    ("answer", "why", "said"),
    [
        pytest.param(
            {"status": 400, "text": '{"message": "missing column petal"}'},
            cluster.ExampleRefused,
            "missing column petal",
            id="refused",
        ),
        pytest.param({"status": 500, "text": "Traceback"}, cluster.ExampleRefused, "Traceback", id="crashed"),
        pytest.param({"text": "hello"}, cluster.PredictionNotJSON, "", id="text"),
        pytest.param({"text": "[0]"}, cluster.PredictionNotObject, "", id="a-list"),
        pytest.param({"text": "[" * 100_000}, cluster.PredictionNotJSON, "", id="deep"),
        pytest.param({"status": 400, "text": "[" * 100_000}, cluster.ExampleRefused, "[[", id="refused-deeply"),
    ],
)
async def test_a_model_that_does_not_take_its_own_example_has_failed(
    answer: dict[str, object], why: type[Reason], said: str
) -> None:
    async with pod(always(**answer)) as (pods, address):
        with raising(Permanent, why) as caught:
            await pods.predict(address, b"{}")
    assert said in getattr(caught.value.reason, "said", "")
