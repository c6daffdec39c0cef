"""Images in manifests: which one serves a model on a stage, and how another one is written there.

    {path: text} + Reference + digest → Change

The container is the one that carries MODEL_STAGE, or takes it from the ConfigMap that does.  Its image is written where
it affects that stage alone: as an entry of the `images` of the stage's kustomization, or in the stage's Deployment.
https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/images/
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.domain.errors import Permanent
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.pins import (
    ContainerNowhere,
    ImageFilledIn,
    ImageNamedTwice,
    ImageNowhere,
    ImageShared,
    ImageUsedByAlias,
    KeyTwice,
    LayoutNotEditable,
    NotAKustomization,
    NotEditable,
)
from bot.domain.target import Change
from bot.rules.parsing.images import Reference
from bot.rules.pins import names, splice
from bot.rules.pins.carrier import Carrier, is_template
from bot.rules.pins.owner import ConfigMap, resource
from bot.rules.pins.tree import Chain, child, documents, line, repeated, shared, string, under, walk

CONTAINERS: Final = ("containers", "initContainers")


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of a manifest that names an image."""

    path: str
    resource: tuple[str | None, str | None]
    """Its workload's kind and name."""
    name: str | None
    node: Node
    document: Node

    @property
    def image(self) -> ScalarNode | None:
        """Return the scalar that names its image."""
        found = child(self.node, "image")
        return found if isinstance(found, ScalarNode) and string(found) else None

    @property
    def ports(self) -> frozenset[int]:
        """Return its TCP ports."""
        found = child(self.node, "ports")
        ports = found.value if isinstance(found, SequenceNode) else ()
        numbers = [string(child(port, "containerPort")) for port in ports if string(child(port, "protocol")) != "UDP"]
        return frozenset(int(number) for number in numbers if number and number.isdecimal())


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the image of a model on a stage is written."""

    path: str
    name: str
    """The image's name, by which kustomize finds it."""
    ports: frozenset[int]
    container: Container | None
    """The one that names the image; None: the kustomization at `path` names it."""


def find(files: Mapping[str, str], own: frozenset[str], path: str, carrier: Carrier) -> Place:
    """Return where to write the image of the container that `carrier` (in `path`) is about.

    `files` are the stage's `own` and all that its kustomization takes in.

    Raises:
        Permanent: there is no container, or none that can be changed for this stage alone.
    """
    every = list(_containers(files))
    serving = [each for each in every if _carries(each, path, carrier)]
    same = {(each.resource, each.name) for each in serving}
    alike = [each for each in every if (each.resource, each.name) in same]
    with_image = sorted((each for each in alike if each.image), key=lambda each: each.path not in own)
    if not with_image:
        nowhere = ImageNowhere if alike else ContainerNowhere
        raise Permanent(nowhere(file=Name(path), line=carrier.line, files=tuple(map(Name, sorted(files)))))
    there = with_image[0]
    ports = frozenset(port for each in alike for port in each.ports)
    name, over = _renamed(files, own, _repository(there)), names.kustomization_path(files, path)
    if over is not None and over in own and (there.path not in own or _entry(_document(files, over), name, over)):
        return Place(path=over, name=name, ports=ports, container=None)
    if there.path not in own:
        raise Permanent(ImageShared(file=Name(path), shared=Name(there.path)))
    return Place(path=there.path, name=name, ports=ports, container=there)


def edit(files: Mapping[str, str], place: Place, image: Reference, digest: str) -> Change:
    """Return the change that writes an image by its digest; `after` equals `before` if it is there already.

    Raises:
        Permanent: it cannot be written safely; the reason has the line and the way out.
    """
    text = files[place.path]
    if place.container is not None and place.container.image is not None:
        wanted = {place.container.image: f"{image}@{digest}"}
        after = _set(text, place, place.container.document, place.container.node, wanted)
    else:
        after = _kustomized(text, place, image, digest)
    return Change(before={place.path: text}, after={place.path: after})


