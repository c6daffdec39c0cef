"""Pins as a container's `env`, in any workload, patch or list.

    env:
    - name: MODEL_STAGE
      value: staging
    - {name: MODEL_VERSION, value: "3"}

Any list under a key `env` is read, so a custom resource (Rollout, InferenceService, CronJob) needs no code of its own.
"""

from collections.abc import Iterator
from typing import Final

from yaml.nodes import Node, SequenceNode

from bot.domain.reasons.pins import PinInEnv
from bot.rules.pins import listed
from bot.rules.pins.carrier import Carrier, Format
from bot.rules.pins.tree import under, walk


def carriers(document: Node) -> Iterator[Carrier]:
    """Yield every MODEL_STAGE among the environments of a document."""
    for chain in walk(document):
        if isinstance(chain.node, SequenceNode) and under(chain, "env"):
            yield from listed.carriers(chain, listed.by_name(chain.node))


FORMAT: Final = Format(name="env", place=PinInEnv(), carriers=carriers)
