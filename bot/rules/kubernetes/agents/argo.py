"""What Argo CD's Application says.

https://argo-cd.readthedocs.io/en/stable/user-guide/resource_tracking/
https://github.com/argoproj/argo-cd/blob/37ee0097cf851bc2dd7665fc081bbce61a7e836e/pkg/apis/application/v1alpha1/types.go
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from bot.domain.cluster import AgentObject, AgentSeen
from bot.domain.json import Json
from bot.domain.reason import Name, Reason
from bot.domain.reasons.agents import CannotCompare, OutOfSync, Suspended, SyncFailed, Waits, WaitsForWindow
from bot.rules.kubernetes.agents import windows
from bot.rules.kubernetes.agents.revisions import commits, last, named
from bot.rules.kubernetes.quoting import quote
from bot.rules.kubernetes.raw import at, flag, items, mapping, moment, text, texts

APPLICATIONS: Final = "applications"
PROJECTS: Final = "appprojects"
PATH: Final = "/apis/argoproj.io/v1alpha1"
NAMESPACE: Final = "argocd"
TRACKING: Final = "argocd.argoproj.io/tracking-id"
SKIP: Final = "argocd.argoproj.io/skip-reconcile"
INSTANCE: Final = "app.kubernetes.io/instance"
BLOCKED: Final = "Sync operation blocked by sync window"
"""The message of an operation that waits for a window; an automatic sync leaves no such trace.
https://github.com/argoproj/argo-cd/blob/37ee0097cf851bc2dd7665fc081bbce61a7e836e/controller/sync.go"""
UNREADABLE: Final = frozenset({"ComparisonError", "InvalidSpecError", "UnknownError"})
"""Conditions with which Argo CD neither compares nor syncs."""


def tracked(workload: Json, annotations: Json, namespace: str) -> AgentObject | None:
    """Return the Application that the annotation of a workload names.

    It is `APP:GROUP/KIND:NAMESPACE/NAME`, and APP is `NAMESPACE_APP` outside Argo CD's own namespace.  Of an annotation
    that is about another object, as a copy has it, Argo CD takes no notice.
    """
    app, _, about = text(annotations, TRACKING).partition(":")
    if not app or about != _about(workload):
        return None
    home, _, name = app.rpartition("_")
    return AgentObject(resource=APPLICATIONS, namespace=home or namespace, name=name)


def _about(workload: Json) -> str:
    group, meta = text(workload, "apiVersion").rpartition("/")[0], mapping(workload, "metadata")
    return f"{group}/{text(workload, 'kind')}:{text(meta, 'namespace')}/{text(meta, 'name')}"


def labelled(labels: Json, namespace: str) -> AgentObject | None:
    """Return the Application that the label may name; charts write the same label, so its resources must agree."""
    name = text(labels, INSTANCE)
    return AgentObject(resource=APPLICATIONS, namespace=namespace, name=name) if name else None


def read(
    owner: AgentObject,
    found: Json,
    workload: Json,
    find: Callable[[AgentObject], Json | None],
    *,
    repository: str,
    now: datetime,
) -> AgentSeen | None:
    """Return what the Application says; None if it does not manage the workload.

    Raises:
        Malformed: it is not as Argo CD documents it.
    """
    if not any(_is(each, workload) for each in items(found, "status", "resources")):
        return None
    agent, applied = named("Application", owner), tuple(filter(None, _applied(found, repository)))
    waits = _waits(agent, found, lambda: _project(owner, found, find), now)
    return AgentSeen(name=agent, applied=commits(applied), waits=waits or last(agent, applied))


def _is(resource: Json, workload: Json) -> bool:
    return (
        f"{text(resource, 'group')}/{text(resource, 'kind')}:{text(resource, 'namespace')}/{text(resource, 'name')}"
        == (_about(workload))
    )


def _project(owner: AgentObject, found: Json, find: Callable[[AgentObject], Json | None]) -> Json | None:
    """Return the project, which is in the namespace of Argo CD's controller."""
    home = text(found, "status", "controllerNamespace") or owner.namespace
    name = text(found, "spec", "project") or "default"
    return find(AgentObject(resource=PROJECTS, namespace=home, name=name))


# ── which revision ───────────────────────────────────────────────────────────────────────────────────


def _applied(found: Json, repository: str) -> Iterator[str]:
    """Yield the revisions of our repository that are applied: those in sync with the cluster, and the last synced.

    `sync.revision` is only what was compared with, unless that is Synced.  A sync of chosen resources, or a dry run,
    did not apply its revision.
    """
    if at(found, "spec", "sourceHydrator") is not None:
        return  # its revisions are of the branch with the rendered manifests
    sync, operation = mapping(found, "status", "sync"), mapping(found, "status", "operationState")
    if text(sync, "status") == "Synced":
        compared = mapping(sync, "comparedTo") or mapping(found, "spec")
        yield from _ours(sync, compared, repository)
    asked, result = mapping(operation, "operation", "sync"), mapping(operation, "syncResult")
    whole = not items(asked, "resources") and not flag(asked, "dryRun")
    if text(operation, "phase") == "Succeeded" and whole:
        yield from _ours(result, result, repository)


