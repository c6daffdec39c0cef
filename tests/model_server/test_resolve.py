"""How a model server asks the registry for its version when the registry or the network is in trouble."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.domain.json import Json
from callboard_model_server.refusals import Exit, Refusal
from callboard_model_server.resolve import Found, resolve
from callboard_model_server.settings import Registry, Wanted

PINNED = Wanted(model="iris-classifier", stage="production", version=3)
FOUND = Found(model="iris-classifier", version=3, run="r1")
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def version(**more: object) -> Json:
    return {"model_version": {"name": "iris-classifier", "version": "3", "run_id": "r1", "status": "READY"} | more}


async def ready(_: web.Request) -> web.Response:
    return web.json_response(version())


def status(code: int, message: str = "no") -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"error_code": "X", "message": message}, status=code)

    return answer


async def silence(request: web.Request) -> web.Response:
    await asyncio.sleep(60)
    return await ready(request)


async def drip(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(600):
        await answer.write(b" ")
        await asyncio.sleep(0.1)
    return answer


@dataclass
class Scripted:
    """A registry that gives the scripted answers in turn, the last one for ever."""

    answers: list[Answer] = field(default_factory=lambda: [ready])
    requests: list[web.Request] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self.answers[min(len(self.requests), len(self.answers)) - 1](request)


@pytest.fixture
async def registry() -> AsyncIterator[Scripted]:
    scripted = Scripted()
    app = web.Application()
    app.router.add_get("/{path:.*}", scripted.answer)
    server = TestServer(app)
    await server.start_server(shutdown_timeout=0.1)
    scripted.url = str(server.make_url("")).rstrip("/")
    yield scripted
    await server.close()


async def resolved(scripted: Scripted, wanted: Wanted = PINNED, patience: float = 10, **credentials: str) -> Found:
    return await asyncio.to_thread(resolve, wanted, Registry(url=scripted.url, **credentials), patience=patience)


async def refusal(scripted: Scripted, patience: float = 10, **credentials: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await resolved(scripted, PINNED, patience, **credentials)
    return caught.value


async def test_a_registry_that_comes_back_in_time_is_asked_again(registry: Scripted) -> None:
    registry.answers = [status(503), status(500), ready]
    assert await resolved(registry) == FOUND


async def test_a_pinned_version_is_asked_for_by_its_number(registry: Scripted) -> None:
    await resolved(registry)
    assert registry.requests[0].path == "/api/2.0/mlflow/model-versions/get"
    assert dict(registry.requests[0].query) == {"name": "iris-classifier", "version": "3"}


async def test_a_stage_alone_is_asked_for_as_an_alias(registry: Scripted) -> None:
    await resolved(registry, Wanted(model="iris & more", stage="production", version=None))
    assert registry.requests[0].path == "/api/2.0/mlflow/registered-models/alias"
    assert dict(registry.requests[0].query) == {"name": "iris & more", "alias": "production"}


@pytest.mark.parametrize("answer", [silence, drip, status(503), status(429)])
async def test_what_does_not_answer_in_time_is_unavailable(registry: Scripted, answer: Answer) -> None:
    registry.answers = [answer]
    refused = await refusal(registry, patience=1)
    assert refused.code is Exit.UNAVAILABLE
    assert str(refused).startswith(f"MLflow registry unreachable: {registry.url} did not respond within 1 seconds")


@pytest.mark.parametrize("code", [301, 302, 307, 308])
async def test_a_registry_that_sends_the_server_elsewhere_is_not_followed(registry: Scripted, code: int) -> None:
    async def away(_: web.Request) -> web.Response:
        return web.Response(status=code, headers={"Location": f"{registry.url}/elsewhere"}, text="a secret page")

    registry.answers = [away, ready]
    refused = await refusal(registry)
    assert refused.code is Exit.UNAVAILABLE
    why = f"{registry.url} redirects to another address ({code}), which is not followed: set MLFLOW_TRACKING_URI"
    assert why in str(refused)
    assert len(registry.requests) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 418, 500])
async def test_what_somebody_else_answers_is_not_repeated(registry: Scripted, code: int) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.json_response({"message": "a secret page"}, status=code)

    registry.answers = [page]
    refused = await refusal(registry, patience=1)
    assert "secret" not in str(refused)
    assert str(code) in str(refused)


async def endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(64):
        await answer.write(b" " * (1 << 20))
    return answer


async def deep(_: web.Request) -> web.Response:
    return web.Response(text="[" * 200_000, content_type="application/json")


@pytest.mark.parametrize("answer", [endless, deep])
async def test_an_answer_that_has_no_end_or_no_bottom_is_unavailable(registry: Scripted, answer: Answer) -> None:
    registry.answers = [answer]
    refused = await refusal(registry, patience=2)
    assert refused.code is Exit.UNAVAILABLE
    assert "did not respond like an MLflow server" in str(refused)


async def test_what_is_not_an_mlflow_server_is_unavailable_and_said_so(registry: Scripted) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>Welcome</html>", content_type="text/html")

    registry.answers = [page]
    refused = await refusal(registry, patience=1)
    assert refused.code is Exit.UNAVAILABLE
    assert "did not respond like an MLflow server" in str(refused)


@pytest.mark.parametrize("code", [400, 404])
async def test_a_missing_alias_and_a_missing_version_are_both_not_there(registry: Scripted, code: int) -> None:
    registry.answers = [status(code, "Registered model alias\nnope not found.")]
    refused = await refusal(registry)
    assert refused.code is Exit.NO_INPUT
    assert str(refused).endswith("Registered model alias nope not found.")
    assert len(registry.requests) == 1


@pytest.mark.parametrize("state", ["PENDING_REGISTRATION", "FAILED_REGISTRATION"])
async def test_a_version_that_is_not_whole_is_not_there(registry: Scripted, state: str) -> None:
    async def pending(_: web.Request) -> web.Response:
        return web.json_response(version(status=state))

    registry.answers = [pending]
    refused = await refusal(registry)
    assert refused.code is Exit.NO_INPUT
    assert state in str(refused)


@pytest.mark.parametrize("code", [401, 403])
async def test_refused_credentials_are_an_exit_code_of_their_own_and_are_not_shown(
    registry: Scripted, code: int
) -> None:
    registry.answers = [status(code)]
    refused = await refusal(registry, username="bot", password="hunter2")
    assert refused.code is Exit.NO_PERMISSION
    assert "MLFLOW_TRACKING_USERNAME" in str(refused)
    assert "hunter2" not in str(refused)


async def test_user_and_password_are_sent_as_mlflow_sends_them(registry: Scripted) -> None:
    await resolved(registry, username="bot", password="pä:ss", token="unused")
    sent = registry.requests[0].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "bot:pä:ss"


async def test_a_token_is_sent_as_a_bearer(registry: Scripted) -> None:
    await resolved(registry, token="t0k")
    assert registry.requests[0].headers["Authorization"] == "Bearer t0k"


def test_no_secret_stands_in_what_is_printed_of_the_settings() -> None:
    registry = Registry(url="http://u:hunter2@mlflow:5000", username="bot", password="hunter2", token="hunter2")
    assert "hunter2" not in repr(registry) + registry.name
