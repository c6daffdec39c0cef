"""Send one request to GitHub through PyGithub's requester, within limits on time and size.

PyGithub and requests only have a read timeout: a server that sends a byte now and then would occupy a thread forever,
and everything it sends would be read.  Here each call has a deadline, a maximum number of requests and a maximum number
of bytes, counted after decompression.
"""

import io
import socket
import threading
from collections.abc import ItemsView
from http import HTTPStatus
from http.client import HTTPResponse
from time import monotonic, sleep
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from github import Auth, Github
from github.Requester import HTTPSRequestsConnectionClass, Requester, RequestsResponse
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from typing_extensions import override
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util import Retry

from bot.clients.limits import TEXT, Malformed, Oversized, decoded

TIMEOUT: Final = 15.0
"""Read timeout in seconds."""
WHOLE: Final = 60.0
"""Seconds for one call, with its redirects, retries and whole answer."""
REQUESTS: Final = 5
"""Requests of one call.  PyGithub follows 301 and repeats a request after 202 without a limit."""
LARGEST: Final = 32 << 20
"""Bytes of an answer: a listing of 100,000 files takes 21 MB."""
PARTS: Final = 750_000
"""Values in an answer: that listing has 700,000."""
PIECE: Final = 1 << 16
"""Bytes that are read at a time."""
RATE: Final = "x-ratelimit-"
"""Prefix of the rate limit headers."""
BUSY: Final = frozenset({500, 502, 503, 504})
"""Statuses after which a read is retried."""
PAUSES: Final = (0.0, 0.4, 0.8)
"""Seconds to wait before each of these retries.

PyGithub's own retries are not used: they wait for the end of a rate limit inside the thread, and repeat a POST, which
may have taken effect.  Nor are urllib3's: they read the whole answer before they try again.
"""


def patience() -> Retry:
    """Return urllib3's retries: one of a GET whose connection failed."""
    return Retry(
        total=1, connect=1, read=1, status=0, backoff_factor=0, allowed_methods={"GET"},
        respect_retry_after_header=False, raise_on_status=False,
    )  # fmt: skip


# ── the deadline of what is read from a socket ────────────────────────────────────────────────────────


class _Deadline(threading.local):
    """When a thread's current call has to end, by the monotonic clock."""

    at: float = 0.0

    def left(self) -> float:
        """Return how many seconds are left.

        Raises:
            TimeoutError: none are.
        """
        left = self.at - monotonic()
        if left <= 0:
            raise TimeoutError("the call has taken too long")
        return left


_deadline: Final = _Deadline()


class _Raw(io.RawIOBase):
    """The bytes of a socket, read until the deadline at the latest."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(min(TIMEOUT, _deadline.left()))
        return self._raw.readinto(buffer)

    @override
    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    """An answer whose status, headers and body are all read before the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp.close()
        self.fp = io.BufferedReader(_Raw(sock))


class _HTTP(HTTPConnection):
    response_class = _Response


class _HTTPS(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _HTTP


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _HTTPS


POOLS: Final = {"http": _Pool, "https": _SecurePool}


class _Adapter(HTTPAdapter):
    """Makes requests use these connections, also through a proxy."""

    @override
    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = POOLS

    @override
    def proxy_manager_for(self, *args: Any, **more: Any) -> Any:
        manager = super().proxy_manager_for(*args, **more)
        manager.pool_classes_by_scheme = POOLS
        return manager


# ── one call ──────────────────────────────────────────────────────────────────────────────────────────


class _Answer(RequestsResponse):
    """An answer that was read."""

    def __init__(self, answer: requests.Response, body: bytes) -> None:
        super().__init__(answer)
        self._body = body

    @override
    def getheaders(self) -> ItemsView[str, str]:
        """Return the headers without those that PyGithub would parse as numbers; `Sender` reads them."""
        return {name: value for name, value in self.headers.items() if not name.lower().startswith(RATE)}.items()

    @override
    def read(self) -> str:
        return self._body.decode(errors="replace")


class _Connection(HTTPSRequestsConnectionClass):
    """PyGithub's connection, for either scheme."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        super().__init__(place.hostname or "", place.port or {"http": 80}.get(place.scheme, 443), retry=patience())
        self.protocol = place.scheme
        self.headers_received: CaseInsensitiveDict[str] = CaseInsensitiveDict()
        self.requests_left = 0
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, _Adapter(max_retries=patience()))

    @override
    def getresponse(self) -> RequestsResponse:
        self.requests_left -= 1
        if self.requests_left < 0:
            raise requests.TooManyRedirects(f"no final answer to {REQUESTS} requests")
        for pause in PAUSES if self.verb == "GET" else ():
            answer = self._asked()
            if answer.status not in BUSY:
                return answer
            sleep(pause)
        return self._asked()

    def _asked(self) -> RequestsResponse:
        with self.session.request(
            self.verb, f"{self.protocol}://{self.host}:{self.port}{self.url}", headers=self.headers, data=self.input,
            timeout=min(TIMEOUT, _deadline.left()), verify=self.verify, allow_redirects=False, stream=True,
        ) as answer:  # fmt: skip
            self.headers_received = answer.headers
            return _Answer(answer, _body(answer))


def _body(answer: requests.Response) -> bytes:
    """Return a whole answer, or the beginning of an error."""
    most, body = LARGEST if answer.ok else TEXT, bytearray()
    for piece in answer.iter_content(PIECE):
        body += piece
        if len(body) > most:
            break
    if len(body) > most and answer.ok:
        raise Oversized(LARGEST)
    return bytes(body[:most])


class Sender:
    """PyGithub with such a connection.  Threads must not share one."""

    def __init__(self, auth: Auth.Auth, url: str) -> None:
        self._github = Github(
            auth=auth, base_url=url, retry=None, lazy=True, seconds_between_requests=None, seconds_between_writes=None
        )
        self._connection = _Connection(url)

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()
        self._github.close()

    def send(
        self, method: str, path: str, query: dict[str, Any], body: dict[str, Any] | None, **headers: str
    ) -> tuple[dict[str, str], Any]:
        """Return the headers (in lower case) and the decoded body of an answer.

        Raises:
            GithubException: it is not a success.
            requests.RequestException, OSError: there is none, or not in time.
            RuntimeError: it redirects to another host.
            Oversized, Malformed: it is too large, or not JSON.
        """
        self._connection.requests_left = REQUESTS
        _deadline.at = monotonic() + WHOLE
        status, _, text = self._github.requester.requestJson(method, path, query, headers, body, self._connection)
        received = {name.lower(): value for name, value in self._connection.headers_received.items()}
        if status >= HTTPStatus.BAD_REQUEST:
            raise Requester.createException(status, received, _error_body(text))
        return received, decoded(text, parts=PARTS) if text else None


def _error_body(text: str) -> dict[str, Any]:
    """Return the JSON object of an error; an empty one where its message is not text, as PyGithub requires."""
    try:
        body = decoded(text)
    except Malformed:
        return {}
    return body if isinstance(body, dict) and isinstance(body.get("message", ""), str) else {}
