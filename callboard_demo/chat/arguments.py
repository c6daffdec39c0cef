"""The arguments of a Web API call, wherever the caller put them, and the error response of a call.

Slack accepts them in the query, a form or a JSON body; in the first two, nested values are JSON in a string.  Source:
https://docs.slack.dev/apis/web-api#basics
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from bot.domain.json import Json

_TRUE: Final = frozenset({True, "true", "1", "True"})  # the 1 of a JSON body equals True


class Refusal(Exception):
    """The call fails: Slack responds with `{"ok": false, "error": …}`."""

    def __init__(self, error: str, *, messages: tuple[str, ...] = (), more: Mapping[str, Any] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages
        self.more = dict(more or {})

    def answer(self) -> Json:
        """Return the body of the answer."""
        body: Json = {"ok": False, "error": self.error} | self.more
        if self.messages:
            body |= {"errors": list(self.messages)}
            body |= {"response_metadata": {"messages": [f"[ERROR] {m}" for m in self.messages]}}
        return body


class Arguments:
    """The arguments of a call.  A value that cannot be read is refused with Slack's own error."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = dict(given)

    def text(self, name: str, default: str = "") -> str:
        """Return an argument as text; numbers and booleans of a JSON body are converted."""
        value = self.given.get(name)
        return default if value is None else str(value)

    def flag(self, name: str) -> bool:
        """Return a boolean argument."""
        value = self.given.get(name, False)
        return isinstance(value, str | bool | int) and value in _TRUE

    def number(self, name: str, *, default: int, most: int) -> int:
        """Return a whole number, at most `most`."""
        raw = self.text(name) or str(default)
        if not raw.isdigit() or int(raw) < 1:
            raise Refusal("invalid_limit" if name == "limit" else "invalid_arguments")
        return min(int(raw), most)

    def nested(self, name: str, *, otherwise: str) -> Any:
        """Return a list or an object (in a form, it is JSON in a string); None if it is absent."""
        value = self.given.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError as error:
            raise Refusal(otherwise) from error


async def read(request: web.Request) -> tuple[Arguments, str | None]:
    """Return the arguments of a call and its token, which may be a header or an argument (not in JSON)."""
    given: Json = dict(request.query)
    as_json = request.content_type == "application/json"
    if request.method == "POST":
        given |= await (_json(request) if as_json else _form(request))
    header = request.headers.get("Authorization", "")
    token = header.removeprefix("Bearer ").strip() if header.startswith("Bearer ") else None
    named = given.pop("token", None)
    return Arguments(given), token or (None if as_json else named)


async def _json(request: web.Request) -> Json:
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError as error:
        raise Refusal("invalid_json") from error
    if not isinstance(body, dict):
        raise Refusal("json_not_object")
    return body


async def _form(request: web.Request) -> Json:
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
