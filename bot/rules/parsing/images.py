"""Images: how one is named, and whether it can run on its platform.

    reference, manifest, config → what is wrong with it

https://github.com/opencontainers/image-spec, https://github.com/distribution/reference.  Docker's media types are read,
too; only Docker's format has a HEALTHCHECK, and an image that was built in the OCI format has lost it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from typing_extensions import override

from bot.domain.errors import Misunderstood, Permanent
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.images import (
    ImageByDigest,
    ImageMalformed,
    NoCommand,
    NoHealthcheck,
    NotAnImage,
    NotAPlatform,
    OtherPlatform,
    OtherRevision,
    PlatformMissing,
    PortsNotExposed,
    RunsAsRoot,
)

INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT: Final = ", ".join((*INDEXES, *MANIFESTS))
"""Always sent: without an Accept header Docker's registry converts to an older schema, with another digest."""
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
    """With its port, if any."""
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

    @override
    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


class Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    """A reference to other content in the registry."""

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
    """How a container's health is checked."""

    test: list[str] | None = None


class Run(msgspec.Struct, frozen=True):
    """How its containers are started."""

    user: str | None = msgspec.field(name="User", default=None)
    ports: dict[str, Any] | None = msgspec.field(name="ExposedPorts", default=None)
    healthcheck: Healthcheck | None = msgspec.field(name="Healthcheck", default=None)
    entrypoint: list[str] | None = msgspec.field(name="Entrypoint", default=None)
    command: list[str] | None = msgspec.field(name="Cmd", default=None)
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)


class ImageConfig(msgspec.Struct, frozen=True):
    """An image's configuration."""

    os: str
    architecture: str
    config: Run | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Demands:
    """What an image must have."""

    platform: Platform
    ports: frozenset[int] = frozenset()
    """The ports of the manifest's container."""
    revision: str | None = None
    """The commit from which it must be built; None: any."""


def reference(text: str) -> Reference:
    """Read a reference.

    Raises:
        Misunderstood: it is not a reference, or lacks the registry or the tag, which are not guessed.
    """
    if "@" in text:
        raise Misunderstood(ImageByDigest(image=Name(text)))
    found = _REFERENCE.fullmatch(text)
    host = found["host"] if found else ""
    if not found or not ("." in host or ":" in host or host == "localhost"):
        raise Misunderstood(NotAnImage(image=Name(text)))
    return Reference(host=host, path=found["path"], tag=found["tag"])


def platform(text: str) -> Platform:
    """Read `linux/amd64`.

    Raises:
        Misunderstood: it is not a platform.
    """
    system, slash, architecture = text.partition("/")
    if not (system and slash and architecture) or "/" in architecture:
        raise Misunderstood(NotAPlatform(platform=Name(text)))
    return Platform(os=system, architecture=architecture)


def decoded(content: bytes, shape: type[T], image: str, part: str) -> T:
    """Return a part of an image (its index, manifest or configuration) from the registry's JSON.

    Raises:
        Permanent: it does not have that shape.
    """
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Permanent(ImageMalformed(image=Name(image), part=Name(part), problem=Said(str(error)))) from error


def chosen(index: Index, wanted: Platform) -> Descriptor:
    """Return the manifest for a platform.

    Raises:
        Permanent: there is none, or it is an index again.
    """
    found = [each for each in index.manifests if each.platform == wanted and each.media_type not in INDEXES]
    if not found:
        built = {str(each.platform) for each in index.manifests if each.platform}
        known = tuple(map(Name, sorted(built - {"unknown/unknown"})))  # unknown: attestations of the others
        raise Permanent(PlatformMissing(wanted=Name(str(wanted)), built=known))
    return found[0]


def problems(config: ImageConfig, demands: Demands) -> Iterator[Reason]:
    """Yield all that keeps an image from running on its platform."""
    run, wanted = config.config or Run(), demands.platform
    if (config.os, config.architecture) != (wanted.os, wanted.architecture):
        yield OtherPlatform(built=Name(f"{config.os}/{config.architecture}"), wanted=Name(str(wanted)))
    if _root(run.user or ""):
        yield RunsAsRoot()
    if missing := sorted(demands.ports - _ports(run)):
        yield PortsNotExposed(ports=tuple(missing), exposed=tuple(map(Name, sorted(run.ports or ()))))
    if not (run.healthcheck and run.healthcheck.test) or run.healthcheck.test == ["NONE"]:
        yield NoHealthcheck()
    if not run.entrypoint and not run.command:
        yield NoCommand()
    built = (run.labels or {}).get("org.opencontainers.image.revision")
    if demands.revision is not None and built != demands.revision:
        yield OtherRevision(built=Name(built) if built else None, wanted=Name(demands.revision))


def _root(user: str) -> bool:
    name = user.partition(":")[0]
    return name in {"", "root"} or (name.isdecimal() and int(name) == 0)


def _ports(run: Run) -> set[int]:
    """Return the TCP ports that it exposes: `8080/tcp`, `8080`."""
    named = (port.partition("/") for port in run.ports or ())
    return {int(number) for number, _, protocol in named if number.isdecimal() and protocol in {"", "tcp"}}
