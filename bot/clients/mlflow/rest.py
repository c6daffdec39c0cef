"""How MLflow is asked: one request in, one decoded answer or one of our two errors out.  It knows no model.

Beside `mlflow.py`, which is its only user.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Protocol, TypeVar

import aiohttp
from yarl import URL

from bot.clients.limits import FAILURES, Bounded, Malformed, Oversized, Pages, decoded, head, whole
from bot.clients.pacing import SHORT, Quiet, asked
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.rules.wording.redaction import excerpt

API = "/api/2.0/mlflow"
TIMEOUT = aiohttp.ClientTimeout(total=10, sock_connect=3)
AT_ONCE = 16
"""Requests under way at a time: a server has four workers unless told otherwise, and others ask it too."""
BROKEN = "500"
"""What can be named among the absent error codes: MLflow's own failure, which has no code."""
HICCUPS = {"502", "503", "504"}
"""What stands in front of MLflow says so, for a moment."""
LARGEST = 16 << 20
"""Bytes of one answer: a page of 1,000 models with their aliases is 1.5 MB."""

T = TypeVar("T")


class Page(Protocol):
    """A page of a list, which names the next one."""

    @property
    def next_page_token(self) -> str: ...


P = TypeVar("P", bound=Page)


class Rest:
    """One session with one server.  Never sends `Origin`, which MLflow takes for a browser and refuses."""

    def __init__(
        self,
        uri: URL,
        *,
        username: str | None,
        password: str | None,
        token: str | None,
        trusted: str | None = None,
    ) -> None:
        """`trusted` is a file of certificates, one of which must have signed the server's."""
        user, secret = username or uri.user, password or uri.password
        basic = aiohttp.encode_basic_auth(user, secret) if user and secret else None
        bearer = f"Bearer {token}" if token else None
        authorization = basic or bearer
        self._uri = uri.with_user(None)
        self._quiet = Quiet()
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
        """Return what is answered, decoded."""
        return self._decoded(await self._ask("GET", path, query=query), path, shape)

    async def pages(self, path: str, query: Mapping[str, str], shape: type[P]) -> AsyncGenerator[P]:
        """Yield a list page by page."""
        pages, token = Pages(f"MLflow's list at {path}"), ""
        while True:
            content = await self._ask("GET", path, query={**query, "page_token": token} if token else query)
            pages.take(len(content))
            page = self._decoded(content, path, shape)
            yield page
            if not (token := page.next_page_token):
                return

    async def find(self, path: str, query: Mapping[str, str], shape: type[T], *, absent: frozenset[str]) -> T | None:
        """Return what is answered, decoded, or None where MLflow answers with one of the `absent` error codes."""
        content = await self.read(path, query, absent=absent)
        return None if content is None else self._decoded(content, path, shape)

    async def read(self, path: str, query: Mapping[str, str], *, absent: frozenset[str]) -> bytes | None:
        """Return what is answered as it is, or None as above."""
        try:
            return await self._ask("GET", path, query=query)
        except (_Refused, _Unwell) as refusal:
            if refusal.code in absent:
                return None
            raise

    async def send(self, method: str, path: str, body: Json) -> None:
        """Write something."""
        await self._ask(method, path, body=body)

    async def _ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Json | None = None
    ) -> bytes:
        """Return what is answered.  Reading is tried once more: a card takes many reads, all needed.

        Where a connection was cut, aiohttp does so by itself.
        """
        try:
            return await self._once(method, path, query, body)
        except _Unwell as error:
            short = error.code in HICCUPS if error.after is None else error.after <= SHORT
            if method != "GET" or not short:
                raise
        return await self._once(method, path, query, body)

    async def _once(self, method: str, path: str, query: Mapping[str, str] | None, body: Json | None) -> bytes:
        if (left := self._quiet.left()) <= SHORT:
            await asyncio.sleep(left.total_seconds())
        self._quiet.check()
        url = self._uri / path.lstrip("/")
        try:
            async with self._session.request(method, url, params=query, json=body, allow_redirects=False) as answer:
                good = answer.status == HTTPStatus.OK
                content = await (whole(answer, LARGEST) if good else head(answer))
        except Oversized as error:
            raise Permanent(f"MLflow answered {path} with more than {LARGEST >> 20} MiB") from error
        except TimeoutError as error:
            raise Temporary(f"MLflow at {self._uri} does not answer within {TIMEOUT.total:.0f} s") from error
        except aiohttp.ClientConnectorCertificateError as error:
            why = getattr(error.certificate_error, "verify_message", "")
            raise Temporary(
                f"The certificate of MLflow at {self._uri} is not trusted ({why}). Check "
                "MLFLOW_TRACKING_SERVER_CERT_PATH: its file must hold the certificate of the authority that signed it"
            ) from error
        except FAILURES as error:
            raise Temporary(f"MLflow at {self._uri} does not answer ({type(error).__name__})") from error
        if answer.status != HTTPStatus.OK:
            raise self._quiet.heed(self._refused(answer, _said(content)))
        return content

    def _decoded(self, content: bytes, path: str, shape: type[T]) -> T:
        try:
            return decoded(content, shape)
        except Malformed as error:
            raise Temporary(f"{self._uri} does not answer {path} as MLflow does ({error})") from error

    def _refused(self, answer: aiohttp.ClientResponse, said: Json) -> Temporary | Permanent:
        status = answer.status
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait = asked(answer.headers.get("Retry-After", ""))
            sentence = f"MLflow at {self._uri} answers {status}{wait.remark}"
            return _Unwell(sentence, code=str(status), after=wait.after)
        message = excerpt(str(said.get("message", "")))
        sentence = f"{self._what_to_do(status, message)}: {self._uri} answered {status} {message}"
        return _Refused(sentence.rstrip(), code=str(said.get("error_code", "")))

    def _what_to_do(self, status: int, said: str) -> str:
        match status:
            case 401:
                return "Check MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
            case 403 if "Invalid Host header" in said:
                # Entries are exact, the port included; setting it replaces the defaults.
                host = self._uri.host
                return f"Start the MLflow server with --allowed-hosts '{host},{host}:*'"
            case 403:
                return "Give Callboard's MLflow account READ, and EDIT on the models whose aliases it moves"
            case 404 if not said:
                return "Check MLFLOW_TRACKING_URI, which seems to be no MLflow server"
            case 301 | 302 | 303 | 307 | 308:
                return "Check MLFLOW_TRACKING_URI, which leads elsewhere (a login page?)"
            case _:
                return "MLflow refuses"


def _certificates(uri: URL, trusted: str | None) -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=trusted) if trusted and uri.scheme == "https" else True


class _Refused(Permanent):
    """A refusal with MLflow's own code, which tells what is not there from what is not allowed."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class _Unwell(Temporary):
    """A failure of the server's own, with its status."""

    def __init__(self, message: str, *, code: str, after: timedelta | None) -> None:
        super().__init__(message, after=after)
        self.code = code


def _said(content: bytes) -> Json:
    """Return MLflow's error object; what is not JSON, such as the host check's plain text, becomes its message."""
    try:
        said = decoded(content)
    except Malformed:
        text = content[:300].decode("utf-8", "replace")
        return {} if "<" in text else {"message": text}
    return said if isinstance(said, dict) else {}
