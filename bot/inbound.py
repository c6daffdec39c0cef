"""The public listener: the only way in from outside.

In front of each route stands one check of the raw bytes: size, signature, time, content type.  What does not pass is
answered 413, 401 or 415 before anything is parsed.  Behind it stand the handlers; what they cannot read is a 400 with a
sentence.  What Slack sends is heard in the same way when it comes over a socket (see `socket_mode`).
"""

import json
import logging
from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import msgspec
from aiohttp import web

import handlers
from bot import clock
from bot.config import App, Secret
from bot.domain import Json, Message
from bot.errors import Misunderstood
from bot.rules import signatures
from bot.rules.slack_requests import FORM, JSON, Kind, Text, told, unpack
from bot.store import Store

log = logging.getLogger(__name__)

LARGEST: Final = 1 << 20
"""Bytes of a request's body."""

Check: TypeAlias = Callable[..., bool]
Route: TypeAlias = Callable[[web.Request, bytes], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """How one system proves who it is, and what it sends."""

    check: Check
    sends: Set[str]


SENDERS: Final = {
    "/slack/events": Sender(check=signatures.slack, sends={FORM, JSON}),
    "/webhooks/mlflow": Sender(check=signatures.mlflow, sends={JSON}),
    "/webhooks/github": Sender(check=signatures.github, sends={FORM, JSON}),
}


class _Action(msgspec.Struct):
    action_id: str = ""


class _Interaction(msgspec.Struct):
    type: str
    actions: list[_Action] = []


class _Event(msgspec.Struct):
    type: str = ""


class _Envelope(msgspec.Struct):
    type: str
    challenge: Text = ""
    event: _Event = msgspec.field(default_factory=_Event)


class _Command(msgspec.Struct):
    command: Annotated[str, msgspec.Meta(max_length=100)]


class Inbound:
    """The routes, and what they hand requests to."""

    def __init__(self, *, app: App, store: Store, ring: Callable[[], None]) -> None:
        self._app = app
        self._store = store
        self._ring = ring

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
                app.router.add_post(path, _checked(SENDERS[path], secret, route))
        return app

    async def hear(self, kind: Kind, body: Json) -> Json | None:
        """Record what Slack tells, look at what is due, and return what is to be answered (None: only that it came).

        Raises:
            Misunderstood: it is not what Slack sends; nothing was recorded.
        """
        answer = await self._answer(kind, body)
        self._ring()
        return answer

    async def _answer(self, kind: Kind, body: Json) -> Json | None:
        match kind:
            case Kind.COMMAND:
                return await self._command(body)
            case Kind.INTERACTION:
                return await self._interaction(body)
            case Kind.EVENT:
                return await self._event(body)

    async def _slack(self, request: web.Request, body: bytes) -> web.Response:
        answer = await self.hear(*unpack(body, request.content_type))
        return web.Response() if answer is None else web.json_response(answer)

    def _webhook(self, handler: handlers.Webhook) -> Route:
        async def route(request: web.Request, body: bytes) -> web.Response:
            await handler(body, request.headers, self._app, self._store, clock.now())
            self._ring()
            return web.json_response({"ok": True})

        return route

    async def _command(self, body: Json) -> Json:
        command = handlers.COMMANDS.get(told(body, _Command).command)
        answer = await self._said(command, handlers.Asked.of(body, clock.now()))
        shown = {"blocks": list(answer.blocks)} if answer.blocks else {}
        return {"response_type": "ephemeral", "text": answer.text, **shown}

    async def _said(self, command: handlers.Command | None, asked: handlers.Asked) -> Message:
        if command is None:
            return Message(text=f"I do not know that command. Type one of {', '.join(handlers.COMMANDS)}.")
        try:
            return await command.answer(asked, self._app, self._store)
        except Misunderstood as error:
            return Message(text=str(error))

    async def _interaction(self, body: Json) -> Json | None:
        """Hear a button; of others than ours (links are buttons, too) nothing is recorded."""
        pressed = told(body, _Interaction)
        press = handlers.BUTTONS.get(pressed.actions[0].action_id) if pressed.actions else None
        if pressed.type == "block_actions" and press is not None:
            await press(body, self._store, clock.now())
        return None

    async def _event(self, body: Json) -> Json | None:
        """Hear an event.  Slack also asks in this way whether the address is ours."""
        envelope = told(body, _Envelope)
        if envelope.type == "url_verification":
            return {"challenge": envelope.challenge}
        heard = handlers.EVENTS.get(envelope.event.type)
        if envelope.type == "event_callback" and heard is not None:
            await heard(body, self._store, clock.now())
        return None


def _checked(sender: Sender, secret: Secret, route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Put the check of the raw bytes in front of a route."""

    async def checked(request: web.Request) -> web.Response:
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return _refusal(413, f"a body may have {LARGEST} bytes")
        except web.RequestPayloadError:
            return _refusal(400, "the body is not packed as its headers say")
        if not sender.check(body, request.headers, secret.reveal(), now=clock.now()):
            return _refusal(401, "the signature or its time is not valid; compare the secrets, and the clocks")
        if request.content_type not in sender.sends:
            return _refusal(415, f"the content type is not one that is sent here: {', '.join(sorted(sender.sends))}")
        try:
            return await route(request, body)
        except Misunderstood as error:
            return _refusal(400, str(error))

    return checked


def _refusal(status: int, why: str) -> web.Response:
    return web.Response(status=status, text=json.dumps({"error": why}), content_type=JSON)