def _kustomized(text: str, place: Place, image: Reference, digest: str) -> str:
    document = _document({place.path: text}, place.path)
    entry, images = _entry(document, place.name, place.path), child(document, "images")
    moved = {} if image.repository == place.name else {"newName": image.repository}
    wanted = moved | {"newTag": image.tag, "digest": digest}
    if entry is not None:
        values = {"newName": image.repository} | wanted
        present = {node: values[key] for key in values if isinstance(node := child(entry, key), ScalarNode)}
        after = _set(text, place, document, entry, present)
        missing = {key: value for key, value in wanted.items() if child(entry, key) is None}
        return _grown(after, place, missing) if missing else after
    lines = [f"- name: {splice.scalar(place.name, None)}"]
    lines += [f"  {key}: {splice.scalar(value, None)}" for key, value in wanted.items()]
    words = ["name", place.name, *(word for pair in wanted.items() for word in pair)]
    if images is None:
        return splice.append(text, document, ["images:", *lines], ["images", *words], Name(place.path), 1)
    return splice.append(text, images, lines, words, Name(place.path), line(images))


def _grown(text: str, place: Place, missing: Mapping[str, str]) -> str:
    """Return the text with more keys in the entry."""
    entry = _entry(_document({place.path: text}, place.path), place.name, place.path)
    if entry is None:
        raise _refused(place.path, 1, LayoutNotEditable())
    lines = [f"{key}: {splice.scalar(value, None)}" for key, value in missing.items()]
    words = [word for pair in missing.items() for word in pair]
    return splice.append(text, entry, lines, words, Name(place.path), line(entry))


def _set(text: str, place: Place, document: Node, holder: Node, values: Mapping[ScalarNode, str]) -> str:
    """Return the text with other values in an object's scalars."""
    aliased = shared(document)
    for node in (holder, *values):
        if id(node) in aliased:
            raise _refused(place.path, line(node), ImageUsedByAlias())
    if twice := repeated(holder):
        raise _refused(place.path, twice[1], KeyTwice(key=Name(twice[0])))
    for node in values:
        if is_template(node):
            raise _refused(place.path, line(node), ImageFilledIn(value=Said(node.value)))
    return splice.replace(text, values, Name(place.path), line(holder))


def _refused(path: str, at: int, why: Reason) -> Permanent:
    return Permanent(NotEditable(file=Name(path), line=at, why=why))


def _document(files: Mapping[str, str], path: str) -> MappingNode:
    found = [each for each in documents(files[path], path) if isinstance(each, MappingNode)]
    if not found:
        raise Permanent(NotAKustomization(file=Name(path)))
    return found[0]


def _entry(kustomization: Node | None, name: str, path: str) -> MappingNode | None:
    """Return the entry of a kustomization (in `path`) for an image."""
    images = child(kustomization, "images")
    entries = images.value if isinstance(images, SequenceNode) else ()
    found = [each for each in entries if isinstance(each, MappingNode) and string(child(each, "name")) == name]
    if len(found) > 1:
        raise _refused(path, line(found[1]), ImageNamedTwice(image=Name(name)))
    return found[0] if found else None


def _renamed(files: Mapping[str, str], own: frozenset[str], name: str) -> str:
    """Return the name of an image after the kustomizations below have renamed it."""
    for path in files:
        if path not in own and path.endswith(names.KUSTOMIZATIONS):
            entry = _entry(_document(files, path), name, path)
            name = string(child(entry, "newName")) or name
    return name


def _repository(container: Container) -> str:
    image = string(container.image) or ""
    return re.sub(r":[^:/]*$", "", image.partition("@")[0])


def _containers(files: Mapping[str, str]) -> Iterator[Container]:
    for path, text in files.items():
        for document in names.readable(text, path):
            for chain in walk(document):
                if any(under(chain, key) for key in CONTAINERS) and isinstance(chain.node, SequenceNode):
                    yield from (_container(path, document, Chain(node, chain)) for node in chain.node.value)


def _container(path: str, document: Node, chain: Chain) -> Container:
    user = resource(chain)
    kind, name = string(child(user, "kind")), string(child(child(user, "metadata"), "name"))
    return Container(
        path=path, resource=(kind, name), name=string(child(chain.node, "name")), node=chain.node, document=document
    )


def _carries(container: Container, path: str, carrier: Carrier) -> bool:
    """Return whether a container has the pin in its own environment, or takes it from the ConfigMap that has it."""
    if not isinstance(carrier.owner, ConfigMap):
        places = [(each.node.start_mark.index, each.node.end_mark.index) for each in carrier.chain.upwards]
        mine = (container.node.start_mark.index, container.node.end_mark.index)
        return container.path == path and mine in places
    sources = (child(chain.node, key) for chain in walk(container.node) for key in ("configMapRef", "configMapKeyRef"))
    return any(string(child(source, "name")) == carrier.owner.name for source in sources)
