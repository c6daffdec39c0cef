"""Why an image is not understood, or cannot run."""

from bot.domain.reason import Name, Reason, Said, reason


@reason("image_by_digest")
class ImageByDigest(Reason):
    """An image was named by its digest, which is read from the registry."""

    image: Name


@reason("not_an_image")
class NotAnImage(Reason):
    """A text does not name an image with its registry and tag."""

    image: Name


@reason("not_a_platform")
class NotAPlatform(Reason):
    """A text is not a system and an architecture."""

    platform: Name


@reason("image_malformed")
class ImageMalformed(Reason):
    """What a registry returned does not follow the image specification."""

    image: Name
    part: Name
    """Its index, its manifest or its configuration."""
    problem: Said


@reason("platform_missing")
class PlatformMissing(Reason):
    """An index has no image for a platform."""

    wanted: Name
    built: tuple[Name, ...]
    """The platforms that it has one for."""


@reason("image_of_other_platform")
class OtherPlatform(Reason):
    """An image was built for another platform."""

    built: Name
    wanted: Name


@reason("image_runs_as_root")
class RunsAsRoot(Reason):
    """An image's user is root."""


@reason("image_ports_missing")
class PortsNotExposed(Reason):
    """The manifest's container names ports that the image does not expose."""

    ports: tuple[int, ...]
    exposed: tuple[Name, ...]


@reason("image_without_healthcheck")
class NoHealthcheck(Reason):
    """An image has no HEALTHCHECK."""


@reason("image_without_command")
class NoCommand(Reason):
    """An image has neither an entrypoint nor a command."""


@reason("image_of_other_revision")
class OtherRevision(Reason):
    """An image was built from another commit."""

    built: Name | None
    wanted: Name


@reason("image_not_runnable")
class NotRunnable(Reason):
    """A registry has something else by an image's name."""

    image: Name
    media_type: Name


@reason("image_layer_missing")
class LayerMissing(Reason):
    """A registry lacks a layer of an image."""

    digest: Name
