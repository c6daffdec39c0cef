"""What a GitOps agent builds from some files: which kustomizations and which agent's objects govern a manifest.

A kustomization governs the files of its folder, and what it takes in; so overlays lead to bases.  Flux's Kustomization
and Argo CD's Application name the folder that they build.  Files that are not given are not known.  No template is
filled in: a value with one stays as it is written, for the caller to refuse.

Which namespace wins, from the strongest:
    Flux's targetNamespace    https://fluxcd.io/flux/components/kustomize/kustomizations/#target-namespace
    Argo CD's kustomize.namespace    https://argo-cd.readthedocs.io/en/stable/user-guide/kustomize/
    a kustomization's, the outermost first
        https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/namespace/
    the manifest's own
    Argo CD's destination    https://argo-cd.readthedocs.io/en/stable/operator-manual/declarative-setup/#applications
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import PurePosixPath
from typing import Final, TypeAlias

from yaml.nodes import Node, SequenceNode

from bot.domain.errors import Permanent
from bot.domain.reason import Reason
from bot.domain.target import Written
from bot.rules.pins.names import KUSTOMIZATIONS, listed, readable
from bot.rules.pins.owner import group
from bot.rules.pins.tree import child, documents, line, string

MOST: Final = 64
"""Ways in which a file may be built that are followed; each diamond of overlays doubles them."""
FLUX: Final = "kustomize.toolkit.fluxcd.io"
ARGO: Final = "argoproj.io"
MARKS: Final = (FLUX, ARGO, "GitRepository")
"""One of them is in every file with an agent's object."""

Folder: TypeAlias = str
"""A path in the repository, empty for its root."""


