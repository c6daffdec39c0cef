"""Log in to an OCI registry as it requires, with the logins that docker, podman and buildah keep.

Reads `auth.json` and `config.json`, and calls credential helpers; writes nothing.
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
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import SplitResult, urlsplit

import aiohttp

from bot.clients.failures import cause, unanswered
from bot.clients.limits import FAILURES, Malformed, Oversized, decoded, whole
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Name, Said
from bot.domain.reasons import oci as reasons
from bot.domain.reasons import systems
from bot.rules.parsing.images import Reference

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
LARGEST: Final = 4 << 20
"""Bytes of a manifest, as in the specification, and of everything else that is read."""
IDENTITY: Final = "<token>"
"""In place of a user's name: the secret is not a password, but a refresh token."""
HELPER_PATIENCE: Final = 30.0
"""Seconds that a credential helper may take."""


async def read(answer: aiohttp.ClientResponse, at: str) -> bytes:
    """Return a whole body, which may come in pieces.

    Raises:
        Permanent: it is too large.
        Temporary: the connection broke.
    """
    try:
        return await whole(answer, LARGEST)
    except Oversized as error:
        raise Permanent(unanswered(error, system=systems.IMAGES, at=at)) from error
    except FAILURES as error:
        raise Temporary(unanswered(error, system=systems.IMAGES, at=at)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A kind of login that a registry accepts."""

    scheme: str
    """`basic`, `bearer`."""
    parameters: Mapping[str, str]

    @classmethod
    def read(cls, header: str) -> Self:
        """Parse a WWW-Authenticate header."""
        scheme, _, rest = header.strip().partition(" ")
        pairs = re.findall(r'(?<![A-Za-z])([A-Za-z]+)=(?:"([^"]*)"|([^",\s]+))', rest)
        return cls(scheme=scheme.lower(), parameters={key.lower(): quoted or bare for key, quoted, bare in pairs})


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user and a secret."""

    user: str
    secret: str = field(repr=False)

    @property
    def basic(self) -> str:
        """Return the value of the Authorization header."""
        return aiohttp.encode_basic_auth(self.user, self.secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """The logins at registries that this machine has."""

    files: Sequence[Path]
    """The first that has a registry counts."""

    @classmethod
    def here(cls) -> Self:
        """Return the files in which this machine's container engines keep their logins."""
        home, named, run = Path.home(), os.environ.get("REGISTRY_AUTH_FILE"), os.environ.get("XDG_RUNTIME_DIR")
        podman = [Path(named)] if named else [Path(run, "containers/auth.json")] if run else []
        docker = Path(os.environ.get("DOCKER_CONFIG") or home / ".docker", "config.json")
        return cls(files=[*podman, home / ".config/containers/auth.json", docker])

    async def authorization(self, session: aiohttp.ClientSession, image: Reference, asked: Sequence[Challenge]) -> str:
        """Return the Authorization that a registry requires.

        Raises:
            Permanent: there is no account, it is not accepted, or the registry requires something else.
            Temporary: the server that issues the tokens does not answer.
        """
        account = await self.account(image)
        for challenge in asked:
            if challenge.scheme == "bearer":
                return f"Bearer {await _token(session, image, account, challenge.parameters)}"
            if challenge.scheme == "basic" and account is not None and account.user != IDENTITY:
                return account.basic
        if account is None:
            raise Permanent(reasons.LoginMissing(host=Name(image.host)))
        raise Permanent(reasons.LoginUnsupported(host=Name(image.host)))

    async def account(self, image: Reference) -> Account | None:
        """Return the account for an image, if there is one.

        Raises:
            Permanent: a file or a helper's answer is malformed.
        """
        for file in self.files:
            kept = _kept(file)
            for key in _keys(image):
                helper = _map(kept, "credHelpers").get(key)
                if found := _inline(_map(kept, "auths").get(key), file) or await _from_helper(helper, key):
                    return found
            for key in _keys(image):
                if found := await _from_helper(kept.get("credsStore"), key):
                    return found
        return None


def _keys(image: Reference) -> Iterator[str]:
    """Yield the names under which a registry's account may be stored, the most specific first."""
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
        why = Said(error.strerror) if isinstance(error, OSError) and error.strerror else None
        raise Permanent(reasons.LoginsUnreadable(path=Name(str(file)), said=why)) from error
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
        raise Permanent(reasons.LoginInvalid(path=Name(str(file)))) from error
    return Account(user=user, secret=secret)


async def _from_helper(helper: object, key: str) -> Account | None:
    """Return the account that a credential helper stores: https://github.com/docker/docker-credential-helpers ."""
    if not isinstance(helper, str) or not helper or "/" in helper:
        return None
    program = f"docker-credential-{helper}"
    try:
        process = await asyncio.create_subprocess_exec(
            program, "get", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise Permanent(reasons.HelperMissing(helper=Name(program), registry=Name(key))) from error
    try:
        output, _ = await asyncio.wait_for(process.communicate(key.encode()), HELPER_PATIENCE)
        answer = json.loads(output) if process.returncode == 0 else {}
        return Account(user=answer["Username"], secret=answer["Secret"]) if answer else None
    except TimeoutError as error:
        process.kill()
        await process.wait()
        within = timedelta(seconds=HELPER_PATIENCE)
        raise Permanent(reasons.HelperSlow(helper=Name(program), within=within)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Permanent(reasons.HelperMalformed(helper=Name(program))) from error


async def _token(
    session: aiohttp.ClientSession, image: Reference, account: Account | None, parameters: Mapping[str, str]
) -> str:
    """Return a token that may read the image."""
    realm = parameters.get("realm", "")
    at = Name(realm[:200])
    place = _place(realm)
    if place.scheme != "https" and not (place.scheme == "http" and place.hostname in LOOPBACK):
        raise Permanent(reasons.TokensInsecure(host=Name(image.host), realm=at or None))
    query = {
        "service": parameters.get("service", ""),
        "scope": parameters.get("scope") or f"repository:{image.path}:pull",
    }
    if account is not None and account.user == IDENTITY:
        form = query | {"grant_type": "refresh_token", "refresh_token": account.secret, "client_id": "callboard"}
        request = session.post(realm, data=form, allow_redirects=False)
    else:
        headers = {"Authorization": account.basic} if account is not None else {}
        request = session.get(realm, params=query, headers=headers, allow_redirects=False)
    try:
        async with request as answer:
            status, content = answer.status, await read(answer, at)
    except FAILURES as error:
        why = cause(error)
        raise Temporary(reasons.TokensUnreachable(realm=at, host=Name(image.host), cause=why)) from error
    if status != HTTPStatus.OK:
        raise Permanent(
            reasons.TokenRefused(
                realm=at,
                repository=Name(image.repository),
                host=Name(image.host),
                status=status,
                anonymous=account is None,
            )
        )
    try:
        issued = decoded(content)
        token = str(issued.get("token") or issued["access_token"])
    except (Malformed, KeyError, AttributeError, TypeError) as error:
        raise Permanent(reasons.TokenMalformed(realm=at)) from error
    if not token.isascii() or not token.isprintable():
        raise Permanent(reasons.TokenMalformed(realm=at))
    return token


def _place(realm: str) -> SplitResult:
    try:
        return urlsplit(realm)
    except ValueError:
        return urlsplit("")
