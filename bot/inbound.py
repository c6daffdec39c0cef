"""The public listener: the only way in from outside.

In front of each route stands one check of the raw bytes (size, signature, time); what does not pass is answered 401
or 413 before anything is parsed.  Slack's requests then go through Bolt, which knows its many shapes; behind it, and
behind the other webhooks, stand the handlers.
"""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

import handlers
from bot import clock
from bot.clients.slack import Identity, Slack
from bot.config import App, Secret
from bot.domain import Message
from bot.errors import Misunderstood
from bot.rules import signatures
from bot.store import Store

log = logging.getLogger(__name__)

LARGEST: Final = 1 << 20
"""Bytes of a request's body."""

Check: TypeAlias = Callable[..., bool]
Route: TypeAlias = Callable[[web.Request, bytes], Awaitable[web.Response]]


class Inbound:
    """The routes, and what they hand requests to."""

    def __init__(self, *, app: App, store: Store, slack: Slack, me: Identity, ring: Callable[[], None]) -> None:
        self._app = app
        self._store = store
        self._ring = ring
        self._bolt = self._make_bolt(slack, me)

    def application(
        self, *, slack_secret: Secret, mlflow_secret: Secret | None, github_secret: Secret | None
    ) -> web.Application:
        """Return the application.  A route whose secret is not configured does not exist."""
        app = web.Application(client_max_size=LARGEST)
        app.router.add_post("/slack/events", _checked(signatures.slack, slack_secret, self._slack))
        for path, check, secret in (
            ("/webhooks/mlflow", signatures.mlflow, mlflow_secret),
            ("/webhooks/github", signatures.github, github_secret),
        ):
            if secret is not None:
                app.router.add_post(path, _checked(check, secret, self._webhook(handlers.WEBHOOKS[path])))
        return app

    async def _slack(self, request: web.Request, body: bytes) -> web.Response:
        del body  # aiohttp has kept it: Bolt reads it from the request again
        response = await self._bolt.async_dispatch(await to_bolt_request(request))
        self._ring()
        return await to_aiohttp_response(response)

    def _webhook(self, handler: handlers.Webhook) -> Route:
        async def route(request: web.Request, body: bytes) -> web.Response:
            await handler(body, request.headers, self._app, self._store, clock.now())
            self._ring()
            return web.json_response({"ok": True})

        return route

    def _make_bolt(self, slack: Slack, me: Identity) -> AsyncApp:
        async def authorize() -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=None, team_id=me.team, bot_user_id=me.user, bot_id=me.bot, bot_token=slack.token
            )

        bolt = AsyncApp(
            client=slack.sdk,
            authorize=authorize,
            process_before_response=True,
            request_verification_enabled=False,  # done in front, on the raw bytes
            ssl_check_enabled=False,  # it would answer unsigned requests
            url_verification_enabled=True,
        )
        for name in handlers.COMMANDS:
            bolt.command(name)(self._command)
        for action in handlers.BUTTONS:
            bolt.action(action)(self._button)
        for event in handlers.EVENTS:
            bolt.event(event)(self._event)
        return bolt

    async def _command(self, ack: Any, command: dict[str, Any]) -> None:
        asked = handlers.Asked.of(command, clock.now())
        try:
            answer = await handlers.COMMANDS[command["command"]].answer(asked, self._app, self._store)
        except Misunderstood as error:
            answer = Message(text=str(error))
        await ack(text=answer.text, blocks=list(answer.blocks) or None, response_type="ephemeral")

    async def _button(self, ack: Any, body: dict[str, Any]) -> None:
        await handlers.BUTTONS[body["actions"][0]["action_id"]](body, self._store, clock.now())
        await ack()

    async def _event(self, body: dict[str, Any]) -> None:
        await handlers.EVENTS[body["event"]["type"]](body, self._store, clock.now())


def _checked(check: Check, secret: Secret, route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Put the check of the raw bytes in front of a route."""

    async def checked(request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _refusal(413, f"a body may have {LARGEST} bytes")
        except web.RequestPayloadError:
            return _refusal(400, "the body is not packed as its headers say")
        if not check(body, request.headers, secret.reveal(), now=clock.now()):
            return _refusal(401, "the signature or its time is not valid")
        return await route(request, body)

    return checked


def _refusal(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=json.dumps({"error": why}), content_type="application/json")
