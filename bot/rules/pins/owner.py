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
    namespace: Node | None
    generated: bool = False
    """kustomize makes it, with a new name for new data; so a new pin restarts the pods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """The workload is not in these manifests: a Helm chart contains it, for example."""

    namespace: Node | None
    """Where it will be, if the object that installs it says so: nothing overrides that."""
    installer: Node | None = None
    """The object whose own namespace counts where `namespace` is None."""


Owner: TypeAlias = Itself | ConfigMap | Elsewhere


def holder(chain: Chain) -> Itself | Elsewhere:
    """Return the owner of a pin that is in the environment of the workload itself.

    What an Argo CD Application contains is for the workload of its chart, in the namespace of its destination; likewise
    in an ApplicationSet's template, and in a Flux HelmRelease, whose own namespace counts without `targetNamespace`.
    https://fluxcd.io/flux/components/helm/helmreleases/#target-namespace
    """
    application = next((each for each in chain.upwards if is_application(each)), None)
    if application is not None:
        return Elsewhere(namespace=_destination(application.values.get("spec")))
    owner = resource(chain)
    if group(owner) == "argoproj.io" and string(child(owner, "kind")) == "ApplicationSet":
        return Elsewhere(namespace=_destination(child(child(child(owner, "spec"), "template"), "spec")))
    if group(owner) == "helm.toolkit.fluxcd.io":
        return Elsewhere(namespace=child(child(owner, "spec"), "targetNamespace"), installer=owner)
    return Itself(node=owner)


def _destination(spec: Node | None) -> Node | None:
    return child(child(spec, "destination"), "namespace")


def resource(chain: Chain) -> Node | None:
    """Return the innermost object with a kind: the document, or an item of a List."""
    return next((each.node for each in chain.upwards if {"kind", "metadata"} <= each.values.keys()), None)


def is_application(chain: Chain) -> bool:
    """Return whether an object is an Argo CD Application."""
    return group(chain.node) == "argoproj.io" and string(chain.values.get("kind")) == "Application"


def group(node: Node | None) -> str:
    """Return an object's API group; empty for the core group, and where there is none."""
    return (string(child(node, "apiVersion")) or "").rpartition("/")[0]
