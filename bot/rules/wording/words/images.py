"""The words of `bot.domain.reasons.images`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import images
from bot.rules.wording.words.template import Words


def _platform_missing(reason: images.PlatformMissing) -> str:
    return "the image is not built for {wanted} " + ("(only for: {built:20})" if reason.built else "or any other")


def _ports(reason: images.PortsNotExposed) -> str:
    exposed = "only {exposed:20}" if reason.exposed else "none"
    return f"the manifest's container has port {{ports:20}}, but the image exposes {exposed}"


def _revision(reason: images.OtherRevision) -> str:
    built = "{built}" if reason.built is not None else "an unknown commit"
    return f"it was built from {built}, not from {{wanted}}: the tag was moved"


WORDS: Final[Mapping[type[Reason], Words]] = {
    images.ImageByDigest: "{image}: name the image by its tag; the digest is read from the registry",
    images.NotAnImage: ("{image}: not an image; write registry/name:tag, such as ghcr.io/acme/model-server:0.1.0"),
    images.NotAPlatform: "{platform}: not a platform; write linux/amd64",
    images.ImageMalformed: "{image}: its {part} does not follow the image specification: {problem}",
    images.PlatformMissing: _platform_missing,
    images.OtherPlatform: "it runs on {built}, not on {wanted}",
    images.RunsAsRoot: (
        "it runs as root, which the restricted Pod Security Standard forbids; add a USER to its Dockerfile"
    ),
    images.PortsNotExposed: _ports,
    images.NoHealthcheck: "it has no HEALTHCHECK; podman and buildah keep it only with --format docker",
    images.NoCommand: "it has no command to run",
    images.OtherRevision: _revision,
    images.NotRunnable: "{image} is not an image that Kubernetes can run: its media type is {media_type}",
    images.LayerMissing: "its layer {digest} is missing; push the image again",
}
