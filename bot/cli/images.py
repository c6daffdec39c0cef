"""`pin-image`: check that an image is complete in its registry and can run, and pin it for a model's stage.

It reads the registry and a checkout.  `bot.rules.parsing.images` has the requirements for an image, and
`bot.rules.pins` finds where it is written.  No cluster is contacted: the change gets there through Git.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.cli import checkout
from bot.clients.oci.client import OCI
from bot.clients.oci.login import Login
from bot.config.app_yaml import Config
from bot.domain.errors import Permanent, UserError
from bot.domain.reason import Name
from bot.domain.reasons.images import LayerMissing, NotRunnable
from bot.domain.target import Change, Target
from bot.rules import pins
from bot.rules.parsing import images
from bot.rules.parsing.images import Demands, Descriptor, ImageConfig, Index, Manifest, Platform, Reference
from bot.rules.pins import images as places
from bot.rules.wording.reasons import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """An image that exists and can run."""

    digest: str
    """The digest of the tag: of the index, if the image is built for several platforms."""
    layers: Sequence[Descriptor]
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The command's parameters."""

    target: Target
    image: Reference
    platform: Platform
    revision: str | None = None


async def pin(config: Config, root: Path, wanted: Wanted, login: Login) -> tuple[Verified, Change]:
    """Return the verified image, and the change that pins it in a checkout; nothing is written yet.

    Raises:
        UserError: there is no such stage.
        Permanent, UserError: the image or the manifests do not meet the requirements.
        Temporary: the registry is unreachable or overloaded.
    """
    target = wanted.target
    if target.stage not in config.stages_of(target.model):
        known = ", ".join(config.stages_of(target.model)) or "none"
        raise UserError(f"app.yaml has no stage {target.stage} for {target.model}; its stages: {known}")
    folder = config.folder(target)
    own = checkout.texts(root, folder)
    path, carrier = pins.carrier(own, target.model)
    files = checkout.reachable(root, folder)
    place = places.find(files, frozenset(own), path, carrier)
    demands = Demands(platform=wanted.platform, ports=place.ports, revision=wanted.revision)
    found = await verify(wanted.image, demands, login)
    return found, places.edit(files, place, wanted.image, found.digest)


async def verify(image: Reference, demands: Demands, login: Login) -> Verified:
    """Verify an image in its registry.

    Raises:
        Permanent: it does not exist, or is not an image.
        UserError: it is incomplete or cannot run; the message lists every reason.
        Temporary: the registry is unreachable or overloaded.
    """
    registry = OCI.connect(image, login)
    try:
        top = found = await registry.manifest(image.tag)
        if top.media_type in images.INDEXES:
            index = images.decoded(top.body, Index, str(image), "index")
            found = await registry.manifest(images.chosen(index, demands.platform).digest)
        if found.media_type not in images.MANIFESTS:
            raise Permanent(NotRunnable(image=Name(str(image)), media_type=Name(found.media_type)))
        manifest = images.decoded(found.body, Manifest, str(image), "manifest")
        config = await registry.blob(manifest.config.digest)
        made = images.decoded(config, ImageConfig, str(image), "configuration")
        gone = [layer.digest for layer in manifest.layers if not await registry.holds(layer.digest)]
    finally:
        await registry.close()
    wrong = [*images.problems(made, demands), *(LayerMissing(digest=Name(each)) for each in gone)]
    if wrong:
        raise UserError(f"{image}@{top.digest} cannot be used:\n" + "\n".join(f"- {plain(each)}" for each in wrong))
    user = made.config.user if made.config else None
    return Verified(digest=top.digest, layers=manifest.layers, user=user or "")


def summary(found: Verified, wanted: Wanted) -> str:
    """Return a one-line summary of a verified image."""
    size = sum(layer.size for layer in found.layers) / 1e6
    system = f"{wanted.platform.os}/{wanted.platform.architecture}"
    return (
        f"{wanted.image} exists in its registry and can run: {found.digest}, {system}, "
        f"{len(found.layers)} layers ({size:.0f} MB), user {found.user}"
    )


def steps(change: Change, wanted: Wanted, root: Path) -> str:
    """Return the next steps, after the files are written."""
    model, stage, tag = wanted.target.model, wanted.target.stage, wanted.image.tag
    git = "git" if root == Path() else f"git -C {root}"
    (path,) = change.after
    return (
        "Next, in the manifests' repository:\n"
        f"  {git} switch -c image/{model}-{stage}-{tag}\n"
        f'  {git} commit -m "{model} on {stage}: image {tag}" {path}\n'
        f"  {git} push -u origin HEAD\n"
        "and open a pull request.  After the merge, the GitOps agent rolls out the image.\n"
        f"To release a model version, type in Slack:\n  /promote {model} {stage}"
    )
