"""Pins as literals of a kustomization's configMapGenerator.

    configMapGenerator:
    - name: model
      literals:
      - MODEL_STAGE=staging
      - MODEL_VERSION=3

The name of the generated ConfigMap ends in a hash of its data, unless `disableNameSuffixHash` is set, so a new pin
restarts the pods.  Patches written inline
in the kustomization are text inside text and are refused.
https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/configmapgenerator/
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from yaml.nodes import Node, ScalarNode, SequenceNode

from bot.domain.reason import Name
from bot.domain.reasons.pins import InInlinePatch, NotALiteral, PinInLiterals
from bot.rules.pins.carrier import STAGE, Carrier, Entry, Format, Spot, each_stage
from bot.rules.pins.owner import ConfigMap, Elsewhere
from bot.rules.pins.tree import Chain, child, line, string, walk


def carriers(document: Node) -> Iterator[Carrier]:
    """Yield every generator that has a MODEL_STAGE, and every inline patch that has one, which is refused."""
    generators = child(document, "configMapGenerator")
    if isinstance(generators, SequenceNode):
        keeps = _keeps_name(child(document, "generatorOptions"))
        for generator in generators.value:
            hashed = not keeps and not _keeps_name(child(generator, "options"))
            yield from _carriers(Chain(generator, Chain(generators, Chain(document))), hashed=hashed)
    for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
        yield from _inline(document, child(document, key))


def _keeps_name(options: Node | None) -> bool:
    """Return whether the generated ConfigMap has the same name for ever, so that a change of it restarts no pod."""
    return string(child(options, "disableNameSuffixHash")) == "true"


def _carriers(chain: Chain, *, hashed: bool) -> Iterator[Carrier]:
    literals, name, namespace = (child(chain.node, key) for key in ("literals", "name", "namespace"))
    if isinstance(literals, SequenceNode):
        owner = ConfigMap(name=string(name) or "", namespace=namespace, generated=hashed)
        yield from each_stage(Chain(literals, chain), partial(_named, literals), owner)


def _named(literals: SequenceNode, name: str) -> list[Entry]:
    found = (_entry(node, name, flow=bool(literals.flow_style)) for node in literals.value)
    return [entry for entry in found if entry]


def _entry(node: Node, name: str, *, flow: bool) -> Entry | None:
    if child(node, name) is not None:  # a colon where kustomize wants `=`
        return Entry(
            value="", first=node, last=node, spots=(), dashed=True, flow=flow, doubt=NotALiteral(name=Name(name))
        )
    if not isinstance(node, ScalarNode):
        return None
    found = re.fullmatch(rf"{name}=(?P<quote>['\"]?)(?P<value>.*)(?P=quote)", node.value, re.DOTALL)
    if not found:  # kustomize strips one pair of quotes from the value
        return None
    form = "{name}=" + found["quote"] + "{value}" + found["quote"]
    return Entry(
        value=found["value"], first=node, last=node, spots=(Spot(node=node, form=form),), dashed=True, flow=flow
    )


def _inline(document: Node, patches: Node | None) -> Iterator[Carrier]:
    target = Elsewhere(namespace=None)
    for chain in walk(patches, Chain(document)) if patches else ():
        if isinstance(chain.node, ScalarNode) and STAGE in chain.node.value:
            yield Carrier(line=line(chain.node), chain=chain, apart=target, doubt=InInlinePatch())


FORMAT: Final = Format(name="kustomize", place=PinInLiterals(), carriers=carriers)