class Origin(StrEnum):
    """What says in which namespace a workload runs."""

    FLUX = "flux"
    ARGO_KUSTOMIZE = "argo kustomize"
    KUSTOMIZATION = "kustomization"
    MANIFEST = "manifest"
    ARGO = "argo"
    APP_YAML = "app.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sourced:
    """A namespace, and what says so."""

    written: Written
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Kustomization:
    """A file that kustomize builds."""

    file: str
    node: Node

    @property
    def folder(self) -> Folder:
        """Return the folder that it governs."""
        return parent(self.file)

    @property
    def components(self) -> list[Folder]:
        """Return the folders of its components, in their order: each changes all that was taken in before it.

        https://kubectl.docs.kubernetes.io/guides/config_management/components/
        """
        named = (string(each) for each in _items(child(self.node, "components")))
        return [at for each in named if each and (at := joined(self.folder, each)) is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """An object by which an agent builds a folder."""

    folder: Folder | None
    """None: a chart from elsewhere, of which only the files of values are here."""
    values: tuple[str, ...] = ()
    """Helm's files of values, by path."""
    recurse: bool
    over: Sourced | None = None
    """The namespace that overrides all others."""
    gap: Sourced | None = None
    """The namespace of objects that have none."""
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """One way in which a file reaches a cluster."""

    agent: Agent | None
    chain: tuple[Kustomization, ...]
    """The kustomizations that govern it, the outermost first."""

    def namespace(self, own: Sourced | None) -> Sourced | None:
        """Return the namespace of an object with this namespace of its own."""
        over, gap = (self.agent.over, self.agent.gap) if self.agent else (None, None)
        outer = (sourced(each.file, child(each.node, "namespace"), Origin.KUSTOMIZATION) for each in self.chain)
        return over or next((each for each in outer if each), None) or own or gap

    def name(self, own: str) -> str:
        """Return the name of an object with this name of its own."""
        for each in reversed(self.chain):
            prefix, suffix = (string(child(each.node, key)) or "" for key in ("namePrefix", "nameSuffix"))
            own = prefix + own + suffix
        return self.agent.prefix + own + self.agent.suffix if self.agent else own


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """The kustomizations and the agents' objects among some files; read once for many manifests."""

    kustomizations: Mapping[Folder, Kustomization]
    above: Mapping[str, tuple[Folder, ...]] = field(default_factory=dict)
    """For a file or a folder: the folders of the kustomizations that take it in."""
    agents: tuple[Agent, ...] = ()
    broken: Mapping[Folder, Reason] = field(default_factory=dict)
    """The folders whose kustomization is not YAML, and why."""

    def builds(self, path: str) -> tuple[Build, ...]:
        """Return every way in which a file is built, as far as is known; at least one, at most MOST."""
        chains = self._chains(path) or [()]
        found = (build for agent in self.agents for chain in chains if (build := self._built(agent, path, chain)))
        return tuple(islice(found, MOST)) or tuple(Build(agent=None, chain=chain) for chain in chains)

    def _chains(self, path: str) -> list[tuple[Kustomization, ...]]:
        own = [parent(path)] if parent(path) in self.kustomizations else []
        return list(islice(self._up(dict.fromkeys([*own, *self.above.get(path, ())]), ()), MOST))

    def _up(
        self, folders: Mapping[Folder, None], below: tuple[Kustomization, ...]
    ) -> Iterator[tuple[Kustomization, ...]]:
        """Yield each chain that goes up from these folders; a folder that takes itself in ends it."""
        for folder in folders:
            chain = (self.kustomizations[folder], *self._components(folder, below), *below)
            more = [each for each in self.above.get(folder, ()) if self.kustomizations[each] not in chain]
            if more:
                yield from self._up(dict.fromkeys(more), chain)
            else:
                yield chain

    def _components(self, folder: Folder, below: tuple[Kustomization, ...]) -> Iterator[Kustomization]:
        """Yield the components of a folder that change what is `below`, the outermost first."""
        listed_there = self.kustomizations[folder].components
        own = below[0].folder if below else None
        later = listed_there[listed_there.index(own) + 1 :] if own in listed_there else listed_there
        yield from (self.kustomizations[each] for each in reversed(later) if each in self.kustomizations)

    def _built(self, agent: Agent, path: str, chain: tuple[Kustomization, ...]) -> Build | None:
        """Return how an agent builds the file; None if it does not."""
        folders = [each.folder for each in chain]
        if agent.folder in folders:
            return Build(agent=agent, chain=chain[folders.index(agent.folder) :])
        if path in agent.values:
            return Build(agent=agent, chain=())
        if agent.folder is None or agent.folder in self.kustomizations:
            return None  # it builds something else, which does not take the file in
        top = folders[0] if folders else parent(path)
        reached = _is_below(top, agent.folder) if agent.recurse else top == agent.folder
        return Build(agent=agent, chain=chain) if reached else None


def roots(files: Mapping[str, str], repository: str = "") -> Roots:
    """Read the kustomizations and the agents' objects among some files.

    `repository` is the `owner/name` that holds the files: what an agent builds from another one is left out.
    """
    found, broken = dict[Folder, Kustomization](), dict[Folder, Reason]()
    for path in sorted(files, key=_rank):
        if PurePosixPath(path).name in KUSTOMIZATIONS:
            try:
                nodes = documents(files[path], path)
            except Permanent as error:
                broken[parent(path)] = error.reason
                continue
            if nodes and not _is_flux(nodes[0]):
                found.setdefault(parent(path), Kustomization(file=path, node=nodes[0]))
    above: dict[str, tuple[Folder, ...]] = {}
    for folder, each in found.items():
        for name in listed(each.node):
            at = joined(folder, name)
            if at is not None and folder not in above.get(at, ()):
                above[at] = (*above.get(at, ()), folder)
    return Roots(kustomizations=found, above=above, agents=tuple(_agents(files, repository)), broken=broken)


def _rank(path: str) -> tuple[int, str]:
    """Return a sort key: of several kustomizations in a folder, the one that kustomize looks for first."""
    name = PurePosixPath(path).name
    return KUSTOMIZATIONS.index(name) if name in KUSTOMIZATIONS else len(KUSTOMIZATIONS), path


def parent(path: str) -> Folder:
    """Return the folder of a file."""
    found = str(PurePosixPath(path).parent)
    return "" if found == "." else found


def joined(folder: Folder, path: str) -> str | None:
    """Return a path as seen from a folder; None if it leaves the repository."""
    parts = [] if path.startswith("/") else [part for part in folder.split("/") if part]
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def sourced(file: str, node: Node | None, origin: Origin) -> Sourced | None:
    """Return the namespace in a scalar, and its place; None if there is none."""
    value = string(node)
    return Sourced(written=Written(value=value, file=file, line=line(node)), origin=origin) if node and value else None


# ── the agents' objects ──────────────────────────────────────────────────────────────────────────────────


def _agents(files: Mapping[str, str], repository: str) -> Iterator[Agent]:
    some = {path: text for path, text in files.items() if FLUX in text or ARGO in text}
    objects = [(path, node) for path, text in some.items() for node in readable(text, path)]
    others = {_key(node) for _, node in _sources(files) if not _is_ours(_at(node, "spec", "url"), repository)}
    for path, node in objects:
        if _is_flux(node):
            if _source_of(node) not in others:
                yield from _flux(path, node)
        elif group(node) == ARGO:
            yield from _argo(path, node, repository)


def _sources(files: Mapping[str, str]) -> Iterator[tuple[str, Node]]:
    for path, text in files.items():
        if "GitRepository" in text:
            yield from ((path, node) for node in readable(text, path) if string(child(node, "kind")) == "GitRepository")


def _flux(path: str, node: Node) -> Iterator[Agent]:
    folder = joined("", string(_at(node, "spec", "path")) or "")
    if folder is not None:
        over = sourced(path, _at(node, "spec", "targetNamespace"), Origin.FLUX)
        prefix, suffix = (string(_at(node, "spec", key)) or "" for key in ("namePrefix", "nameSuffix"))
        yield Agent(folder=folder, recurse=True, over=over, prefix=prefix, suffix=suffix)


def _argo(path: str, node: Node, repository: str) -> Iterator[Agent]:
    kind = string(child(node, "kind"))
    if kind not in {"Application", "ApplicationSet"}:
        return
    spec = child(node, "spec") if kind == "Application" else _at(node, "spec", "template", "spec")
    gap = sourced(path, _at(spec, "destination", "namespace"), Origin.ARGO)
    several = _items(child(spec, "sources")) or [each for each in [child(spec, "source")] if each]
    ours = [each for each in several if _is_ours(child(each, "repoURL"), repository)]
    references = {string(child(each, "ref")) for each in ours} - {None}
    for source in several:
        inside = string(child(source, "path")) if source in ours else None
        folder = joined("", inside) if inside else None
        kustomize = child(source, "kustomize")
        prefix, suffix = (string(child(kustomize, key)) or "" for key in ("namePrefix", "nameSuffix"))
        yield Agent(
            folder=folder,
            values=tuple(_values(source, folder, references)),
            recurse=string(_at(source, "directory", "recurse")) == "true",
            over=sourced(path, child(kustomize, "namespace"), Origin.ARGO_KUSTOMIZE),
            gap=gap,
            prefix=prefix,
            suffix=suffix,
        )


def _values(source: Node, folder: Folder | None, references: Collection[str | None]) -> Iterator[str]:
    """Yield Helm's files of values: relative to the chart, from the root (`/`), or from that of a source (`$REF/`).

    https://argo-cd.readthedocs.io/en/stable/user-guide/multiple_sources/#helm-value-files-from-external-git-repository
    """
    for each in _items(_at(source, "helm", "valueFiles")):
        named = string(each) or ""
        reference, _, rest = named.removeprefix("$").partition("/")
        if named.startswith("$"):
            at = joined("", rest) if reference in references else None
        else:
            at = joined(folder, named) if folder is not None else None
        if at:
            yield at


def _is_flux(node: Node) -> bool:
    return group(node) == FLUX and string(child(node, "kind")) == "Kustomization"


def _key(node: Node) -> tuple[str | None, str | None]:
    return string(_at(node, "metadata", "name")), string(_at(node, "metadata", "namespace"))


def _source_of(node: Node) -> tuple[str | None, str | None]:
    reference = _at(node, "spec", "sourceRef")
    return string(child(reference, "name")), string(child(reference, "namespace")) or _key(node)[1]


def _is_ours(url: Node | None, repository: str) -> bool:
    """Return whether an address may be that of the repository; without an address, or in a template, it may be."""
    text = (string(url) or "").lower().removesuffix("/").removesuffix(".git")
    if not text or not repository or "{{" in text or "${" in text:
        return True
    return re.split(r"[/:]", text)[-2:] == repository.lower().split("/")


def _is_below(folder: Folder, above: Folder) -> bool:
    return not above or folder == above or folder.startswith(f"{above}/")


def _at(node: Node | None, *keys: str) -> Node | None:
    for key in keys:
        node = child(node, key)
    return node


def _items(node: Node | None) -> list[Node]:
    return [each for each in node.value if isinstance(each, Node)] if isinstance(node, SequenceNode) else []
