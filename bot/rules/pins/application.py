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

from yaml.nodes import Node

from bot.domain.reason import Name
from bot.domain.reasons.pins import PathsDiffer, PinInParameters
from bot.rules.pins import listed
from bot.rules.pins.carrier import DIGEST, NAME, STAGE, VERSION, Carrier, Format
from bot.rules.pins.owner import holder, is_application
from bot.rules.pins.tree import Chain, child, children, line, string, under, walk

_NAMES: Final = re.compile(rf"((?:[\w-]+\.)*)({NAME}|{STAGE}|{VERSION}|{DIGEST})")
"""The path in the values, with its last dot, and a name of a pin."""


def carriers(document: Node) -> Iterator[Carrier]:
    """Yield every MODEL_STAGE among the Helm parameters of the Applications of a document."""
    for chain in walk(document):
        if _of_an_application(chain):
            yield from _carriers(chain)


def _carriers(chain: Chain) -> Iterator[Carrier]:
    labels = [label for item in children(chain[-1]) if (label := child(item, "name"))]
    found = [(label, match) for label in labels if (match := _NAMES.fullmatch(string(label) or ""))]
    paths = dict.fromkeys(match[1] for _, match in found if match[2] == STAGE)
    astray = [(label, match) for label, match in found if match[1] not in paths]
    for path in paths:
        stage = Name(path + STAGE)
        differ = (PathsDiffer(stage=stage, other=Name(match[0]), line=line(label)) for label, match in astray)
        doubt = next(differ, None)
        for carrier in listed.carriers(chain, holder(chain), path):
            yield replace(carrier, doubt=doubt or carrier.doubt)


def _of_an_application(chain: Chain) -> bool:
    """Return whether a chain ends in the Helm parameters of a source."""
    if not (under(chain, "parameters") and under(chain[:-1], "helm")):
        return False
    source = chain[:-2]
    top = source[:-1] if under(source, "source") else source[:-2] if under(source[:-1], "sources") else ()
    return len(top) > 1 and under(top, "spec") and is_application(top[-2])


FORMAT: Final = Format(name="application", place=PinInParameters(), carriers=carriers)
