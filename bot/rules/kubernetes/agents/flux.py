"""What Flux's Kustomization and HelmRelease say.

https://fluxcd.io/flux/components/kustomize/kustomizations/#kustomization-status
https://fluxcd.io/flux/components/helm/helmreleases/#helmrelease-status
"""

from collections.abc import Iterator
from typing import Final

from bot.domain.cluster import AgentObject, AgentSeen
from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.reasons.agents import ReconciliationFailed, Suspended, Undone, Waits
from bot.rules.kubernetes.agents.revisions import commits, last, named
from bot.rules.kubernetes.quoting import quote, quote_name
from bot.rules.kubernetes.raw import condition, flag, is_true, items, mapping, moment, text

KUSTOMIZATIONS: Final = "kustomizations"
KUSTOMIZE: Final = "/apis/kustomize.toolkit.fluxcd.io/v1"
HELM_RELEASES: Final = "helmreleases"
HELM: Final = "/apis/helm.toolkit.fluxcd.io/v2"
_LABELS: Final = (("helm.toolkit.fluxcd.io", HELM_RELEASES), ("kustomize.toolkit.fluxcd.io", KUSTOMIZATIONS))
"""The group whose labels `/name` and `/namespace` an agent writes on what it applies."""
_KINDS: Final = {KUSTOMIZATIONS: "Kustomization", HELM_RELEASES: "HelmRelease"}
PASSING: Final = frozenset({"DependencyNotReady", "HealthCheckCanceled", "Progressing"})
"""Reasons of a Ready condition that is False, with which Flux goes on by itself."""


def owner(labels: Json) -> AgentObject | None:
    """Return the object that applies something with these labels."""
    for group, resource in _LABELS:
        name, namespace = text(labels, f"{group}/name"), text(labels, f"{group}/namespace")
        if name and namespace:
            return AgentObject(resource=resource, namespace=namespace, name=name)
    return None


def read(owner: AgentObject, found: Json) -> AgentSeen:
    """Return what the object says.

    Raises:
        Malformed: it is not as Flux documents it.
    """
    agent, applied = named(_KINDS[owner.resource], owner), tuple(filter(None, _applied(found)))
    its = commits(applied) if owner.resource == KUSTOMIZATIONS else ()  # a HelmRelease names its chart's version
    waits = _waits(agent, found)
    return AgentSeen(name=agent, applied=its, waits=waits or last(agent, applied))


def _applied(found: Json) -> Iterator[str]:
    """Yield the revisions that are applied.

    `lastAppliedRevision` is written only after the health checks of `wait: true`.  `lastAttemptedRevision` is written
    before the manifests are built, so it counts only once its health checks are under way, or have failed.
    https://fluxcd.io/flux/components/kustomize/kustomizations/#last-attempted-revision
    """
    attempted, healthy, ready = (
        text(found, "status", "lastAttemptedRevision"),
        condition(found, "Healthy"),
        _ready(found),
    )
    checked = text(healthy, "status") == "Unknown" and attempted in text(healthy, "message")
    if checked or (text(ready, "status"), text(ready, "reason")) == ("False", "HealthCheckFailed"):
        yield attempted
    yield text(found, "status", "lastAppliedRevision")
    yield text(found, "status", "lastAppliedOriginRevision")  # of an OCI artifact: the commit that it was made of


def _ready(found: Json) -> Json:
    return condition(found, "Ready")


def _waits(agent: Name, found: Json) -> Reason | None:
    if flag(found, "spec", "suspend"):
        return Suspended(agent=agent)
    if is_true(found, "Remediated"):
        return Undone(agent=agent, said=quote(text(condition(found, "Remediated"), "message")))
    ready, stalled = _ready(found), condition(found, "Stalled")
    why = text(ready, "reason")
    if text(ready, "status") == "False" and why not in PASSING:
        return _failed(agent, ready)
    if text(stalled, "status") == "True":
        return _failed(agent, stalled)
    if text(ready, "status") == "False" or is_true(found, "Reconciling"):
        about = ready if text(ready, "status") == "False" else condition(found, "Reconciling")
        return Waits(agent=agent, said=quote(text(about, "message")))
    return None


def _failed(agent: Name, its: Json) -> ReconciliationFailed:
    return ReconciliationFailed(
        agent=agent,
        cause=quote_name(text(its, "reason")),
        said=quote(text(its, "message")),
        since=moment(its, "lastTransitionTime"),
    )


def prune(obj: Json) -> Json:
    """Return the fields that are read here."""
    status = mapping(obj, "status")
    kept = {key: value for key in _STATUS if (value := text(status, key))}
    suspended = {"suspend": True} if flag(obj, "spec", "suspend") else {}
    return {"spec": suspended, "status": kept | {"conditions": items(status, "conditions")}}


_STATUS: Final = ("lastAppliedRevision", "lastAppliedOriginRevision", "lastAttemptedRevision")
