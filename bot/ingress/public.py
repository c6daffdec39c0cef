"""The public listener: the only way in from outside.

In front of each route is one check.  What the headers alone show to be wrong (size, signature, time) is answered 413 or
401 before the body is read; a wrong signature or content type is answered 401 or 415 before anything is parsed.  What
Slack sends, whether it comes so or over a socket (see `socket_mode`), then goes through Bolt to the handlers; what
nobody can read is a 400 with a sentence.
"""

import json
import re
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass
from typing import Final, TypeAlias

from aiohttp import web
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.request.async_request import AsyncBoltRequest

import handlers
from bot import clock
from bot.config.app_yaml import Config
from bot.config.environment import Secret
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.domain.json import Json
from bot.domain.reason import Command, Said
from bot.domain.reasons.commands import UnknownCommand
from bot.domain.reasons.inbound import NotFromSlack
from bot.ingress.bodies import LARGEST, Bodies
from bot.rules.parsing import signatures
from bot.rules.parsing.slack_requests import FORM, JSON, SHAPES, Kind, parsed, unpack
from bot.rules.wording.reasons import plain, reply
from bot.store.store import Store

WRONG: Final = "wrong"
INVALID: Final = "the signature or its time is not valid; compare the secrets, and the clocks"

Check: TypeAlias = Callable[..., bool]
Route: TypeAlias = Callable[[web.Request, bytes], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """How one system signs its requests, and what it sends."""

    check: Check
    sends: Set[str]
    signature: str
    """The header that holds the signature."""
    stamp: str | None
    """The header with the signed time; None: no time is signed."""


SENDERS: Final = {
    "/slack/events": Sender(
        check=signatures.slack,
        sends={FORM, JSON},
        signature="X-Slack-Signature",
        stamp="X-Slack-Request-Timestamp",
    ),
    "/webhooks/mlflow": Sender(
        check=signatures.mlflow, sends={JSON}, signature="X-MLflow-Signature", stamp="X-MLflow-Timestamp"
    ),
    "/webhooks/github": Sender(
        check=signatures.github, sends={FORM, JSON}, signature="X-Hub-Signature-256", stamp=None
    ),
}


class Inbound:
    """The routes and their handlers."""

    def __init__(self, *, config: Config, store: Store, wake: Callable[[], None], bodies: Bodies | None = None) -> None:
        self._config = config
        self._store = store
        self._wake = wake
        self._bodies = bodies or Bodies()
        self._bolt = self._make_bolt()

    def application(
        self, *, slack_secret: Secret | None, mlflow_secret: Secret | None, github_secret: Secret | None
    ) -> web.Application:
        """Return the application.  A route whose secret is not configured does not exist."""
        app = web.Application(client_max_size=LARGEST)
        for path, secret, route in (
            ("/slack/events", slack_secret, self._slack),
            ("/webhooks/mlflow", mlflow_secret, self._webhook(handlers.WEBHOOKS["/webhooks/mlflow"])),
            ("/webhooks/github", github_secret, self._webhook(handlers.WEBHOOKS["/webhooks/github"])),
        ):
            if secret is not None:
                app.router.add_post(path, _checked(SENDERS[path], secret, route, self._bodies))
        return app

    async def receive(self, kind: Kind, body: Json) -> Json | None:
        """Store what Slack reports, wake what is due, and return the response (None: an empty one).

        Raises:
            Misunderstood: it is not what Slack sends; nothing was stored.
        """
        parsed(body, SHAPES[kind])
        try:
            request = AsyncBoltRequest(body=body, mode="socket_mode")  # checked and unpacked, as over a socket
            response = await self._bolt.async_dispatch(request)
        except (AttributeError, LookupError, TypeError, ValueError) as error:  # Bolt relies on the shape of the rest
            raise Misunderstood(NotFromSlack(problem=Said(repr(error)))) from error
        if (wrong := request.context.get(WRONG)) is not None:
            raise wrong
        self._wake()
        return json.loads(response.body) if response.body else None

    async def _slack(self, request: web.Request, body: bytes) -> web.Response:
        answer = await self.receive(*unpack(body, request.content_type))
        return web.Response() if answer is None else web.json_response(answer)

    def _webhook(self, handler: handlers.Webhook) -> Route:
        async def route(request: web.Request, body: bytes) -> web.Response:
            await handler(body, request.headers, self._config, self._store, clock.now())
            self._wake()
            return web.json_response({"ok": True})

        return route

    def _make_bolt(self) -> AsyncApp:
        bolt = AsyncApp(
            authorize=_nobody,
            process_before_response=True,  # stored first, then answered
            request_verification_enabled=False,  # done before, on the raw bytes
            ssl_check_enabled=False,  # it would answer unsigned requests
            raise_error_for_unhandled_request=True,  # otherwise each is logged with programming advice
        )
        bolt.command(re.compile(""))(self._command)
        for action in handlers.BUTTONS:
            bolt.action(action)(self._button)
        for event in handlers.EVENTS:
            bolt.event(event)(self._event)
        bolt.error(_keep)
        return bolt

    async def _command(self, ack: AsyncAck, body: Json) -> None:
        answer = await self._answer(handlers.COMMANDS.get(body["command"]), handlers.Asked.of(body, clock.now()))
        seen_by = "in_channel" if answer.aloud else "ephemeral"
        await ack(text=answer.text, blocks=list(answer.blocks) or None, response_type=seen_by)

    async def _answer(self, command: handlers.Command | None, asked: handlers.Asked) -> Message:
        if command is None:
            return Message(text=reply(UnknownCommand(commands=tuple(map(Command, handlers.COMMANDS)))))
        try:
            return await command.answer(asked, self._config, self._store)
        except Misunderstood as error:
            return Message(text=reply(error.reason))

    async def _button(self, ack: AsyncAck, body: Json) -> None:
        await handlers.BUTTONS[body["actions"][0]["action_id"]](body, self._config, self._store, clock.now())
        await ack()

    async def _event(self, body: Json) -> None:
        await handlers.EVENTS[body["event"]["type"]].record(body, self._config, self._store, clock.now())


async def _nobody() -> AuthorizeResult:
    """Return no identity: handlers call nothing back, so Bolt does not need one."""
    return AuthorizeResult(enterprise_id=None, team_id=None)


async def _keep(error: Exception, context: AsyncBoltContext) -> None:
    """Keep a handler's exception: Bolt would answer 500 for it.  An event that nobody handles is no error."""
    if not isinstance(error, BoltUnhandledRequestError):
        context[WRONG] = error


def _checked(
    sender: Sender, secret: Secret, route: Route, bodies: Bodies
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Check headers and raw bytes in front of a route."""

    async def checked(request: web.Request) -> web.Response:
        refused = _refused(sender, request)
        if refused is not None:
            return refused
        try:
            body = await bodies.read(request)
        except (web.HTTPRequestEntityTooLarge, web.RequestPayloadError, ConnectionError, TimeoutError) as error:
            return _unread(error)
        if not sender.check(body, request.headers, secret.reveal(), now=clock.now()):
            return _refusal(401, INVALID)
        if request.content_type not in sender.sends:
            return _refusal(415, f"the content type is not one that is sent here: {', '.join(sorted(sender.sends))}")
        try:
            return await route(request, body)
        except Misunderstood as error:
            return _refusal(400, plain(error.reason))

    return checked


def _refused(sender: Sender, request: web.Request) -> web.Response | None:
    """Return the answer to a request whose body is not read, because of its headers."""
    if (request.content_length or 0) > LARGEST:
        return _too_large()
    unsigned = signatures.unsigned(request.headers, sender.signature, sender.stamp, now=clock.now())
    return _refusal(401, f"{INVALID} ({plain(unsigned)})") if unsigned is not None else None


def _unread(error: Exception) -> web.Response:
    """Return the answer to a request whose body could not be read."""
    match error:
        case web.HTTPRequestEntityTooLarge():
            return _too_large()
        case TimeoutError():
            answer = _refusal(408, "the body did not come in time; send it again")
            answer.force_close()  # the rest of the body is not awaited
            return answer
        case _:
            return _refusal(400, "the body is not packed as its headers say")


def _too_large() -> web.Response:
    return _refusal(413, f"a body may have {LARGEST} bytes")


def _refusal(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=json.dumps({"error": why}), content_type=JSON)
