"""Pins as Helm parameters of an Argo CD Application, in its `source` or one of its `sources`.

    helm:
      parameters:
      - {name: env.MODEL_STAGE, value: staging}
      - {name: env.MODEL_VERSION, value: "3"}

A name is a path in the chart's values; all names of a pin have the same path, or none.
https://argo-cd.readthedocs.io/en/stable/user-guide/helm/#helm-parameters
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from yaml.nodes import Node, SequenceNode

from bot.domain.reason import Name
from bot.domain.reasons.pins import PathsDiffer, PinInParameters
from bot.rules.pins import listed
from bot.rules.pins.carrier import DIGEST, NAME, STAGE, VERSION, Carrier, Format
from bot.rules.pins.owner import is_application
from bot.rules.pins.tree import Chain, child, children, line, string, under, walk

_NAMES: Final = re.compile(rf"((?:[\w-]+\.)*)({NAME}|{STAGE}|{VERSION}|{DIGEST})")
"""The path in the values, with its last dot, and a name of a pin."""


def carriers(document: Node) -> Iterator[Carrier]:
    """Yield every MODEL_STAGE among the Helm parameters of the Applications of a document."""
    for chain in walk(document):
        if isinstance(chain.node, SequenceNode) and _of_an_application(chain):
            yield from _carriers(chain)


def _carriers(chain: Chain) -> Iterator[Carrier]:
    labels = [label for item in children(chain.node) if (label := child(item, "name"))]
    found = [(label, match) for label in labels if (match := _NAMES.fullmatch(string(label) or ""))]
    paths = dict.fromkeys(match[1] for _, match in found if match[2] == STAGE)
    astray = [(label, match) for label, match in found if match[1] not in paths]
    items = listed.by_name(chain.node)
    for path in paths:
        stage = Name(path + STAGE)
        differ = (PathsDiffer(stage=stage, other=Name(match[0]), line=line(label)) for label, match in astray)
        doubt = next(differ, None)
        for carrier in listed.carriers(chain, items, path):
            yield replace(carrier, doubt=doubt or carrier.doubt)


def _of_an_application(chain: Chain) -> bool:
    """Return whether a chain ends in the Helm parameters of a source."""
    helm = chain.above if under(chain, "parameters") else None
    source = helm.above if helm is not None and under(helm, "helm") else None
    if source is None:
        return False
    listed_in = source.above if under(source.above, "sources") else None
    spec = source.above if under(source, "source") else listed_in.above if listed_in is not None else None
    return spec is not None and spec.above is not None and under(spec, "spec") and is_application(spec.above)


FORMAT: Final = Format(name="application", place=PinInParameters(), carriers=carriers)
