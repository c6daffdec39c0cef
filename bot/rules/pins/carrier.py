"""Where a pin stands in a document, as a format found it: data, and the doubts that forbid an edit.

It holds places, never text to write; `splice` writes.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from yaml.nodes import Node, ScalarNode

from bot.domain.target import Pin
from bot.rules.pins.tree import Chain, line, repeated

STAGE: Final = "MODEL_STAGE"
VERSION: Final = "MODEL_VERSION"
DIGEST: Final = "MODEL_DIGEST"
NAME: Final = "MODEL_NAME"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One scalar that holds a name, a value or both."""

    node: ScalarNode
    form: str
    """What it says: `{name}`, `{value}` or `{name}={value}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A name and its value, as they stand in the text."""

    value: str
    first: Node
    last: Node
    spots: tuple[Spot, ...]
    dashed: bool
    """An item of a list (with its dash, when the list is a block)."""
    flow: bool
    """Separated from its neighbours by commas: `{…}` or `[…]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """The one place of a document that carries a pin."""

    line: int
    chain: Chain
    """All that holds it, the document first."""
    stage: Entry | None = None
    version: Entry | None = None
    digest: Entry | None = None
    model: str | None = None
    """What MODEL_NAME says beside it."""
    config: str | None = None
    """The ConfigMap that holds it, when it is not the workload itself."""
    doubt: str | None = None
    """Why it cannot be edited."""
    elsewhere: bool = False
    """It only refers to a value that stands somewhere else."""

    @property
    def pin(self) -> Pin:
        """Return what it says now.  A MODEL_VERSION that is no number names no version."""
        version = self.version.value if self.version else ""
        number = int(version) if re.fullmatch(r"[0-9]{1,18}", version) else None
        digest = self.digest.value if self.digest else None
        return Pin(stage=self.stage.value if self.stage else "", version=number, digest=digest)


def doubt(carrier: Carrier, aliased: frozenset[int]) -> tuple[int, str] | None:
    """Return the line and the reason why this carrier cannot be edited safely, or None."""
    if carrier.doubt:
        return carrier.line, carrier.doubt
    entries = [entry for entry in (carrier.stage, carrier.version, carrier.digest) if entry]
    spots = [spot.node for entry in entries for spot in entry.spots]
    for node in (*carrier.chain, *(entry.first for entry in entries), *spots):
        if id(node) in aliased:
            return line(node), "used again by an alias (*…), so that one edit would change several places"
        if twice := repeated(node):
            return twice[1], f"the key {twice[0]} stands twice, and tools disagree on which one counts"
    return next((why for entry in entries for spot in entry.spots if (why := _odd(spot))), None)


def _odd(spot: Spot) -> tuple[int, str] | None:
    if spot.node.style in {"|", ">"}:
        return line(spot.node), "written as a block (| or >); write the value on one line"
    if any(mark in spot.node.value for mark in ("{{", "$(", "${")):
        return line(spot.node), f"filled in by a template ({spot.node.value}); Callboard edits plain values only"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One form in which manifests carry a pin."""

    name: str
    place: str
    """Where the pin is: "an entry of a container's env"."""
    carriers: Callable[[Node], Iterator[Carrier]]
    """Yields every place of a YAML document that carries MODEL_STAGE."""
