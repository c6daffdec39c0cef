"""Which workload in which namespace a pin belongs to, according to the manifests beside it.

A kustomization's namespace, namePrefix and nameSuffix apply to the files of its folder (the nearest one upwards among
the files given).  What only a base elsewhere sets is not known here; None then.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath

from yaml.nodes import Node, SequenceNode

from bot.domain.errors import Permanent
from bot.rules.pins.carrier import Carrier
from bot.rules.pins.owner import ConfigMap, Elsewhere, Itself, holder
from bot.rules.pins.tree import child, documents, string, walk

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def kustomization(files: Mapping[str, str], path: str) -> Node | None:
    """Return the kustomization that governs a file.

    Raises:
        Permanent: it is not YAML.
    """
    return _first(files, kustomization_path(files, path))


def _first(files: Mapping[str, str], path: str | None) -> Node | None:
    return next(iter(documents(files[path], path)), None) if path is not None else None


def kustomization_path(files: Mapping[str, str], path: str) -> str | None:
    """Return the path of the kustomization that governs a file: the nearest one upwards."""
    places = (str(folder / name) for folder in PurePosixPath(path).parents for name in KUSTOMIZATIONS)
    return next((at for at in places if at in files), None)


def taken_in(text: str, path: str) -> Iterator[str]:
    """Yield the files and folders that a kustomization includes, as it names them.

    Raises:
        Permanent: it is not YAML.
    """
    for document in documents(text, path):
        for key in ("resources", "bases", "components", "patchesStrategicMerge", "patches"):
            listed = child(document, key)
            for each in listed.value if isinstance(listed, SequenceNode) else ():
                named = string(each) or string(child(each, "path"))
                if named and "\n" not in named and "://" not in named:
                    yield named


def namespace(files: Mapping[str, str], path: str, carrier: Carrier) -> str | None:
    """Return the namespace that the pin's workload will be in, if the manifests set it."""
    match carrier.owner:
        case Elsewhere(namespace=there):
            return there
        case Itself(node=node):
            own = string(child(child(node, "metadata"), "namespace"))
        case ConfigMap(namespace=own):
            pass
    return string(child(kustomization(files, path), "namespace")) or own


def workload(files: Mapping[str, str], path: str, carrier: Carrier) -> str | None:
    """Return the name that the pin's workload will have, if the manifests set it.

    For a pin in a ConfigMap, this is the only workload in the files that takes its environment from it.
    """
    match carrier.owner:
        case Itself(node=node):
            found = _names(files, {(path, node)})
        case ConfigMap(name=config):
            found = _names(files, set(_users(files, config)))
        case Elsewhere():
            return None
    return found.pop() if len(found) == 1 else None


def _names(files: Mapping[str, str], users: Iterable[tuple[str, Node | None]]) -> set[str | None]:
    """Return the names of workloads; each kustomization is parsed once, however many there are."""

    @cache
    def affixes(over: str | None) -> tuple[str, str]:
        found = _first(files, over)
        return string(child(found, "namePrefix")) or "", string(child(found, "nameSuffix")) or ""

    names = set[str | None]()
    for path, user in users:
        prefix, suffix = affixes(kustomization_path(files, path))
        name = string(child(child(user, "metadata"), "name"))
        names.add(prefix + name + suffix if name else None)
    return names


def _users(files: Mapping[str, str], config: str) -> Iterator[tuple[str, Node]]:
    for path, text in files.items():
        if config in text and "configMap" in text:
            yield from ((path, user) for user in _using(readable(text, path), config))


def _using(found: tuple[Node, ...], config: str) -> Iterator[Node]:
    for document in found:
        for chain in walk(document):
            source = child(chain.node, "configMapRef") or child(chain.node, "configMapKeyRef")
            if string(child(source, "name")) == config:
                user = holder(chain)
                if isinstance(user, Itself) and user.node:
                    yield user.node


def readable(text: str, path: str) -> tuple[Node, ...]:
    """Return the documents of a text; none where it is not YAML."""
    try:
        return documents(text, path)
    except Permanent:  # a file beside it, which is not to be edited
        return ()
