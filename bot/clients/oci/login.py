"""How one logs in to an OCI registry: with what docker, podman and buildah keep, and as the registry asks.

Reads `auth.json` and `config.json`, and asks credential helpers; writes nothing.
https://distribution.github.io/distribution/spec/auth/token/
https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md
"""

import asyncio
import base64
import binascii
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import SplitResult, urlsplit

import aiohttp

from bot.clients.limits import FAILURES, Malformed, Oversized, decoded, whole
from bot.domain.errors import Permanent, Temporary
from bot.rules.parsing.images import Reference

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
LARGEST: Final = 4 << 20
"""Bytes of a manifest, as the specification has it, and of all else that is read."""
IDENTITY: Final = "<token>"
"""In place of a user's name: what follows is no password, but a token that buys others."""
HELPER_PATIENCE: Final = 30.0
"""Seconds."""


async def read(answer: aiohttp.ClientResponse, where: str) -> bytes:
    """Return a whole body, which may come in pieces.

    Raises:
        Permanent: it is too large.
        Temporary: it broke off.
    """
    try:
        return await whole(answer, LARGEST)
    except Oversized as error:
        raise Permanent(f"{where} is larger than {LARGEST >> 20} MiB") from error
    except FAILURES as error:
        raise Temporary(f"{where} broke off: {type(error).__name__}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a registry asks for."""

    scheme: str
    """`basic`, `bearer`."""
    said: Mapping[str, str]

    @classmethod
    def read(cls, header: str) -> Self:
        """Read a WWW-Authenticate header."""
        scheme, _, rest = header.strip().partition(" ")
        pairs = re.findall(r'(?<![A-Za-z])([A-Za-z]+)=(?:"([^"]*)"|([^",\s]+))', rest)
        return cls(scheme=scheme.lower(), said={key.lower(): quoted or bare for key, quoted, bare in pairs})


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who logs in."""

    user: str
    secret: str = field(repr=False)

    @property
    def basic(self) -> str:
        """Return the header's value."""
        return aiohttp.encode_basic_auth(self.user, self.secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What this machine knows of accounts at registries."""

    files: Sequence[Path]
    """The first that knows a registry counts."""

    @classmethod
    def here(cls) -> Self:
        """Return where the engines of this machine keep their accounts."""
        home, named, run = Path.home(), os.environ.get("REGISTRY_AUTH_FILE"), os.environ.get("XDG_RUNTIME_DIR")
        podman = [Path(named)] if named else [Path(run, "containers/auth.json")] if run else []
        docker = Path(os.environ.get("DOCKER_CONFIG") or home / ".docker", "config.json")
        return cls(files=[*podman, home / ".config/containers/auth.json", docker])

    async def answer(self, session: aiohttp.ClientSession, image: Reference, asked: Sequence[Challenge]) -> str:
        """Return the Authorization that a registry asked for.

        Raises:
            Permanent: there is no account, it is not accepted, or the registry asks for something else.
            Temporary: who issues the tokens does not answer.
        """
        account = await self.account(image)
        for challenge in asked:
            if challenge.scheme == "bearer":
                return f"Bearer {await _token(session, image, account, challenge.said)}"
            if challenge.scheme == "basic" and account is not None and account.user != IDENTITY:
                return account.basic
        if account is None:
            raise Permanent(f"{image.host} wants a login, and this machine has none for it: docker login {image.host}")
        raise Permanent(f"{image.host} wants a login of a kind that Callboard does not know")

    async def account(self, image: Reference) -> Account | None:
        """Return the account for an image, if there is one.

        Raises:
            Permanent: what a file or a helper says is not what it should be.
        """
        for file in self.files:
            kept = _kept(file)
            for key in _keys(image):
                helper = _map(kept, "credHelpers").get(key)
                if found := _inline(_map(kept, "auths").get(key), file) or await _helped(helper, key):
                    return found
            for key in _keys(image):
                if found := await _helped(kept.get("credsStore"), key):
                    return found
        return None


def _keys(image: Reference) -> Iterator[str]:
    """Yield the names under which a registry's account may be kept, the narrowest first."""
    if image.host in {"docker.io", "index.docker.io"}:
        yield "https://index.docker.io/v1/"
    parts = [image.host, *image.path.split("/")]
    for length in range(len(parts), 0, -1):
        yield "/".join(parts[:length])
    yield f"https://{image.host}"
    yield f"https://{image.host}/v1/"


def _kept(file: Path) -> Mapping[str, Any]:
    try:
        kept = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not JSON"
        raise Permanent(f"{file}: the logins at registries cannot be read: {why}; mend it, or log in anew") from error
    return kept if isinstance(kept, dict) else {}


def _map(kept: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = kept.get(key)
    return found if isinstance(found, dict) else {}


def _inline(entry: object, file: Path) -> Account | None:
    if not isinstance(entry, dict):
        return None
    if token := entry.get("identitytoken"):
        return Account(user=IDENTITY, secret=str(token))
    if not entry.get("auth"):
        return None
    try:
        user, _, secret = base64.b64decode(str(entry["auth"]), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Permanent(f"{file}: an `auth` in it is not what docker login writes; log in anew") from error
    return Account(user=user, secret=secret)


async def _helped(helper: object, key: str) -> Account | None:
    """Return what a credential helper keeps: https://github.com/docker/docker-credential-helpers ."""
    if not isinstance(helper, str) or not helper or "/" in helper:
        return None
    try:
        asked = await asyncio.create_subprocess_exec(
            f"docker-credential-{helper}", "get", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise Permanent(f"docker-credential-{helper}, which keeps the login for {key}, cannot be started") from error
    try:
        told, _ = await asyncio.wait_for(asked.communicate(key.encode()), HELPER_PATIENCE)
        said = json.loads(told) if asked.returncode == 0 else {}
        return Account(user=said["Username"], secret=said["Secret"]) if said else None
    except TimeoutError as error:
        asked.kill()
        await asked.wait()
        raise Permanent(f"docker-credential-{helper} does not answer within {HELPER_PATIENCE:.0f} s") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Permanent(f"docker-credential-{helper} does not answer as a credential helper does") from error


async def _token(
    session: aiohttp.ClientSession, image: Reference, account: Account | None, said: Mapping[str, str]
) -> str:
    """Return a token that may read the image."""
    realm = said.get("realm", "")
    place = _place(realm)
    if place.scheme != "https" and not (place.scheme == "http" and place.hostname in LOOPBACK):
        raise Permanent(f"{image.host} sends logins to {realm[:200] or 'nowhere'}, which is not https")
    told = {"service": said.get("service", ""), "scope": said.get("scope") or f"repository:{image.path}:pull"}
    if account is not None and account.user == IDENTITY:
        form = told | {"grant_type": "refresh_token", "refresh_token": account.secret, "client_id": "callboard"}
        request = session.post(realm, data=form, allow_redirects=False)
    else:
        headers = {"Authorization": account.basic} if account is not None else {}
        request = session.get(realm, params=told, headers=headers, allow_redirects=False)
    try:
        async with request as answer:
            status, content = answer.status, await read(answer, realm[:200])
    except FAILURES as error:
        raise Temporary(f"{realm[:200]}, which issues tokens for {image.host}, does not answer") from error
    if status != HTTPStatus.OK:
        who = "without a login" if account is None else "for the login that this machine has"
        where = realm[:200]
        raise Permanent(f"{where} issues no token for {image.repository} {who} ({status}): docker login {image.host}")
    try:
        issued = decoded(content)
        token = str(issued.get("token") or issued["access_token"])
    except (Malformed, KeyError, AttributeError, TypeError) as error:
        raise Permanent(f"{realm[:200]} issued something that is no token") from error
    if not token.isascii() or not token.isprintable():
        raise Permanent(f"{realm[:200]} issued something that is no token")
    return token


def _place(realm: str) -> SplitResult:
    try:
        return urlsplit(realm)
    except ValueError:
        return urlsplit("")
