"""Requests to MLflow: one request in, one decoded answer or one of our errors out.  Knows nothing about models.

Used by `client` only.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Protocol, TypeVar

import aiohttp
from yarl import URL

from bot.clients.failures import cause, certificate, unanswered
from bot.clients.limits import FAILURES, Bounded, Malformed, Oversized, Pages, decoded, head, whole
from bot.clients.pacing import SHORT, Cooldown, asked
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import registry as reasons
from bot.domain.reasons import systems
from bot.rules.wording.redaction import excerpt

API = "/api/2.0/mlflow"
TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=3)
AT_ONCE = 16
"""Concurrent requests: a server has four workers by default, and other clients too."""
BROKEN = "500"
"""Stands for MLflow's own failure, which has no error code, among the `absent` error codes."""
HICCUPS = {"502", "503", "504"}
"""What a proxy in front of MLflow may answer for a moment."""
LARGEST = 16 << 20
"""Bytes of one answer: a page of 1,000 models with their aliases takes 1.5 MB."""

T = TypeVar("T")


class Page(Protocol):
    """A page of a list, which names the next one."""

    @property
    def next_page_token(self) -> str: ...


P = TypeVar("P", bound=Page)


class Rest:
    """One session with one server.  Never sends `Origin`, because MLflow refuses browsers."""

    def __init__(
        self,
        uri: URL,
        *,
        username: str | None,
        password: str | None,
        token: str | None,
        trusted: str | None = None,
    ) -> None:
        """`trusted` is a file of CA certificates, one of which must have signed the server's."""
        user, secret = username or uri.user, password or uri.password
        basic = aiohttp.encode_basic_auth(user, secret) if user and secret else None
        bearer = f"Bearer {token}" if token else None
        authorization = basic or bearer
        self._uri = uri.with_user(None)
        self._at = Name(str(self._uri))
        self._cooldown = Cooldown()
        self._session = aiohttp.ClientSession(
            timeout=TIMEOUT,
            headers={"Authorization": authorization} if authorization else {},
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=AT_ONCE, ssl=_certificates(uri, trusted)),
            response_class=Bounded,
        )

    async def close(self) -> None:
        """End all connections."""
        await self._session.close()

    async def get(self, path: str, query: Mapping[str, str], shape: type[T]) -> T:
        """Return the answer, decoded."""
        return self._decoded(await self._ask("GET", path, query=query), path, shape)

    async def pages(self, path: str, query: Mapping[str, str], shape: type[P]) -> AsyncGenerator[P]:
        """Yield a list page by page."""
        pages, token = Pages(systems.ListAt(name=Name(path))), ""
        while True:
            content = await self._ask("GET", path, query={**query, "page_token": token} if token else query)
            pages.take(len(content))
            page = self._decoded(content, path, shape)
            yield page
            if not (token := page.next_page_token):
                return

    async def find(self, path: str, query: Mapping[str, str], shape: type[T], *, absent: frozenset[str]) -> T | None:
        """Return the answer, decoded, or None where MLflow answers with one of the `absent` error codes."""
        content = await self.read(path, query, absent=absent)
        return None if content is None else self._decoded(content, path, shape)

    async def read(self, path: str, query: Mapping[str, str], *, absent: frozenset[str]) -> bytes | None:
        """Return the answer as it is, or None as above."""
        try:
            return await self._ask("GET", path, query=query)
        except (_Refused, _Failing) as refusal:
            if refusal.code in absent:
                return None
            raise

    async def send(self, method: str, path: str, body: Json) -> None:
        """Send a write."""
        await self._ask(method, path, body=body)

    async def _ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Json | None = None
    ) -> bytes:
        """Return the answer.  A read is retried once, because the details of a version need many reads to succeed.

        After a lost connection aiohttp retries automatically.
        """
        try:
            return await self._once(method, path, query, body)
        except _Failing as error:
            short = error.code in HICCUPS if error.after is None else error.after <= SHORT
            if method != "GET" or not short:
                raise
        return await self._once(method, path, query, body)

    async def _once(self, method: str, path: str, query: Mapping[str, str] | None, body: Json | None) -> bytes:
        if (left := self._cooldown.left()) <= SHORT:
            await asyncio.sleep(left.total_seconds())
        self._cooldown.check()
        url = self._uri / path.lstrip("/")
        try:
            async with self._session.request(method, url, params=query, json=body, allow_redirects=False) as answer:
                good = answer.status == HTTPStatus.OK
                content = await (whole(answer, LARGEST) if good else head(answer))
        except Oversized as error:
            raise Permanent(unanswered(error, system=systems.MLFLOW, at=self._at, during=_request(path))) from error
        except TimeoutError as error:
            within = timedelta(seconds=TIMEOUT.total or 0)
            raise Temporary(systems.TimedOut(system=systems.MLFLOW, at=self._at, within=within)) from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise Temporary(reasons.CertificateUntrusted(address=self._at, said=certificate(error))) from error
        except FAILURES as error:
            raise Temporary(unanswered(error, system=systems.MLFLOW, at=self._at)) from error
        if answer.status != HTTPStatus.OK:
            raise self._cooldown.heed(self._refused(answer, _error_body(content)))
        return content

    def _decoded(self, content: bytes, path: str, shape: type[T]) -> T:
        try:
            return decoded(content, shape)
        except Malformed as error:
            during, why = _request(path), cause(error)
            malformed = systems.Malformed(system=systems.MLFLOW, at=self._at, during=during, cause=why)
            raise Temporary(malformed) from error

    def _refused(self, answer: aiohttp.ClientResponse, body: Json) -> Temporary | Permanent:
        status = answer.status
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait = asked(answer.headers.get("Retry-After", ""))
            why = systems.Failing(system=systems.MLFLOW, at=self._at, status=status, wait=wait.remark)
            return _Failing(why, code=str(status), after=wait.after)
        message = excerpt(str(body.get("message", "")))
        return _Refused(self._reason(status, message), code=str(body.get("error_code", "")))

    def _reason(self, status: int, message: str) -> Reason:
        said = Said(message) if message else None
        match status:
            case 401:
                return reasons.CredentialsRefused(address=self._at, said=said)
            case 403 if "Invalid Host header" in message:
                host = Name(self._uri.host or "")
                return reasons.HostRefused(address=self._at, host=host, said=Said(message))
            case 403:
                return reasons.NotAllowed(address=self._at, said=said)
            case 404 if not message:
                return reasons.NotMLflow(address=self._at)
            case 301 | 302 | 303 | 307 | 308:
                return reasons.Redirected(address=self._at, status=status, said=said)
            case _:
                return reasons.Refused(address=self._at, status=status, said=said)


def _request(path: str) -> Reason:
    return systems.Request(name=Name(path))


def _certificates(uri: URL, trusted: str | None) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=trusted) if trusted and uri.scheme == "https" else True


class _Refused(Permanent):
    """A refusal with MLflow's own code, which distinguishes what does not exist from what is not allowed."""

    def __init__(self, reason: Reason, *, code: str) -> None:
        super().__init__(reason)
        self.code = code


class _Failing(Temporary):
    """A failure of the server itself, with its status."""

    def __init__(self, reason: Reason, *, code: str, after: timedelta | None) -> None:
        super().__init__(reason, after=after)
        self.code = code


def _error_body(content: bytes) -> Json:
    """Return MLflow's error object; other text, such as that of the check of the Host header, becomes its message."""
    try:
        body = decoded(content)
    except Malformed:
        text = content[:300].decode("utf-8", "replace")
        return {} if "<" in text else {"message": text}
    return body if isinstance(body, dict) else {}
