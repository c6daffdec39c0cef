"""The Web API: handles calls, and checks authentication, scopes and rate limits.

To add a method, write it in the module of its family and list it in that module's `METHODS`.
Source: https://docs.slack.dev/apis/web-api
"""

import hmac
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from bot.domain.json import Json
from callboard_demo.chat import conversations, messages, people, reactions, sockets, views
from callboard_demo.chat.arguments import Arguments, Refusal, read
from callboard_demo.chat.calls import Method
from callboard_demo.chat.limits import Meter, Tier
from callboard_demo.chat.world import World

_ALL: Final = (messages, conversations, people, reactions, sockets, views)
METHODS: Final = {method.name: method for part in _ALL for method in part.METHODS}
SCOPES: Final = frozenset(m.scope for m in METHODS.values() if m.scope) | {"commands", "app_mentions:read"}
LOG_KEPT: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A call that was made."""

    method: str
    args: dict[str, Any]
    error: str | None
    """Slack's error; None if the call succeeded."""
    at: float
    """Unix seconds."""


class WebApi:
    """Serves the calls of one app, made with its bot token or, for Socket Mode, its app-level token."""

    def __init__(
        self, world: World, *, token: str, app_token: str | None, scopes: Collection[str], meter: Meter
    ) -> None:
        self.world = world
        self.scopes = frozenset(scopes)
        self.meter = meter
        self.log: deque[Logged] = deque(maxlen=LOG_KEPT)
        self._token = token
        self._app_token = app_token

    async def handle(self, request: web.Request) -> web.Response:
        """Handle one call."""
        self.world.url = self.world.url or str(request.url.origin())
        name, given = request.match_info["method"], Arguments({})
        try:
            given, token = await read(request)
            body, wait = self._answer(name, given, token)
        except Refusal as refusal:
            body, wait = refusal.answer(), None
        self.log.append(Logged(method=name, args=given.given, error=body.get("error"), at=self.world.clock()))
        headers = {"X-OAuth-Scopes": ",".join(sorted(self.scopes)), **({"Retry-After": str(wait)} if wait else {})}
        return web.json_response(body, status=429 if wait else 200, headers=headers)

    def _answer(self, name: str, given: Arguments, token: str | None) -> tuple[Json, int | None]:
        method = METHODS.get(name)
        if method is None:
            raise Refusal("unknown_method", more={"req_method": name})
        self._admit(method, token)
        wait = self.meter.admit(self._counted(method, given), method.tier)
        if wait is not None:
            return {"ok": False, "error": "ratelimited"}, wait
        return {"ok": True} | method.run(self.world, given), None

    def _admit(self, method: Method, token: str | None) -> None:
        if not token:
            raise Refusal("not_authed")
        wanted, other = self._token, self._app_token
        if method.app_level:
            wanted, other = other or "", wanted
        if not hmac.compare_digest(token.encode(), wanted.encode()):
            raise Refusal("not_allowed_token_type" if token == other else "invalid_auth")
        if method.scope is not None and method.scope not in self.scopes:
            provided = ",".join(sorted(self.scopes))
            raise Refusal("missing_scope", more={"needed": method.scope, "provided": provided})

    def _counted(self, method: Method, given: Arguments) -> str:
        """Return the name under which a call is counted: posts by channel, everything else by method."""
        if method.tier is not Tier.POSTING:
            return method.name
        place = self.world.channel(given.text("channel"))
        return f"{method.name} {place.id if place else ''}"
