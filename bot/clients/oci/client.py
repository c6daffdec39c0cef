"""An OCI registry, asked about one image.  It reads, and never writes: engines push.

Everything that comes back is held against the digest that was asked for, so that neither the registry nor the storage
behind it is believed.  https://github.com/opencontainers/distribution-spec/blob/main/spec.md

Not oras-py: it returns manifests as Python values, whose bytes have no digest any more, has to be told beforehand
whether a registry wants Basic or Bearer, and has no types (docs/adr/0007).
"""

import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from bot.clients.limits import FAILURES, Bounded, head
from bot.clients.oci.login import LOOPBACK, Challenge, Login, read
from bot.domain.errors import Permanent, Temporary
from bot.rules.parsing.images import ACCEPT, DIGEST, Reference
from bot.rules.wording.redaction import excerpt

TIMEOUT: Final = aiohttp.ClientTimeout(total=30, sock_connect=5)
DOCKER_HUB: Final = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
"""Docker's registry is not where its name says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a registry returned, and what it is."""

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
        """Prepare to ask; `close` when done."""
        jar = aiohttp.DummyCookieJar()
        return cls(image, login, aiohttp.ClientSession(timeout=TIMEOUT, cookie_jar=jar, response_class=Bounded))

    async def close(self) -> None:
        """End all connections."""
        await self._session.close()

    async def manifest(self, name: str) -> Content:
        """Return a manifest or an index by tag or digest.

        Raises:
            Absent: it is not there.
            Permanent: it is not what its digest says, or the registry refuses.
            Temporary: the registry does not answer, or not now.
        """
        async with await self._ask("GET", f"manifests/{name}", {"Accept": ACCEPT}) as answer:
            body = await read(answer, self._where(f"manifests/{name}"))
            told = answer.headers.get("Docker-Content-Digest")
        digest = self._proved(body, name if DIGEST.fullmatch(name) else told, f"manifests/{name}")
        return Content(digest=digest, media_type=answer.content_type, body=body)

    async def blob(self, digest: str) -> bytes:
        """Return a small blob.

        Raises:
            Permanent, Temporary: as `manifest`.
        """
        async with await self._ask("GET", f"blobs/{_checked(digest)}", {}) as answer:
            body = await read(answer, self._where(f"blobs/{digest}"))
        self._proved(body, digest, f"blobs/{digest}")
        return body

    async def holds(self, digest: str) -> bool:
        """Say whether a blob is there.  Where it is kept elsewhere, the registry's word that it is suffices."""
        try:
            async with await self._ask("HEAD", f"blobs/{_checked(digest)}", {}):
                return True
        except Absent:
            return False

    async def _ask(self, method: str, path: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
        """Return a good answer, to be closed.  Logs in where the registry asks for it, once."""
        answer = await self._once(method, path, headers)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            challenges = [Challenge.read(each) for each in answer.headers.getall("WWW-Authenticate", [])]
            answer.close()
            self._authorization = await self._login.answer(self._session, self._image, challenges)
            answer = await self._once(method, path, headers)
        if answer.status == HTTPStatus.OK or (method == "HEAD" and answer.status in _ELSEWHERE):
            return answer
        async with answer:
            raise await self._refused(answer, path)

    async def _once(self, method: str, path: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
        sent = headers | ({"Authorization": self._authorization} if self._authorization else {})
        try:
            return await self._session.request(  # elsewhere, aiohttp does not take Authorization along
                method, self._base / path, headers=sent, allow_redirects=method == "GET"
            )
        except TimeoutError as error:
            raise Temporary(f"{self._where(path)} does not answer within {TIMEOUT.total:.0f} s") from error
        except FAILURES as error:
            what = excerpt(str(error)) or type(error).__name__
            raise Temporary(f"{self._where(path)} cannot be asked: {what}") from error

    def _proved(self, body: bytes, wanted: str | None, path: str) -> str:
        found = "sha256:" + hashlib.sha256(body).hexdigest()
        if wanted is not None and found != wanted:
            raise Permanent(
                f"{self._where(path)} has the digest {found}, not {wanted}: the registry, or something on the way, "
                "gives out something else than what was pushed"
            )
        return found

    def _where(self, path: str) -> str:
        return str(self._base / path)

    async def _refused(self, answer: aiohttp.ClientResponse, path: str) -> Permanent | Temporary:
        status, where = answer.status, self._where(path)
        match status:
            case 404:
                return Absent(f"{where} is not there; {self._image} was not pushed, or not whole")
            case 401 | 403:
                return Permanent(f"{where}: the registry does not let these credentials in ({status}); log in anew")
            case 429 | 500 | 502 | 503 | 504:
                return Temporary(f"{where}: the registry is busy or ailing ({status})")
            case _:
                said = await _beginning(answer, where)
                return Permanent(f"{where}: the registry answers {status} {said}")


async def _beginning(answer: aiohttp.ClientResponse, where: str) -> str:
    try:
        return excerpt((await head(answer)).decode(errors="replace").strip())
    except FAILURES as error:
        raise Temporary(f"{where} broke off: {type(error).__name__}") from error


class Absent(Permanent):
    """The registry has no such thing."""


_ELSEWHERE: Final = frozenset({301, 302, 303, 307, 308})


def _checked(digest: str) -> str:
    if not DIGEST.fullmatch(digest):
        raise Permanent(f"{digest[:100]} is not a digest that Callboard can check; it knows sha256 only")
    return digest
