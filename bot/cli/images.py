"""`pin-image`: is an image in its registry, whole, and can it run; and what pins it for a model's stage?

It asks the registry, and reads a checkout.  `bot.rules.parsing.images` says what an image must be, and
`bot.rules.pins` where it is written.  No cluster is asked anything: what is written takes Git's way there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.cli import checkout
from bot.clients.oci.client import OCI
from bot.clients.oci.login import Login
from bot.config.app_yaml import App
from bot.domain.errors import Misunderstood, Permanent
from bot.domain.target import Change, Pair
from bot.rules import pins
from bot.rules.parsing import images
from bot.rules.parsing.images import Config, Demands, Descriptor, Index, Manifest, Platform, Reference
from bot.rules.pins import images as places


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """An image that is there and can run."""

    digest: str
    """Of what the tag names: the index, where it is built for several platforms."""
    layers: Sequence[Descriptor]
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for."""

    pair: Pair
    image: Reference
    platform: Platform
    revision: str | None = None


async def pin(app: App, root: Path, wanted: Wanted, login: Login) -> tuple[Verified, Change]:
    """Return what the registry holds, and the change that pins it in a checkout; nothing is written yet.

    Raises:
        Misunderstood: there is no such stage.
        Permanent: the image or the manifests are not as they must be; every reason is named.
        Temporary: the registry does not answer, or not now.
    """
    pair = wanted.pair
    if pair.stage not in app.stages_of(pair.model):
        known = ", ".join(app.stages_of(pair.model)) or "no stage at all"
        raise Misunderstood(f"app.yaml has no stage {pair.stage} for {pair.model}; it has {known}")
    folder = app.folder(pair)
    own = checkout.texts(root, folder)
    path, carrier = pins.carrier(own, pair.model)
    files = checkout.reachable(root, folder)
    place = places.find(files, frozenset(own), path, carrier)
    demands = Demands(platform=wanted.platform, ports=place.ports, revision=wanted.revision)
    found = await verify(wanted.image, demands, login)
    return found, places.edit(files, place, wanted.image, found.digest)


async def verify(image: Reference, demands: Demands, login: Login) -> Verified:
    """Return what a registry holds under a name.

    Raises:
        Permanent: it is not there, not whole, or cannot run; every reason is named.
        Temporary: the registry does not answer, or not now.
    """
    registry = OCI.connect(image, login)
    try:
        top = found = await registry.manifest(image.tag)
        if top.media_type in images.INDEXES:
            index = images.decoded(top.body, Index, f"{image}: its index")
            found = await registry.manifest(images.chosen(index, demands.platform).digest)
        if found.media_type not in images.MANIFESTS:
            raise Permanent(f"{image} is no image that Kubernetes runs: the registry calls it {found.media_type}")
        manifest = images.decoded(found.body, Manifest, f"{image}: its manifest")
        config = images.decoded(await registry.blob(manifest.config.digest), Config, f"{image}: its configuration")
        gone = [layer.digest for layer in manifest.layers if not await registry.holds(layer.digest)]
    finally:
        await registry.close()
    wrong = [*images.troubles(config, demands), *(f"its layer {each} is not there; push it again" for each in gone)]
    if wrong:
        raise Permanent(f"{image}@{top.digest} cannot be used:\n" + "\n".join(f"- {each}" for each in wrong))
    user = config.config.user if config.config else None
    return Verified(digest=top.digest, layers=manifest.layers, user=user or "")


def told(found: Verified, wanted: Wanted) -> str:
    """Return what was found, in a line."""
    size = sum(layer.size for layer in found.layers) / 1e6
    system = f"{wanted.platform.os}/{wanted.platform.architecture}"
    return (
        f"{wanted.image} is in its registry, and can run: {found.digest}, {system}, "
        f"{len(found.layers)} layers ({size:.0f} MB), user {found.user}"
    )


def steps(change: Change, wanted: Wanted, root: Path) -> str:
    """Return what is to be typed now that the files are written."""
    model, stage, tag = wanted.pair.model, wanted.pair.stage, wanted.image.tag
    git = "git" if root == Path() else f"git -C {root}"
    (path,) = change.after
    return (
        "Now, in the repository of the manifests:\n"
        f"  {git} switch -c image/{model}-{stage}-{tag}\n"
        f'  {git} commit -m "{model} on {stage}: image {tag}" {path}\n'
        f"  {git} push -u origin HEAD\n"
        "and open the pull request.  Once it is merged, the cluster's Git agent rolls the image out.\n"
        f"A version goes there as ever; in Slack:\n  /promote {model} {stage}"
    )