def _ours(revisions: Json, sources: Json, repository: str) -> Iterator[str]:
    """Yield the revisions whose source is our repository."""
    many = items(sources, "sources")
    pairs = (
        zip(many, texts(revisions, "revisions"), strict=False)
        if many
        else [(mapping(sources, "source"), text(revisions, "revision"))]
    )
    yield from (revision for source, revision in pairs if _same(text(source, "repoURL"), repository))


def _same(url: str, repository: str) -> bool:
    """Return whether a URL, over HTTPS or SSH, is that of the repository owner/name."""
    path = url.lower().rstrip("/").removesuffix(".git").replace(":", "/")
    return path.split("/")[-2:] == repository.lower().split("/")


# ── why it waits ─────────────────────────────────────────────────────────────────────────────────────


def _waits(agent: Name, found: Json, project: Callable[[], Json | None], now: datetime) -> Reason | None:
    status = mapping(found, "status")
    if text(found, "metadata", "annotations", SKIP) == "true":
        return Suspended(agent=agent)
    if text(status, "operationState", "phase") == "Running":
        return _running(agent, found, project, now)
    conditions = {text(each, "type"): text(each, "message") for each in items(status, "conditions")}
    if (unreadable := min(UNREADABLE & conditions.keys(), default=None)) is not None:
        return CannotCompare(agent=agent, said=quote(conditions[unreadable]))
    if text(status, "sync", "status") != "OutOfSync":
        return None
    return _failed(agent, status, conditions) or _out_of_sync(agent, found, project, now)


def _running(agent: Name, found: Json, project: Callable[[], Json | None], now: datetime) -> Reason:
    message = text(found, "status", "operationState", "message")
    if message.startswith(BLOCKED):
        return WaitsForWindow(agent=agent, until=windows.opens(project() or {}, found, now))
    return Waits(agent=agent, said=quote(message or "syncing"))


def _out_of_sync(agent: Name, found: Json, project: Callable[[], Json | None], now: datetime) -> Reason:
    its = project()
    if its is not None and windows.blocked(its, found, now):
        return WaitsForWindow(agent=agent, until=windows.opens(its, found, now))
    automated = at(found, "spec", "syncPolicy", "automated")
    return OutOfSync(agent=agent, automatic=automated is not None and at(automated, "enabled") is not False)


def _failed(agent: Name, status: Json, conditions: dict[str, str]) -> SyncFailed | None:
    """Return the failure of the revision that is wanted; that of an older one says nothing of the change."""
    operation = mapping(status, "operationState")
    result, sync = mapping(operation, "syncResult"), mapping(status, "sync")
    same = not result or (text(result, "revision"), texts(result, "revisions")) == (
        text(sync, "revision"),
        texts(sync, "revisions"),
    )
    if text(operation, "phase") in {"Failed", "Error"} and same:
        said = text(operation, "message") or conditions.get("SyncError", "")
        return SyncFailed(agent=agent, said=quote(said), at=moment(operation, "finishedAt"))
    if "SyncError" in conditions:
        return SyncFailed(agent=agent, said=quote(conditions["SyncError"]))
    return None


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────


def prune(resource: str, obj: Json) -> Json:
    """Return the fields that are read here: of a large Application, its history and its manifests are not."""
    spec, status = mapping(obj, "spec"), mapping(obj, "status")
    if resource == PROJECTS:
        return {"spec": {"syncWindows": items(spec, "syncWindows")}}
    operation, result = mapping(status, "operationState"), mapping(status, "operationState", "syncResult")
    asked = mapping(operation, "operation", "sync")
    kept: Json = {
        **{field: operation[field] for field in ("phase", "message", "finishedAt") if field in operation},
        "operation": {"sync": {field: asked[field] for field in ("resources", "dryRun") if field in asked}},
        "syncResult": {field: result[field] for field in ("revision", "revisions") if field in result}
        | _sources(result),
    }
    return {
        "spec": {
            **_sources(spec),
            **{field: spec[field] for field in ("destination", "project", "syncPolicy") if field in spec},
            **({"sourceHydrator": {}} if at(spec, "sourceHydrator") is not None else {}),
        },
        "status": {
            **{field: status[field] for field in ("controllerNamespace", "conditions") if field in status},
            "sync": {
                **{f: v for f, v in mapping(status, "sync").items() if f in {"status", "revision", "revisions"}},
                "comparedTo": _sources(mapping(status, "sync", "comparedTo")),
            },
            "resources": [
                {field: each[field] for field in ("group", "kind", "namespace", "name") if field in each}
                for each in items(status, "resources")
            ],
            **({"operationState": kept} if operation else {}),
        },
    }


def _sources(obj: Json) -> Json:
    """Return where manifests come from: only the repositories."""
    one, many = mapping(obj, "source"), items(obj, "sources")
    kept: Json = {"source": {"repoURL": one["repoURL"]}} if "repoURL" in one else {}
    return kept | ({"sources": [{"repoURL": each.get("repoURL")} for each in many]} if many else {})
