"""Pins as literals of a kustomization's configMapGenerator.

    configMapGenerator:
    - name: model
      literals:
      - MODEL_STAGE=staging
      - MODEL_VERSION=3

The name of the ConfigMap that comes of it ends in a hash of its data, so that a new pin restarts the pods.  Patches
written inline in the kustomization are text inside text, and refused.
https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/configmapgenerator/
"""

import re
from collections.abc import Iterator
from typing import Final

from yaml.nodes import Node, ScalarNode, SequenceNode

from bot.rules.pins.carrier import DIGEST, NAME, STAGE, VERSION, Carrier, Entry, Format, Spot
from bot.rules.pins.tree import child, line, string, walk

INLINE = "in a patch written inline, which Callboard does not edit; move it to a file of its own (patches: - path: …)"


def carriers(document: Node) -> Iterator[Carrier]:
    """Yield every generator that names a stage, and every inline patch that does, which is refused."""
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
    versions, digests = entries[VERSION], entries[DIGEST]
    for stage in entries[STAGE]:
        yield Carrier(
            line=line(stage.first),
            chain=chain,
            stage=stage,
            version=versions[0] if versions else None,
            digest=digests[0] if digests else None,
            model=entries[NAME][0].value if entries[NAME] else None,
            config=string(child(chain[-2], "name")),
            doubt=_doubt(VERSION, versions) or _doubt(DIGEST, digests),
        )


def _doubt(name: str, entries: list[Entry]) -> str | None:
    lines = " and ".join(str(line(entry.first)) for entry in entries)
    return f"{name} stands on lines {lines}; leave one" if len(entries) > 1 else None


def _named(literals: SequenceNode, name: str) -> list[Entry]:
    return [
        entry
        for node in literals.value
        if isinstance(node, ScalarNode) and (entry := _entry(node, name, flow=bool(literals.flow_style)))
    ]


def _entry(node: ScalarNode, name: str, *, flow: bool) -> Entry | None:
    said = re.fullmatch(rf"{name}=(?P<quote>['\"]?)(?P<value>.*)(?P=quote)", node.value, re.DOTALL)
    if not said:  # kustomize takes one pair of quotes off the value
        return None
    form = "{name}=" + said["quote"] + "{value}" + said["quote"]
    return Entry(
        value=said["value"], first=node, last=node, spots=(Spot(node=node, form=form),), dashed=True, flow=flow
    )


def _inline(document: Node, patches: Node | None) -> Iterator[Carrier]:
    for chain in walk(patches) if patches else ():
        if isinstance(chain[-1], ScalarNode) and STAGE in chain[-1].value:
            yield Carrier(line=line(chain[-1]), chain=(document, *chain), doubt=f"{STAGE} stands {INLINE}")


FORMAT: Final = Format(name="kustomize", place="a literal of a configMapGenerator", carriers=carriers)
