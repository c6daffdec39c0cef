"""What MLflow, or something in its place, may answer, and who can fix it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from typing_extensions import override
from yarl import URL

from bot.clients.mlflow.client import MLflow
from bot.clients.mlflow.rest import Rest
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Name, Reason
from bot.domain.reasons import registry as reasons
from bot.domain.reasons import systems
from bot.domain.registry import ModelVersion
from bot.rules.wording.reasons import plain
from callboard_demo.faults import drop
from tests.fixtures.raising import raising

WHAT = ModelVersion(model="iris-classifier", version=1)


@dataclass
class Scripted:
    """A server with one answer, which also remembers what it was asked."""

    answer: web.Response = field(default_factory=lambda: web.json_response({}))
    asked: list[web.Request] = field(default_factory=list)
    url: URL = field(default_factory=URL)

    async def handle(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        said = self.answer
        return web.Response(status=said.status, body=said.body, headers=said.headers)


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    scripted = Scripted()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", scripted.handle)
    async with TestServer(app) as server:
        scripted.url = server.make_url("/")
        yield scripted


def at(server: Scripted) -> Name:
    """Return the server's address, as reasons name it."""
    return Name(str(server.url.with_user(None)))


async def error_of(server: Scripted, **credentials: str) -> Permanent | Temporary:
    mlflow = MLflow.connect(str(server.url), **credentials)
    try:
        await mlflow.models()
    except (Permanent, Temporary) as error:
        return error
    finally:
        await mlflow.close()
    raise AssertionError("it was taken for an answer")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_failure_that_may_pass_is_temporary(server: Scripted, status: int) -> None:
    server.answer = web.Response(status=status, text="<html>try later</html>")
    error = await error_of(server)
    assert isinstance(error, Temporary)
    assert error.after is None
    assert error.reason == systems.Failing(system=systems.MLFLOW, at=at(server), status=status)


@dataclass
class Hiccup(Scripted):
    """A server whose first answer is another; 0 cuts the connection."""

    first: int = 0
    pause: str = ""

    @override
    async def handle(self, request: web.Request) -> web.Response:
        answer = await Scripted.handle(self, request)
        if len(self.asked) > 1:
            return answer
        if self.first == 0:
            drop(request)
        return web.Response(status=self.first or 503, headers={"Retry-After": self.pause} if self.pause else None)


@pytest.mark.parametrize(("first", "pause"), [(0, ""), (502, ""), (503, ""), (504, ""), (429, "1")])
async def test_reading_is_tried_once_more_and_writing_is_not(first: int, pause: str) -> None:
    for write, asked in ((False, 2), (True, 1)):
        hiccup = Hiccup(first=first, pause=pause)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", hiccup.handle)
        async with TestServer(app) as served:
            rest = Rest(served.make_url("/"), username=None, password=None, token=None)
            try:
                if write:
                    with pytest.raises(Temporary):
                        await rest.send("POST", "/anything", {})
                else:
                    await rest.read("/anything", {}, absent=frozenset())
            finally:
                await rest.close()
        assert len(hiccup.asked) == asked


async def test_a_pause_that_the_server_asks_for_is_passed_on(server: Scripted) -> None:
    server.answer = web.Response(status=429, headers={"Retry-After": "7"})
    error = await error_of(server)
    assert isinstance(error, Temporary)
    assert error.after == timedelta(seconds=7)


