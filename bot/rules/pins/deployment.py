"""Pins as a container's `env`: Deployments and all other workloads, kustomize patches and lists included.

    env:
    - name: MODEL_STAGE
      value: staging
    - {name: MODEL_VERSION, value: "3"}

Any list under a key `env` is read, so a custom resource (Rollout, InferenceService, CronJob) needs no code of its own.
"""

from collections.abc import Iterator
from typing import Final

from yaml.nodes import Node, ScalarNode, SequenceNode

from bot.domain.reason import Name, Reason
from bot.domain.reasons.pins import NoPlainValue, OnSeveralLines, PinInEnv, ValueFrom
from bot.rules.pins.carrier import DIGEST, NAME, STAGE, VERSION, Carrier, Entry, Format, Spot
from bot.rules.pins.owner import holder
from bot.rules.pins.tree import Chain, child, line, string, under, walk


def carriers(document: Node) -> Iterator[Carrier]:
    """Yield every MODEL_STAGE among the environments of a document."""
    for chain in walk(document):
        env = chain[-1]
        if isinstance(env, SequenceNode) and under(chain, "env"):
            yield from (carrier(chain, env, item) for item in _named(env, STAGE))


def _named(env: SequenceNode, name: str) -> list[Node]:
    return [item for item in env.value if string(child(item, "name")) == name]


def carrier(chain: Chain, env: SequenceNode, stage: Node, prefix: str = "") -> Carrier:
    """Return the carrier of a list of `{name, value}`: its entry `stage`, and those whose names begin alike."""
    versions, digests = _named(env, prefix + VERSION), _named(env, prefix + DIGEST)
    models = [string(child(item, "value")) for item in _named(env, prefix + NAME)]
    return Carrier(
        line=line(stage),
        chain=chain,
        owner=holder(chain),
        stage=_entry(stage, prefix, flow=bool(env.flow_style)),
        version=_entry(versions[0], prefix, flow=bool(env.flow_style)) if versions else None,
        digest=_entry(digests[0], prefix, flow=bool(env.flow_style)) if digests else None,
        model=models[0] if len(models) == 1 else None,
        doubt=_doubt(STAGE, [stage]) or _doubt(VERSION, versions) or _doubt(DIGEST, digests),
        elsewhere=child(stage, "valueFrom") is not None,
    )


def _doubt(name: str, items: list[Node]) -> Reason | None:
    """Return why these entries of one name cannot be edited, or None."""
    if len(items) > 1:
        return OnSeveralLines(name=Name(name), lines=tuple(line(item) for item in items))
    for item in items:
        if child(item, "valueFrom") is not None:
            return ValueFrom(name=Name(name))
        if not isinstance(child(item, "value"), ScalarNode):
            return NoPlainValue(name=Name(name))
    return None


def _entry(item: Node, prefix: str, *, flow: bool) -> Entry | None:
    name, value = child(item, "name"), child(item, "value")
    if not isinstance(name, ScalarNode) or not isinstance(value, ScalarNode):
        return None
    return Entry(
        value=string(value) or "",
        first=item,
        last=item,
        spots=(Spot(node=name, form=prefix + "{name}"), Spot(node=value, form="{value}")),
        dashed=True,
        flow=flow,
    )


FORMAT: Final = Format(name="deployment", place=PinInEnv(), carriers=carriers)
