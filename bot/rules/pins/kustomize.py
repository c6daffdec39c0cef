"""Pins as literals of a kustomization's configMapGenerator.

    configMapGenerator:
    - name: model
      literals:
      - MODEL_STAGE=staging
      - MODEL_VERSION=3

The name of the generated ConfigMap ends in a hash of its data, so a new pin restarts the pods.  Patches written inline
in the kustomization are text inside text and are refused.
https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/configmapgenerator/
"""

import re
from collections.abc import Iterator
from typing import Final

from yaml.nodes import Node, ScalarNode, SequenceNode

from bot.domain.reason import Name, Reason
from bot.domain.reasons.pins import InInlinePatch, OnSeveralLines, PinInLiterals
from bot.rules.pins.carrier import DIGEST, NAME, STAGE, VERSION, Carrier, Entry, Format, Spot
from bot.rules.pins.owner import ConfigMap, Elsewhere
from bot.rules.pins.tree import child, line, string, walk


def carriers(document: Node) -> Iterator[Carrier]:
    """Yield every generator that has a MODEL_STAGE, and every inline patch that has one, which is refused."""
    generators = child(document, "configMapGenerator")
    for generator in generators.value if isinstance(generators, SequenceNode) else ():
        literals = child(generator, "literals")
        if isinstance(literals, SequenceNode):
            chain = (document, generators, generator, literals)
            yield from _carriers((*(node for node in chain if node),), literals)
    for key in ("patches", "patchesStrategicMerge", "patchesJson6902"):
        yield from _inline(document, child(document, key))


def _carriers(chain: tuple[Node, ...], literals: SequenceNode) -> Iterator[Carrier]:
    entries = {name: _named(literals, name) for name in (NAME, STAGE, VERSION, DIGEST)}
    versions, digests, generator = entries[VERSION], entries[DIGEST], chain[-2]
    for stage in entries[STAGE]:
        yield Carrier(
            line=line(stage.first),
            chain=chain,
            owner=ConfigMap(
                name=string(child(generator, "name")) or "", namespace=string(child(generator, "namespace"))
            ),
            stage=stage,
            version=versions[0] if versions else None,
            digest=digests[0] if digests else None,
            model=entries[NAME][0].value if entries[NAME] else None,
            doubt=_doubt(VERSION, versions) or _doubt(DIGEST, digests),
        )


def _doubt(name: str, entries: list[Entry]) -> Reason | None:
    lines = tuple(line(entry.first) for entry in entries)
    return OnSeveralLines(name=Name(name), lines=lines) if len(entries) > 1 else None


def _named(literals: SequenceNode, name: str) -> list[Entry]:
    return [
        entry
        for node in literals.value
        if isinstance(node, ScalarNode) and (entry := _entry(node, name, flow=bool(literals.flow_style)))
    ]


def _entry(node: ScalarNode, name: str, *, flow: bool) -> Entry | None:
    found = re.fullmatch(rf"{name}=(?P<quote>['\"]?)(?P<value>.*)(?P=quote)", node.value, re.DOTALL)
    if not found:  # kustomize strips one pair of quotes from the value
        return None
    form = "{name}=" + found["quote"] + "{value}" + found["quote"]
    return Entry(
        value=found["value"], first=node, last=node, spots=(Spot(node=node, form=form),), dashed=True, flow=flow
    )


def _inline(document: Node, patches: Node | None) -> Iterator[Carrier]:
    target = Elsewhere(namespace=None)
    for chain in walk(patches) if patches else ():
        if isinstance(chain[-1], ScalarNode) and STAGE in chain[-1].value:
            yield Carrier(line=line(chain[-1]), chain=(document, *chain), owner=target, doubt=InInlinePatch())


FORMAT: Final = Format(name="kustomize", place=PinInLiterals(), carriers=carriers)
