"""YAML text as a tree whose nodes know their place in the text.

It reads; it never writes YAML.  Nodes are PyYAML's own, composed by its C parser and never turned into Python
values, so quotes, tags and places are kept.  Aliases make the tree a graph, even one with cycles: hence
`walk` visits a node once, and `shared` returns the nodes that are reached from more than one place.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.domain.errors import Permanent
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.pins import ManifestHasTabs, ManifestIsTemplate, ManifestNotYaml, ManifestTooLarge

BOM: Final = "\ufeff"
STR: Final = "tag:yaml.org,2002:str"
LARGEST: Final = 256 << 10
"""Characters of a file.  A manifest has about 2 kB; this much, deeply nested, takes seconds to parse."""


@dataclass(frozen=True, eq=False)
class Chain:
    """A node and the nodes that hold it, up to the document.

    The nodes of a document share the chain above them, and each mapping is indexed once, so that reading a manifest
    takes time in proportion to its length.
    """

    node: Node
    above: Self | None = None

    @property
    def upwards(self) -> Iterator[Self]:
        """Yield this chain and those above it, the document's last."""
        chain: Self | None = self
        while chain is not None:
            yield chain
            chain = chain.above

    @cached_property
    def values(self) -> Mapping[str, Node]:
        """Return the values of a mapping by key: the last one of a key, as `child` does."""
        return {key: value for key, value in _pairs(self.node)}

    @cached_property
    def keyed(self) -> frozenset[tuple[str, int]]:
        """Return each key of a mapping with the id of its value."""
        return frozenset((key, id(value)) for key, value in _pairs(self.node))


def documents(text: str, name: str) -> tuple[Node, ...]:
    """Return the documents of `text`; their offsets count from after a byte order mark.

    Raises:
        Permanent: it is not YAML (the reason has `name` and the line), or too large.
    """
    if len(text) > LARGEST:
        raise Permanent(ManifestTooLarge(file=Name(name), kib=LARGEST >> 10))
    try:  # the C parser does not count a BOM in its offsets: it gets the text without
        found = list(yaml.compose_all(text.removeprefix(BOM), Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Permanent(_unparsed(text, Name(name), mark.line + 1 if mark else 1, error.problem or "")) from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a lone surrogate
        raise Permanent(ManifestNotYaml(file=Name(name), line=1, problem=Said(str(error).splitlines()[0]))) from error
    return tuple(node for node in found if node is not None)


def walk(document: Node, above: Chain | None = None) -> Iterator[Chain]:
    """Yield the chain of every node once, in the order of the text; `above` holds the document, if anything does."""
    seen: set[int] = set()
    waiting: list[Iterator[Chain]] = [iter([Chain(document, above)])]
    while waiting:
        chain = next(waiting[-1], None)
        if chain is None:
            waiting.pop()
        elif id(chain.node) not in seen:
            seen.add(id(chain.node))
            yield chain
            waiting.append(_below(chain))  # one chain at a time: a thousand levels may end in a hundred thousand leaves


def _below(chain: Chain) -> Iterator[Chain]:
    return (Chain(node, chain) for node in children(chain.node))


def shared(document: Node) -> frozenset[int]:
    """Return the ids of the nodes that an alias refers to: changing one changes every place that uses it."""
    seen: set[int] = set()
    twice: set[int] = set()
    for chain in walk(document):
        for node in children(chain.node):
            (twice if id(node) in seen else seen).add(id(node))
    return frozenset(twice)


def children(node: Node) -> list[Node]:
    """Return the nodes directly below: items, or keys and values in turn."""
    if isinstance(node, SequenceNode):
        return list(node.value)
    if isinstance(node, MappingNode):
        return [one for pair in node.value for one in pair]
    return []


def child(node: Node | None, key: str) -> Node | None:
    """Return the value of `key` (the last one, as Kubernetes reads it), or None."""
    found = None
    for name, value in _pairs(node):
        if name == key:
            found = value
    return found


def _pairs(node: Node | None) -> Iterator[tuple[str, Node]]:
    pairs = node.value if isinstance(node, MappingNode) else ()
    return ((str(key.value), value) for key, value in pairs if isinstance(key, ScalarNode))


def under(chain: Chain | None, key: str) -> bool:
    """Return whether the node of a chain is a value of that key."""
    if chain is None or chain.above is None or not isinstance(chain.above.node, MappingNode):
        return False
    return (key, id(chain.node)) in chain.above.keyed


def string(node: Node | None) -> str | None:
    """Return the text of a scalar that is not null, else None."""
    if isinstance(node, ScalarNode) and not node.tag.endswith(":null"):
        return str(node.value)
    return None


def repeated(node: Node) -> tuple[str, int] | None:
    """Return a key that is twice in a mapping, and the line of the second one."""
    seen: set[str] = set()
    for key, _ in node.value if isinstance(node, MappingNode) else ():
        if isinstance(key, ScalarNode):
            if key.value in seen:
                return key.value, line(key)
            seen.add(key.value)
    return None


def line(node: Node) -> int:
    """Return the line on which the node starts, as editors count."""
    return int(node.start_mark.line) + 1


def end(node: Node) -> int:
    """Return the offset behind the node's last character; a block's own end mark lies behind what follows it."""
    while isinstance(node, SequenceNode | MappingNode) and node.value and not node.flow_style:
        node = children(node)[-1]
    return int(node.end_mark.index)


def _unparsed(text: str, file: Name, at: int, problem: str) -> Reason:
    if "{{" in text:
        return ManifestIsTemplate(file=file, line=at)
    if "'\\t'" in problem or "a tab character" in problem:
        return ManifestHasTabs(file=file, line=at)
    return ManifestNotYaml(file=file, line=at, problem=Said(problem))
