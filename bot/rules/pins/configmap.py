"""Pins as keys of a ConfigMap's `data`, for workloads that take their environment from one.

    kind: ConfigMap
    data:
      MODEL_STAGE: staging
      MODEL_VERSION: "3"

A plain ConfigMap restarts no pod when it changes; one made by kustomize does (see `kustomize`).
"""

from collections.abc import Iterator
from typing import Final

from yaml.nodes import MappingNode, Node, ScalarNode

from bot.domain.reason import Name, Reason
from bot.domain.reasons.pins import NotAString, PinInData
from bot.rules.pins.carrier import DIGEST, NAME, STAGE, VERSION, Carrier, Entry, Format, Spot
from bot.rules.pins.owner import ConfigMap
from bot.rules.pins.tree import Chain, child, line, string, under, walk


def carriers(document: Node) -> Iterator[Carrier]:
    """Yield every ConfigMap of a document that has a MODEL_STAGE."""
    for chain in walk(document):
        data = chain[-1]
        if isinstance(data, MappingNode) and under(chain, "data") and string(child(chain[-2], "kind")) == "ConfigMap":
            yield from _carrier(chain, data)


def _carrier(chain: Chain, data: MappingNode) -> Iterator[Carrier]:
    pairs = {key.value: (key, value) for key, value in data.value if isinstance(key, ScalarNode)}
    metadata = child(chain[-2], "metadata")
    if STAGE in pairs:
        yield Carrier(
            line=line(pairs[STAGE][0]),
            chain=chain,
            owner=ConfigMap(name=string(child(metadata, "name")) or "", namespace=string(child(metadata, "namespace"))),
            stage=_entry(*pairs[STAGE], flow=bool(data.flow_style)),
            version=_entry(*pairs[VERSION], flow=bool(data.flow_style)) if VERSION in pairs else None,
            digest=_entry(*pairs[DIGEST], flow=bool(data.flow_style)) if DIGEST in pairs else None,
            model=string(child(data, NAME)),
            doubt=_doubt(pairs),
        )


def _doubt(pairs: dict[str, tuple[ScalarNode, Node]]) -> Reason | None:
    for name in (STAGE, VERSION, DIGEST):
        if name in pairs and not isinstance(pairs[name][1], ScalarNode):
            return NotAString(name=Name(name))
    return None


def _entry(key: ScalarNode, value: Node, *, flow: bool) -> Entry | None:
    if not isinstance(value, ScalarNode):
        return None
    spots = (Spot(node=key, form="{name}"), Spot(node=value, form="{value}"))
    return Entry(value=string(value) or "", first=key, last=value, spots=spots, dashed=False, flow=flow)


FORMAT: Final = Format(name="configmap", place=PinInData(), carriers=carriers)
