"""Images: how one is named, and whether what a registry says of it can run where it is to run.

    reference, manifest, config → what is wrong with it, a sentence each

https://github.com/opencontainers/image-spec, https://github.com/distribution/reference.  Docker's kinds are read, too;
HEALTHCHECK is Docker's alone, and an image that was built in the OCI format has lost it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from typing_extensions import override

from bot.domain.errors import Misunderstood, Permanent

INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT: Final = ", ".join((*INDEXES, *MANIFESTS))
"""All four are asked for: asked for none, Docker's registry makes up a manifest of an older kind, of another digest."""
DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_WORD: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE: Final = re.compile(
    rf"(?P<host>(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]+)?)/(?P<path>{_WORD}(?:/{_WORD})*)"
    r":(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})"
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Where an image is: `host/path:tag`."""

    host: str
    """With the port, if it names one."""
    path: str
    tag: str

    @property
    def repository(self) -> str:
        """Return its name without the tag."""
        return f"{self.host}/{self.path}"

    @override
    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


class Platform(msgspec.Struct, frozen=True):
    """What an image runs on."""

    os: str = ""
    architecture: str = ""


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """Something else in the registry."""

    digest: str
    size: int = 0
    media_type: str = ""
    platform: Platform | None = None


class Index(msgspec.Struct, frozen=True):
    """One manifest for each platform."""

    manifests: list[Descriptor]


class Manifest(msgspec.Struct, frozen=True):
    """What an image consists of."""

    config: Descriptor
    layers: list[Descriptor]


class Healthcheck(msgspec.Struct, frozen=True, rename="pascal"):
    """What tells whether a container is well."""

    test: list[str] | None = None


class Run(msgspec.Struct, frozen=True):
    """How a container of it is started."""

    user: str | None = msgspec.field(name="User", default=None)
    ports: dict[str, Any] | None = msgspec.field(name="ExposedPorts", default=None)
    healthcheck: Healthcheck | None = msgspec.field(name="Healthcheck", default=None)
    entrypoint: list[str] | None = msgspec.field(name="Entrypoint", default=None)
    command: list[str] | None = msgspec.field(name="Cmd", default=None)
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)


class Config(msgspec.Struct, frozen=True):
    """What an image says of itself."""

    os: str
    architecture: str
    config: Run | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What an image must be."""

    platform: Platform
    ports: frozenset[int] = frozenset()
    """That the manifest's container names."""
    revision: str | None = None
    """The commit that it must be built from; None: any."""


def reference(text: str) -> Reference:
    """Read a reference.

    Raises:
        Misunderstood: it is none, or leaves out the registry or the tag, for which there are many guesses.
    """
    if "@" in text:
        raise Misunderstood(f"{text}: name the image by its tag; the digest is asked from the registry")
    found = _REFERENCE.fullmatch(text)
    host = found["host"] if found else ""
    if not found or not ("." in host or ":" in host or host == "localhost"):
        raise Misunderstood(f"{text}: not an image; write registry/name:tag, such as ghcr.io/acme/model-server:0.1.0")
    return Reference(host=host, path=found["path"], tag=found["tag"])


def platform(text: str) -> Platform:
    """Read `linux/amd64`.

    Raises:
        Misunderstood: it is no platform.
    """
    system, slash, architecture = text.partition("/")
    if not (system and slash and architecture) or "/" in architecture:
        raise Misunderstood(f"{text}: not a platform; write linux/amd64")
    return Platform(os=system, architecture=architecture)


def decoded(content: bytes, shape: type[T], what: str) -> T:
    """Return JSON from a registry in its shape.

    Raises:
        Permanent: it is something else.
    """
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(f"{what} is not what the image specification says: {error}") from error


def chosen(index: Index, wanted: Platform) -> Descriptor:
    """Return the manifest for a platform.

    Raises:
        Permanent: there is none, or it is an index again.
    """
    found = [each for each in index.manifests if each.platform == wanted and each.media_type not in INDEXES]
    if not found:
        there = {f"{each.platform.os}/{each.platform.architecture}" for each in index.manifests if each.platform}
        has = ", ".join(sorted(there - {"unknown/unknown"})) or "none"  # unknown: what attests to the others
        raise Permanent(f"it is not built for {wanted.os}/{wanted.architecture} (but for: {has})")
    return found[0]


def troubles(config: Config, demands: Demands) -> Iterator[str]:
    """Yield all that keeps an image from running where it is to run."""
    run, wanted = config.config or Run(), demands.platform
    if (config.os, config.architecture) != (wanted.os, wanted.architecture):
        yield f"it runs on {config.os}/{config.architecture}, not on {wanted.os}/{wanted.architecture}"
    if _root(run.user or ""):
        yield "it runs as root, which the restricted Pod Security Standard forbids; give its Dockerfile a USER"
    if missing := sorted(demands.ports - _ports(run)):
        has = ", ".join(sorted(run.ports or ())) or "none"
        yield f"the manifest's container has port {', '.join(map(str, missing))}, the image exposes {has}"
    if not (run.healthcheck and run.healthcheck.test) or run.healthcheck.test == ["NONE"]:
        yield "it has no HEALTHCHECK; podman and buildah keep it only with --format docker"
    if not run.entrypoint and not run.command:
        yield "it names no command to run"
    built = (run.labels or {}).get("org.opencontainers.image.revision")
    if demands.revision is not None and built != demands.revision:
        yield f"it was built from {built or 'an unknown commit'}, not from {demands.revision}: the tag was moved"


def _root(user: str) -> bool:
    name = user.partition(":")[0]
    return name in {"", "root"} or (name.isdecimal() and int(name) == 0)


def _ports(run: Run) -> set[int]:
    """Return the TCP ports that it exposes: `8080/tcp`, `8080`."""
    named = (port.partition("/") for port in run.ports or ())
    return {int(number) for number, _, protocol in named if number.isdecimal() and protocol in {"", "tcp"}}
