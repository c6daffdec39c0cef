"""YAML text as a tree whose nodes know their place in the text.

It reads; it never writes YAML.  Nodes are PyYAML's own, composed by its C parser and never turned into Python
values, so quotes, tags and places are kept.  Aliases make the tree a graph, even one with cycles: hence
`walk` visits a node once, and `shared` returns the nodes that are reached from more than one place.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.domain.errors import Permanent
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.pins import ManifestHasTabs, ManifestIsTemplate, ManifestNotYaml, ManifestTooLarge

BOM: Final = "\ufeff"
STR: Final = "tag:yaml.org,2002:str"
LARGEST: Final = 256 << 10
"""Characters of a file.  A manifest has about 2 kB; this much, deeply nested, takes seconds to parse."""

Chain: TypeAlias = tuple[Node, ...]
"""A node and the nodes that hold it, the document first."""


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


def walk(document: Node) -> Iterator[Chain]:
    """Yield every node once, in the order of the text, each at the end of its chain."""
    seen: set[int] = set()
    waiting: list[Iterator[Chain]] = [iter([(document,)])]
    while waiting:
        chain = next(waiting[-1], None)
        if chain is None:
            waiting.pop()
        elif id(chain[-1]) not in seen:
            seen.add(id(chain[-1]))
            yield chain
            waiting.append(_below(chain))  # one chain at a time: a thousand levels may end in a hundred thousand leaves


def _below(chain: Chain) -> Iterator[Chain]:
    return ((*chain, node) for node in children(chain[-1]))


def shared(document: Node) -> frozenset[int]:
    """Return the ids of the nodes that an alias refers to: changing one changes every place that uses it."""
    seen: set[int] = set()
    twice: set[int] = set()
    for chain in walk(document):
        for node in children(chain[-1]):
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
    if isinstance(node, MappingNode):
        for name, value in node.value:
            if isinstance(name, ScalarNode) and name.value == key:
                found = value
    return found


def under(chain: Chain, key: str) -> bool:
    """Return whether the last node of a chain is a value of that key."""
    above = chain[-2] if len(chain) > 1 else None
    pairs = above.value if isinstance(above, MappingNode) else ()
    return any(value is chain[-1] and isinstance(name, ScalarNode) and name.value == key for name, value in pairs)


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
