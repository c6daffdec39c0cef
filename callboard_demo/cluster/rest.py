"""The kubelet's API client, for this API server or a real one: JSON over HTTP with a bearer token.

Errors are the transport's (`aiohttp.ClientError`, `TimeoutError`) or `Refused`.
"""

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self

import aiohttp

from bot.domain.json import Json

TROUBLE: Final = (aiohttp.ClientError, TimeoutError, ConnectionError)
"""What a request raises if there is no response."""

_PATCH: Final = "application/merge-patch+json"
_WATCH_FOR: Final = timedelta(minutes=5)


class Refused(Exception):
    """The API server responded with an error."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code, self.reason, self.message = code, reason, message


class Rest:
    """One API server."""

    def __init__(self, url: str, token: str, *, verify: bool | ssl.SSLContext = True) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": "kubelet/callboard"}
        timeout = aiohttp.ClientTimeout(total=30, sock_connect=5)
        connector = aiohttp.TCPConnector(limit=0, ssl=verify)
        self._session = aiohttp.ClientSession(url, headers=headers, timeout=timeout, connector=connector)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """Return an object or a list."""
        return await self._ask("GET", path, query=query)

    async def post(self, path: str, body: Json) -> Json:
        """Create an object, or call a subresource."""
        return await self._ask("POST", path, body=body)

    async def patch(self, path: str, body: Json) -> Json:
        """Change an object by an RFC 7386 merge patch."""
        return await self._ask("PATCH", path, body=body, kind=_PATCH)

    async def delete(self, path: str, body: Json) -> Json:
        """Delete an object, with DeleteOptions."""
        return await self._ask("DELETE", path, body=body)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        kind: str = "application/json",
    ) -> Json:
        data = None if body is None else json.dumps(body).encode()
        headers = {} if body is None else {"Content-Type": kind}
        async with self._session.request(method, path, params=query, data=data, headers=headers) as answer:
            value = await answer.json(content_type=None)
            if answer.status >= 400:
                raise Refused(answer.status, _word(value, "reason"), _word(value, "message"))
            return dict(value)

    async def watch(self, path: str, revision: str) -> AsyncIterator[Json]:
        """Yield each event of a watch from a revision on, until the server ends it; ERROR events are passed on."""
        seconds = _WATCH_FOR.total_seconds()
        query = {"watch": "true", "resourceVersion": revision, "timeoutSeconds": str(int(seconds))}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=seconds + 15)
        async with self._session.get(path, params=query, timeout=timeout) as answer:
            if answer.status >= 400:
                raise Refused(answer.status, "", await answer.text())
            try:
                async for event in _events(answer.content):
                    yield event
            finally:
                _hang_up(answer)


async def _events(content: aiohttp.StreamReader) -> AsyncIterator[Json]:
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in filter(None, lines):
            yield json.loads(line)


def _hang_up(answer: aiohttp.ClientResponse) -> None:
    """Abort the connection of a watch that is left early: a TLS shutdown would outlast the session."""
    connection = answer.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def _word(value: Any, name: str) -> str:
    return str(value.get(name, "")) if isinstance(value, dict) else str(value)
