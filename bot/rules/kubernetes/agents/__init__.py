"""What GitOps agents say of a workload: which object applies it, which revision that applied, and why it waits.  Pure.

Agents decide nothing here about a rollout: what they do not say, or say oddly, changes nothing.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from bot.domain.cluster import AgentObject, AgentSeen
from bot.domain.json import Json
from bot.domain.target import NAMESPACE, WORKLOAD
from bot.rules.kubernetes.agents import argo, flux
from bot.rules.kubernetes.raw import Malformed, mapping

PATHS: Final[Mapping[str, str]] = {
    argo.APPLICATIONS: argo.PATH,
    argo.PROJECTS: argo.PATH,
    flux.KUSTOMIZATIONS: flux.KUSTOMIZE,
    flux.HELM_RELEASES: flux.HELM,
}
"""The API path of each kind, by its plural name."""
OPTIONAL: Final = tuple(PATHS)
ANNOTATIONS: Final = frozenset({argo.TRACKING, argo.SKIP})
"""Annotations of workloads and of agents' objects that are read here."""

Find = Callable[[AgentObject], Json | None]
"""Returns an agent's object as it was last seen; None if it was not."""


def owner_of(workload: Json, argo_namespace: str = argo.NAMESPACE) -> AgentObject | None:
    """Return the agent's object that applies a workload, as the workload's own labels and annotations say it.

    None: they say nothing, or what no agent would write.
    """
    try:
        labels, annotations = mapping(workload, "metadata", "labels"), mapping(workload, "metadata", "annotations")
        tracked = argo.tracked(workload, annotations, argo_namespace)
        found = tracked or flux.owner(labels) or argo.labelled(labels, argo_namespace)
    except Malformed:
        return None
    return found if found is not None and _valid(found) else None


def _valid(found: AgentObject) -> bool:
    return NAMESPACE.fullmatch(found.namespace) is not None and WORKLOAD.fullmatch(found.name) is not None


def read(owner: AgentObject, workload: Json, find: Find, *, repository: str, now: datetime) -> AgentSeen | None:
    """Return what the agent says of a workload; None if its object was not seen, is malformed, or of something else.

    `repository` is the one that holds the manifests, as owner/name: a revision of another one is no commit of ours.
    """
    try:
        found = find(owner)
        if found is None:
            return None
        if owner.resource == argo.APPLICATIONS:
            return argo.read(owner, found, workload, find, repository=repository, now=now)
        return flux.read(owner, found)
    except Malformed:
        return None


def prune(resource: str, obj: Json) -> Json:
    """Return what is kept of an agent's object, apart from its metadata: its inventory and its values may be large.

    Raises:
        Malformed: the object is not as its project documents it.
    """
    return argo.prune(resource, obj) if resource in {argo.APPLICATIONS, argo.PROJECTS} else flux.prune(obj)
