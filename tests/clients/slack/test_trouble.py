"""The client for Slack when Slack is in trouble, or something else answers in its place."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.clients.slack.client import Slack
from bot.clients.slack.errors import refused
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import slack as reasons
from bot.domain.reasons import systems
from tests.fixtures.chat_world import TOKEN
from tests.fixtures.raising import raising

AUTH_TEST = systems.Request(name=Name("auth.test"))


@asynccontextmanager
async def answering(respond: Any) -> AsyncIterator[Slack]:
    """Serve something that is not Slack."""

    async def handle(request: web.Request) -> web.Response:
        found: web.Response = respond(request)
        return found

    app = web.Application()
    app.router.add_route("*", "/api/{method}", handle)
    async with TestServer(app) as server, Slack.connect(TOKEN, str(server.make_url("/api"))) as slack:
        yield slack


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        pytest.param(200, {"ok": False, "error": "fatal_error"}, id="fatal"),
        pytest.param(200, {"ok": False, "error": "internal_error"}, id="internal"),
        pytest.param(200, {"ok": False, "error": "service_unavailable"}, id="unavailable"),
        pytest.param(200, {"ok": False, "error": "request_timeout"}, id="request-timeout"),
        pytest.param(503, {"ok": False, "error": "anything"}, id="503"),
        pytest.param(500, "<html>", id="500-html"),
        pytest.param(502, "<html>bad gateway", id="502-html"),
        pytest.param(200, "welcome to the hotel's wireless network", id="a-page-that-is-not-slacks"),
        pytest.param(200, [1, 2], id="a-list"),
    ],
)
@pytest.mark.parametrize("content_type", ["application/json", "text/html", "text/plain"])
async def test_a_failure_that_may_pass_is_temporary(answer: int, body: Any, content_type: str) -> None:
    def respond(request: web.Request) -> web.Response:
        text = body if isinstance(body, str) else web.json_response(body).text
        return web.Response(status=answer, text=text, content_type=content_type)

    async with answering(respond) as slack:
        with pytest.raises(Temporary, match=r"Failing|Malformed"):
            await slack.whoami()


async def test_retry_after_is_honoured_whatever_the_body(tmp_path: Path) -> None:
    def respond(request: web.Request) -> web.Response:
        return web.Response(status=429, text="<html>", content_type="text/html", headers={"Retry-After": "17"})

    async with answering(respond) as slack:
        with raising(Temporary, systems.RateLimited(system=systems.SLACK, during=AUTH_TEST)) as caught:
            await slack.whoami()
    assert caught.value.after == timedelta(seconds=17)


async def test_an_address_that_is_none_is_the_operators_to_mend() -> None:
    async with Slack.connect(TOKEN, "not an address") as slack:
        with raising(Permanent, reasons.AddressInvalid()):
            await slack.whoami()


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("account_inactive", reasons.BotTokenRefused(error=Said("account_inactive"), cause=reasons.AppRemoved())),
        ("token_expired", reasons.BotTokenRefused(error=Said("token_expired"), cause=reasons.TokenWrong())),
        ("missing_scope", reasons.ScopeMissing(method=Name("chat.update"))),
    ],
)
def test_what_slack_refuses_names_the_setting_to_change(error: str, cause: Reason) -> None:
    found = refused("chat.update", 200, {}, {"ok": False, "error": error})
    assert isinstance(found, Permanent)
    assert found.reason == cause


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        ("is_archived", reasons.ChannelArchived()),
        ("cant_update_message", reasons.MessageForeign()),
        ("msg_too_long", reasons.MessageTooLong()),
        ("something_new", reasons.ErrorUnknown()),
    ],
)
def test_an_error_of_slacks_has_its_cause(error: str, cause: Reason) -> None:
    found = refused("chat.update", 200, {}, {"ok": False, "error": error, "errors": ["at /blocks/0"]})
    assert isinstance(found, Permanent)
    assert found.reason == reasons.Refused(
        method=Name("chat.update"), error=Said(error), details=(Said("at /blocks/0"),), cause=cause
    )
