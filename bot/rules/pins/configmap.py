"""Pins as keys of a ConfigMap's `data`, for workloads that take their environment from one.

    kind: ConfigMap
    data:
      MODEL_STAGE: staging
      MODEL_VERSION: "3"

A plain ConfigMap restarts no pod when it changes; one made by kustomize does (see `kustomize`).
"""

from collections.abc import Iterator
from functools import partial
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode

from bot.domain.reason import Name
from bot.domain.reasons.pins import NotAString, PinInData
from bot.rules.pins.carrier import Carrier, Entry, Format, Spot, each_stage
from bot.rules.pins.owner import ConfigMap
from bot.rules.pins.tree import child, string, under, walk


def carriers(document: Node) -> Iterator[Carrier]:
    """Yield every ConfigMap of a document that has a MODEL_STAGE."""
    for chain in walk(document):
        data, above = chain.node, chain.above
        if above is None or not isinstance(data, MappingNode) or not under(chain, "data"):
            continue
        if string(above.values.get("kind")) == "ConfigMap":
            metadata = above.values.get("metadata")
            owner = ConfigMap(name=string(child(metadata, "name")) or "", namespace=child(metadata, "namespace"))
            yield from each_stage(chain, partial(_named, data), owner)


def _named(data: MappingNode, name: str) -> list[Entry]:
    pairs = [(key, value) for key, value in data.value if isinstance(key, ScalarNode) and key.value == name]
    return [_entry(key, value, flow=bool(data.flow_style)) for key, value in pairs]


def _entry(key: ScalarNode, value: Node, *, flow: bool) -> Entry:
    doubt = None if isinstance(value, ScalarNode) else NotAString(name=Name(key.value))
    forms = ((key, "{name}"), (value, "{value}"))
    spots = tuple(Spot(node=node, form=form) for node, form in forms if isinstance(node, ScalarNode))
    return Entry(value=string(value) or "", first=key, last=value, spots=spots, dashed=False, flow=flow, doubt=doubt)


FORMAT: Final = Format(name="configmap", place=PinInData(), carriers=carriers)
