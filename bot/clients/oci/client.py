"""A read-only client for one image in an OCI registry; container engines push.

Everything is checked against the requested digest, so neither the registry nor the storage behind it has to be trusted.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md

Not oras-py: it returns manifests as Python values, which lose the bytes that the digest is of, needs to know in advance
whether a registry uses Basic or Bearer, and has no types (docs/adr/0007).
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from bot.clients.failures import unanswered
from bot.clients.limits import FAILURES, Bounded, head
from bot.clients.oci.login import LOOPBACK, Challenge, Login, read
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Name, Said
from bot.domain.reasons import oci as reasons
from bot.domain.reasons import systems
from bot.rules.parsing.images import ACCEPT, DIGEST, Reference
from bot.rules.wording.redaction import excerpt

TIMEOUT: Final = aiohttp.ClientTimeout(total=30, sock_connect=5)
DOCKER_HUB: Final = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
"""Docker's registry has another host than its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Content of a registry, with its digest and type."""

    digest: str
    media_type: str
    body: bytes


class OCI:
    """The repository of one image."""

    def __init__(self, image: Reference, login: Login, session: aiohttp.ClientSession) -> None:
        self._image = image
        self._login = login
        self._session = session
        host = DOCKER_HUB.get(image.host, image.host)
        loopback = urlsplit(f"//{host}").hostname in LOOPBACK
        self._base = URL(f"{'http' if loopback else 'https'}://{host}/v2/{image.path}/")
        self._authorization: str | None = None

    @classmethod
    def connect(cls, image: Reference, login: Login) -> Self:
        """Return a client; `close` it when done."""
        jar = aiohttp.DummyCookieJar()
        return cls(image, login, aiohttp.ClientSession(timeout=TIMEOUT, cookie_jar=jar, response_class=Bounded))

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def manifest(self, name: str) -> Content:
        """Return a manifest or an index by tag or digest.

        Raises:
            Absent: it does not exist.
            Permanent: it does not match its digest, or the registry refuses.
            Temporary: the registry does not answer, or is overloaded.
        """
        async with await self._ask("GET", f"manifests/{name}", {"Accept": ACCEPT}) as answer:
            body = await read(answer, self._address(f"manifests/{name}"))
            announced = answer.headers.get("Docker-Content-Digest")
        digest = self._verified(body, name if DIGEST.fullmatch(name) else announced, f"manifests/{name}")
        return Content(digest=digest, media_type=answer.content_type, body=body)

    async def blob(self, digest: str) -> bytes:
        """Return a small blob.

        Raises:
            Permanent, Temporary: as `manifest`.
        """
        async with await self._ask("GET", f"blobs/{_checked(digest)}", {}) as answer:
            body = await read(answer, self._address(f"blobs/{digest}"))
        self._verified(body, digest, f"blobs/{digest}")
        return body

    async def holds(self, digest: str) -> bool:
        """Return whether a blob exists.  A redirect to other storage counts as existing."""
        try:
            async with await self._ask("HEAD", f"blobs/{_checked(digest)}", {}):
                return True
        except Absent:
            return False

    async def _ask(self, method: str, path: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
        """Return a successful answer, which the caller closes.  Logs in once, if the registry requires it."""
        answer = await self._once(method, path, headers)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            challenges = [Challenge.read(each) for each in answer.headers.getall("WWW-Authenticate", [])]
            answer.close()
            self._authorization = await self._login.authorization(self._session, self._image, challenges)
            answer = await self._once(method, path, headers)
        if answer.status == HTTPStatus.OK or (method == "HEAD" and answer.status in _ELSEWHERE):
            return answer
        async with answer:
            raise await self._refused(answer, path)

    async def _once(self, method: str, path: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
        sent = headers | ({"Authorization": self._authorization} if self._authorization else {})
        try:
            return await self._session.request(  # aiohttp does not forward Authorization to another host
                method, self._base / path, headers=sent, allow_redirects=method == "GET"
            )
        except TimeoutError as error:
            within = timedelta(seconds=TIMEOUT.total or 0)
            raise Temporary(systems.TimedOut(system=systems.IMAGES, at=self._address(path), within=within)) from error
        except FAILURES as error:
            raise Temporary(unanswered(error, system=systems.IMAGES, at=self._address(path))) from error

    def _verified(self, body: bytes, wanted: str | None, path: str) -> str:
        found = "sha256:" + hashlib.sha256(body).hexdigest()
        if wanted is not None and found != wanted:
            at, expected = self._address(path), Name(excerpt(wanted))
            raise Permanent(reasons.DigestMismatch(address=at, found=Name(found), expected=expected))
        return found

    def _address(self, path: str) -> Name:
        return Name(str(self._base / path))

    async def _refused(self, answer: aiohttp.ClientResponse, path: str) -> Permanent | Temporary:
        status, at = answer.status, self._address(path)
        match status:
            case 404:
                return Absent(reasons.Absent(address=at, image=Name(str(self._image))))
            case 401 | 403:
                return Permanent(reasons.LoginRefused(address=at, status=status))
            case 429 | 500 | 502 | 503 | 504:
                return Temporary(systems.Failing(system=systems.IMAGES, at=at, status=status))
            case _:
                said = await _beginning(answer, at)
                return Permanent(reasons.Refused(address=at, status=status, said=said))


async def _beginning(answer: aiohttp.ClientResponse, at: Name) -> Said:
    try:
        return Said(excerpt((await head(answer)).decode(errors="replace").strip()))
    except FAILURES as error:
        raise Temporary(unanswered(error, system=systems.IMAGES, at=at)) from error


class Absent(Permanent):
    """The registry does not have this content."""


_ELSEWHERE: Final = frozenset({301, 302, 303, 307, 308})


def _checked(digest: str) -> str:
    if not DIGEST.fullmatch(digest):
        raise Permanent(reasons.DigestUnknown(digest=Name(digest[:100])))
    return digest
