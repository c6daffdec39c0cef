"""Where the pin is in a document, as a format found it: data, and the doubts that forbid an edit.

It holds places, never text to write; `splice` writes.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from yaml.nodes import Node, ScalarNode

from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.pins import FilledIn, KeyTwice, OnSeveralLines, UsedByAlias, ValueFrom, ValueIsBlock
from bot.domain.target import Pin
from bot.rules.pins.owner import ConfigMap, Elsewhere, Owner, holder
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
    """What it holds: `{name}`, `{value}` or `{name}={value}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A name and its value, as they are in the text."""

    value: str
    first: Node
    last: Node
    spots: tuple[Spot, ...]
    dashed: bool
    """An item of a list (with its dash, when the list is a block)."""
    flow: bool
    """Separated from its neighbours by commas: `{…}` or `[…]`."""
    doubt: Reason | None = None
    """Why its value cannot be edited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """The one place of a document that carries a pin."""

    line: int
    chain: Chain
    """The nodes that hold it."""
    apart: ConfigMap | Elsewhere | None = None
    """Which workload it is for, if not what holds it."""
    stage: Entry | None = None
    version: Entry | None = None
    digest: Entry | None = None
    model: str | None = None
    """The MODEL_NAME beside it."""
    doubt: Reason | None = None
    """Why it cannot be edited."""

    @property
    def owner(self) -> Owner:
        """Return which workload it is for."""
        return self.apart or holder(self.chain)

    @property
    def refers(self) -> bool:
        """Return whether it only refers to a value that is somewhere else."""
        return self.stage is not None and isinstance(self.stage.doubt, ValueFrom)

    @property
    def pin(self) -> Pin:
        """Return what it pins now.  A MODEL_VERSION that is not a number is no version."""
        version = self.version.value if self.version else ""
        number = int(version) if re.fullmatch(r"[0-9]{1,18}", version) else None
        digest = self.digest.value if self.digest else None
        return Pin(stage=self.stage.value if self.stage else "", version=number, digest=digest)


def each_stage(
    chain: Chain, named: Callable[[str], Sequence[Entry]], apart: ConfigMap | Elsewhere | None = None
) -> Iterator[Carrier]:
    """Yield a carrier for every MODEL_STAGE of one environment, in which `named` finds the entries of a name."""
    versions, digests, models = named(VERSION), named(DIGEST), named(NAME)
    doubt = _doubtful(VERSION, versions) or _doubtful(DIGEST, digests)
    for stage in named(STAGE):
        yield Carrier(
            line=line(stage.first),
            chain=chain,
            apart=apart,
            stage=stage,
            version=versions[0] if versions else None,
            digest=digests[0] if digests else None,
            model=(models[0].value or None) if len(models) == 1 else None,
            doubt=stage.doubt or doubt,
        )


def _doubtful(name: str, entries: Sequence[Entry]) -> Reason | None:
    if len(entries) > 1:
        return OnSeveralLines(name=Name(name), lines=tuple(line(entry.first) for entry in entries))
    return next((entry.doubt for entry in entries), None)


def doubt(carrier: Carrier, aliased: frozenset[int]) -> tuple[int, Reason] | None:
    """Return the line and the reason why this carrier cannot be edited safely, or None."""
    if carrier.doubt:
        return carrier.line, carrier.doubt
    entries = [entry for entry in (carrier.stage, carrier.version, carrier.digest) if entry]
    spots = [spot.node for entry in entries for spot in entry.spots]
    holders = reversed([each.node for each in carrier.chain.upwards])
    for node in (*holders, *(entry.first for entry in entries), *spots):
        if id(node) in aliased:
            return line(node), UsedByAlias()
        if twice := repeated(node):
            return twice[1], KeyTwice(key=Name(twice[0]))
    return next(((line(node), why) for node in spots if (why := _not_plain(node))), None)


def _not_plain(node: ScalarNode) -> Reason | None:
    if node.style in {"|", ">"}:
        return ValueIsBlock()
    return FilledIn(value=Said(node.value)) if is_template(node) else None


def is_template(node: ScalarNode) -> bool:
    """Return whether something fills in a part of the value later: Helm, Kubernetes or a shell's syntax."""
    return any(mark in node.value for mark in ("{{", "$(", "${"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One form in which manifests carry a pin."""

    name: str
    place: Reason
    """Where the pin is."""
    carriers: Callable[[Node], Iterator[Carrier]]
    """Yields every place of a YAML document that carries MODEL_STAGE."""
