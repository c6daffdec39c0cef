"""Pins in a list of names and values, as several formats have it.

- name: MODEL_STAGE
  value: staging
- {name: MODEL_VERSION, value: "3"}
"""

from collections.abc import Iterator
from functools import partial

from yaml.nodes import Node, ScalarNode, SequenceNode

from bot.domain.reason import Name, Reason
from bot.domain.reasons.pins import NoPlainValue, ValueFrom
from bot.rules.pins.carrier import Carrier, Entry, Spot, each_stage
from bot.rules.pins.owner import Owner
from bot.rules.pins.tree import Chain, child, string


def carriers(chain: Chain, owner: Owner, prefix: str = "") -> Iterator[Carrier]:
    """Yield every MODEL_STAGE in the list that ends the chain; in the text, `prefix` is before each name."""
    if isinstance(chain[-1], SequenceNode):
        yield from each_stage(chain, owner, partial(_named, chain[-1], prefix))


def _named(items: SequenceNode, prefix: str, name: str) -> list[Entry]:
    return [
        _entry(item, prefix, name, flow=bool(items.flow_style))
        for item in items.value
        if string(child(item, "name")) == prefix + name
    ]


def _entry(item: Node, prefix: str, name: str, *, flow: bool) -> Entry:
    label, value = child(item, "name"), child(item, "value")
    forms = ((label, prefix + "{name}"), (value, "{value}"))
    return Entry(
        value=string(value) or "",
        first=item,
        last=item,
        spots=tuple(Spot(node=node, form=form) for node, form in forms if isinstance(node, ScalarNode)),
        dashed=True,
        flow=flow,
        doubt=_doubt(item, name),
    )


def _doubt(item: Node, name: str) -> Reason | None:
    if child(item, "valueFrom") is not None:
        return ValueFrom(name=Name(name))
    return None if isinstance(child(item, "value"), ScalarNode) else NoPlainValue(name=Name(name))
