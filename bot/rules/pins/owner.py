"""Whose environment a pin sets: which workload, as the manifests say it.

A format gives every carrier an owner; `names` turns it into the workload's name and namespace.
"""

from dataclasses import dataclass
from typing import TypeAlias

from yaml.nodes import Node

from bot.rules.pins.tree import Chain, child, string


@dataclass(frozen=True, slots=True, kw_only=True)
class Itself:
    """The object that contains the pin is the workload."""

    node: Node | None
    """None: the document does not say what it is, as a patch that a kustomization targets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMap:
    """The pin is in a ConfigMap; the workload is the one that takes its environment from it."""

    name: str
    """As the manifests of the workload write it; empty if the ConfigMap has none."""
    namespace: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """The workload is not in these manifests: a Helm chart contains it, for example."""

    namespace: str | None
    """Where it will be, if the manifests say so."""


Owner: TypeAlias = Itself | ConfigMap | Elsewhere


def holder(chain: Chain) -> Itself | Elsewhere:
    """Return the owner of a pin that is in the environment of the workload itself.

    What an Argo CD Application contains is for the workload of its chart, in the namespace of its destination.
    """
    application = next((each for each in chain.upwards if is_application(each)), None)
    if application is not None:
        destination = child(application.values.get("spec"), "destination")
        return Elsewhere(namespace=string(child(destination, "namespace")))
    return Itself(node=resource(chain))


def resource(chain: Chain) -> Node | None:
    """Return the innermost object with a kind: the document, or an item of a List."""
    return next((each.node for each in chain.upwards if {"kind", "metadata"} <= each.values.keys()), None)


def is_application(chain: Chain) -> bool:
    """Return whether an object is an Argo CD Application."""
    group = (string(chain.values.get("apiVersion")) or "").partition("/")[0]
    return group == "argoproj.io" and string(chain.values.get("kind")) == "Application"
