"""Authentication, the hourly rate limit, errors as JSON, and the request log.

It knows no operation.  Tokens: https://docs.github.com/en/rest/authentication; the limit and its headers:
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api.
"""

import base64
import binascii
from collections import Counter, deque
from dataclasses import dataclass, field
from time import time

import jwt
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from callboard_demo.forge.answers import LOGIN
from callboard_demo.forge.hub import Hub
from callboard_demo.forge.records import stamp
from callboard_demo.forge.refused import Refused, not_found

HOUR = 3600
APP = "app"
"""The login of a JSON web token: the app itself, which may only request installation tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A handled request; `template` is the route, such as "/repos/{owner}/{repo}/pulls"."""

    method: str
    template: str
    status: int


@dataclass(slots=True, kw_only=True)
class Allowance:
    """The remaining requests of each token in the current hour."""

    limit: int = 5000
    used: Counter[str] = field(default_factory=Counter)
    reset: int = 0

    def take(self, token: str, *, count: int = 1) -> bool:
        """Count a request; return whether it was within the limit."""
        if time() >= self.reset:
            self.used.clear()
            self.reset = int(time()) + HOUR
        self.used[token] += count
        return self.used[token] <= self.limit

    def headers(self, token: str) -> dict[str, str]:
        """Return the headers that every response has."""
        return {f"X-RateLimit-{name.capitalize()}": str(value) for name, value in self.numbers(token).items()}

    def numbers(self, token: str) -> dict[str, int]:
        """Return limit, remaining, used, and the second of the reset."""
        used = min(self.used[token], self.limit)
        return {"limit": self.limit, "remaining": self.limit - used, "used": used, "reset": self.reset}


TOKEN = web.RequestKey("token", str)


class Access:
    """The middleware in front of every operation."""

    def __init__(self, hub: Hub, *, tokens: dict[str, str], app_key: str | None) -> None:
        self.tokens = tokens
        """Login by token."""
        self.allowance = Allowance()
        self.log: deque[Asked] = deque(maxlen=10_000)
        self._hub = hub
        self._app_key = app_key

    def middleware(self) -> Middleware:
        """Return the middleware."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            response = await self._pass(request, handler)
            route = request.match_info.route.resource
            template = route.canonical if route else request.path
            self.log.append(Asked(method=request.method, template=template, status=response.status))
            return response

        return guard

    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            self._admit(request)
            response = await handler(request)
        except Refused as refused:
            response = web.json_response(refused.body, status=refused.status)
        except web.HTTPException as error:  # no such route, or not with this method: GitHub returns 404 for both
            if error.status not in {404, 405}:
                raise
            response = web.json_response(not_found().body, status=404)
        if TOKEN in request and not response.prepared:
            response.headers.update(self.allowance.headers(request[TOKEN]))
        return response

    def _admit(self, request: web.Request) -> None:
        if not self._hub.url:
            self._hub.url = f"{request.scheme}://{request.host}"
        if not request.path.startswith(("/repos/", "/app/", "/rate_limit")):
            return
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not token:
            raise Refused(401, "Requires authentication")
        login = self.login(scheme, token)
        if login is None:
            raise Refused(401, "Bad credentials")
        request[LOGIN], request[TOKEN] = login, token
        if not self.allowance.take(token, count=0 if request.path == "/rate_limit" else 1):
            raise Refused(403, f"API rate limit exceeded for {login}.")
        name = "/".join(request.match_info.get(part, "") for part in ("owner", "repo"))
        if name not in {"/", self._hub.name}:
            raise not_found()
        if login == APP and not (request.path.startswith("/app/") or request.path.endswith("/installation")):
            raise Refused(401, "A JSON web token could not be used for this request")

    def login(self, scheme: str, token: str) -> str | None:
        """Return the token's login: a person, the app's installation, or the app itself; None if it is unknown."""
        if scheme.lower() == "basic":
            token = _password(token)
        if self._hub.records.tokens.get(token, "") > stamp():
            return self._hub.login
        if token in self.tokens:
            return self.tokens[token]
        return APP if self._signed_by_app(token) else None

    def _signed_by_app(self, token: str) -> bool:
        if self._app_key is None:
            return False
        try:
            jwt.decode(token, self._app_key, algorithms=["RS256"], options={"require": ["exp", "iat", "iss"]})
        except jwt.PyJWTError:
            return False
        return True


def _password(token: str) -> str:
    try:
        return base64.b64decode(token).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
