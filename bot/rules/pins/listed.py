"""Pins in a list of names and values, as several formats have it.

- name: MODEL_STAGE
  value: staging
- {name: MODEL_VERSION, value: "3"}
"""

from collections.abc import Iterator, Mapping, Sequence

from yaml.nodes import Node, ScalarNode, SequenceNode

from bot.domain.reason import Name, Reason
from bot.domain.reasons.pins import NoPlainValue, ValueFrom
from bot.rules.pins.carrier import Carrier, Entry, Spot, each_stage
from bot.rules.pins.tree import Chain, child, string


def by_name(items: Node) -> Mapping[str, Sequence[Node]]:
    """Return the items of a list by name."""
    found: dict[str, list[Node]] = {}
    for item in items.value if isinstance(items, SequenceNode) else ():
        found.setdefault(string(child(item, "name")) or "", []).append(item)
    return found


def carriers(chain: Chain, items: Mapping[str, Sequence[Node]], prefix: str = "") -> Iterator[Carrier]:
    """Yield every MODEL_STAGE among these items of the chain's list; in the text, `prefix` is before each name."""
    flow = isinstance(chain.node, SequenceNode) and bool(chain.node.flow_style)

    def named(name: str) -> list[Entry]:
        return [_entry(item, prefix, name, flow=flow) for item in items.get(prefix + name, ())]

    return each_stage(chain, named)


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