async def test_while_the_server_wants_to_be_left_alone_nothing_is_asked(server: Scripted) -> None:
    server.answer = web.Response(status=503, headers={"Retry-After": "60"})
    rest = Rest(server.url, username=None, password=None, token=None)
    for _ in range(3):
        with raising(Temporary, systems.Failing(system=systems.MLFLOW, at=at(server), status=503)):
            await rest.read("/anything", {}, absent=frozenset())
    await rest.close()
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "why", "said"),
    [
        (
            web.Response(status=401, text="You are not authenticated."),
            reasons.CredentialsRefused,
            "You are not authenticated.",
        ),
        (web.json_response({"message": "Permission denied"}, status=403), reasons.NotAllowed, "Permission denied"),
        (
            web.Response(status=403, text="Invalid Host header - possible DNS rebinding attack detected"),
            reasons.HostRefused,
            "Invalid Host header - possible DNS rebinding attack detected",
        ),
        (web.Response(status=404, text="<h1>Not Found</h1>"), reasons.NotMLflow, None),
        (web.Response(status=302, headers={"Location": "https://login.test/"}), reasons.Redirected, None),
        (
            web.json_response({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such page"}, status=404),
            reasons.Refused,
            "no such page",
        ),
        (web.json_response({"error_code": "BAD_REQUEST", "message": "odd"}, status=400), reasons.Refused, "odd"),
    ],
)
async def test_an_error_that_only_an_operator_can_fix_says_how(
    server: Scripted, answer: web.Response, why: type[Reason], said: str | None
) -> None:
    server.answer = answer
    error = await error_of(server)
    assert isinstance(error, Permanent)
    assert isinstance(error.reason, why)
    assert getattr(error.reason, "said", None) == said
    assert getattr(error.reason, "status", answer.status) == answer.status
    assert getattr(error.reason, "host", "127.0.0.1") == "127.0.0.1"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Welcome</html>",
        b"[]",
        b"null",
        b'{"registered_models": 3}',
        b'{"registered_models": [{}]}',
        b"\xff",
        b'{"x":' + b"[" * 100_000,
    ],
)
async def test_an_answer_that_is_not_mlflows_is_temporary_and_reported(server: Scripted, body: bytes) -> None:
    server.answer = web.Response(body=body)
    error = await error_of(server)
    assert isinstance(error, Temporary)
    assert isinstance(error.reason, systems.Malformed)
    assert (error.reason.system, error.reason.at) == (systems.MLFLOW, at(server))
    assert error.reason.during == systems.Request(name=Name("/api/2.0/mlflow/registered-models/search"))


async def test_an_endless_answer_is_cut_off(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.clients.mlflow.rest.LARGEST", 1000)
    server.answer = web.Response(body=b" " * 1001)
    error = await error_of(server)
    assert isinstance(error, Permanent)
    assert isinstance(error.reason, systems.AnswerTooLarge)
    assert error.reason.cause == systems.TooLarge(bytes=1000)


async def test_a_server_that_hangs_is_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.clients.mlflow.rest.TIMEOUT", aiohttp.ClientTimeout(total=0.2))
    may_end = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await may_end.wait()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        mlflow = MLflow.connect(f"http://127.0.0.1:{port}")
        with raising(Temporary, systems.TimedOut):
            await mlflow.models()
        may_end.set()
        await mlflow.close()


@pytest.mark.parametrize("status", ["PENDING_REGISTRATION", "FAILED_REGISTRATION"])
async def test_a_version_that_is_not_whole_is_not_ready(server: Scripted, status: str) -> None:
    version = {"name": "iris-classifier", "version": "1", "creation_timestamp": 1, "status": status}
    server.answer = web.json_response({"model_version": version})
    mlflow = MLflow.connect(str(server.url))
    details = await mlflow.version_details(WHAT)
    await mlflow.close()
    assert details is not None
    assert not details.ready


async def test_copies_that_lead_in_a_circle_lead_nowhere(server: Scripted) -> None:
    version = {"name": "m", "version": "1", "creation_timestamp": 1, "source": "models:/m/1"}
    server.answer = web.json_response({"model_version": version})
    mlflow = MLflow.connect(str(server.url))
    details = await mlflow.version_details(WHAT)
    await mlflow.close()
    assert details is not None
    assert details.run is None


async def test_credentials_are_sent_and_an_origin_never(server: Scripted) -> None:
    server.answer = web.json_response({"model_version": {"name": "m", "version": "1", "creation_timestamp": 1}})
    basic = {"username": "bot", "password": "hunter2"}
    for given, sent in (({}, None), (basic, "Basic Ym90Omh1bnRlcjI="), ({"token": "t0k"}, "Bearer t0k")):
        mlflow = MLflow.connect(str(server.url), **given)
        await mlflow.move_alias("m", "production", 2)
        await mlflow.close()
        assert [r.headers.get("Authorization") for r in server.asked[-2:]] == [sent, sent]
    assert [r.method for r in server.asked] == ["GET", "POST"] * 3
    assert all("Origin" not in r.headers for r in server.asked)


async def test_credentials_in_the_address_are_used_and_never_shown(server: Scripted) -> None:
    server.url = server.url.with_user("bot").with_password("hunter2")
    server.answer = web.Response(status=500)
    error = await error_of(server)
    assert server.asked[0].headers["Authorization"] == "Basic Ym90Omh1bnRlcjI="
    assert "hunter2" not in f"{error!r} {error} {error.__cause__!r} {plain(error.reason)}"


async def test_a_server_below_a_path_is_found(server: Scripted) -> None:
    server.url = server.url / "mlflow/"
    server.answer = web.json_response({})
    mlflow = MLflow.connect(str(server.url))
    assert await mlflow.models() == ()
    await mlflow.close()
    assert server.asked[0].path == "/mlflow/api/2.0/mlflow/registered-models/search"
