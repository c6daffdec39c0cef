"""The files beside a pin: which kustomization governs it, and what a kustomization takes in."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from yaml.nodes import Node, SequenceNode

from bot.domain.errors import Permanent
from bot.rules.pins.tree import child, documents, string

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")


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
        yield from listed(document)


def listed(kustomization: Node) -> Iterator[str]:
    """Yield the files and folders that a kustomization includes, as it names them."""
    for key in ("resources", "bases", "components", "patchesStrategicMerge", "patches"):
        found = child(kustomization, key)
        for each in found.value if isinstance(found, SequenceNode) else ():
            named = string(each) or string(child(each, "path"))
            if named and "\n" not in named and "://" not in named:
                yield named


def readable(text: str, path: str) -> tuple[Node, ...]:
    """Return the documents of a text; none where it is not YAML."""
    try:
        return documents(text, path)
    except Permanent:  # a file beside it, which is not to be edited
        return ()
