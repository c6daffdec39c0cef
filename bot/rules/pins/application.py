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
from typing import Final

from yaml.nodes import Node

from bot.domain.reasons.pins import PinInParameters
from bot.rules.pins import listed
from bot.rules.pins.carrier import STAGE, Carrier, Format
from bot.rules.pins.owner import holder, is_application
from bot.rules.pins.tree import Chain, child, children, string, under, walk


def carriers(document: Node) -> Iterator[Carrier]:
    """Yield every MODEL_STAGE among the Helm parameters of the Applications of a document."""
    for chain in walk(document):
        if _of_an_application(chain):
            for path in dict.fromkeys(_paths(chain[-1])):
                yield from listed.carriers(chain, holder(chain), path)


def _paths(parameters: Node) -> Iterator[str]:
    """Yield what is before each MODEL_STAGE: the path in the values, with its last dot."""
    for item in children(parameters):
        if found := re.fullmatch(rf"((?:[\w-]+\.)*){STAGE}", string(child(item, "name")) or ""):
            yield found[1]


def _of_an_application(chain: Chain) -> bool:
    """Return whether a chain ends in the Helm parameters of a source."""
    if not (under(chain, "parameters") and under(chain[:-1], "helm")):
        return False
    source = chain[:-2]
    top = source[:-1] if under(source, "source") else source[:-2] if under(source[:-1], "sources") else ()
    return len(top) > 1 and under(top, "spec") and is_application(top[-2])


FORMAT: Final = Format(name="application", place=PinInParameters(), carriers=carriers)
