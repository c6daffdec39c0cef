"""The objects of one namespace as last seen in the cluster, indexed for snapshots.

Neither a client nor a judgement: `bot.cluster.watch` fills it, `bot.rules.kubernetes.health` judges the snapshots.  The
cost of a snapshot depends on the number of objects of the workload, not of the namespace.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final, TypeAlias

from bot.cluster.touched import Touched
from bot.domain.cluster import Snapshot
from bot.domain.json import Json
from bot.rules.kubernetes.environment import named
from bot.rules.kubernetes.events import event_time
from bot.rules.kubernetes.kinds import KINDS, RESOURCES, deployment
from bot.rules.kubernetes.kinds.kind import Kind
from bot.rules.kubernetes.pruning import CONFIGMAPS, prune
from bot.rules.kubernetes.raw import Malformed, items, mapping, text
from bot.rules.kubernetes.workloads import env

Key: TypeAlias = tuple[str, ...]

EVENTS: Final = 2000
"""Events kept of a namespace; the oldest are dropped first.  The server deletes them after an hour."""
NEWEST: Final = 20
"""Events in one snapshot, the newest: so many about pods, and so many about what owns them."""
LEVELS: Final = 4
"""Owners above an object that are looked at: a pod has two, its ReplicaSet and that one's Deployment."""
PLURALS: Final = {kind.name: kind.resource for kind in KINDS}
POD_LABELS: Final = tuple(kind.pod_label for kind in KINDS if kind.pod_label is not None)
"""Labels by which pods are found."""


def kept(kind: str, obj: Json) -> Json:
    """Return what is kept of an object; empty for one that does not follow Kubernetes' schema."""
    try:
        pruned = prune(kind, obj)
        read = text(pruned, "metadata", "name"), text(pruned, "metadata", "uid"), list(_keys(kind, pruned))
        event_time(pruned)  # all that `Objects` reads is valid: it never gets a malformed object
    except (Malformed, KeyError, TypeError, AttributeError):
        return {}
    return pruned if read[0] else {}


class Objects:
    """One namespace."""

    def __init__(self) -> None:
        self.touched = Touched()
        """What has changed since somebody took it away."""
        self._named: dict[str, dict[str, Json]] = {}
        self._uids: dict[str, tuple[str, str]] = {}
        self._index: dict[Key, dict[str, None]] = {}

    def replace(self, kind: str, found: Iterable[Json]) -> None:
        """Replace all objects of a kind with a new list."""
        for name in list(self._named.get(kind, {})):
            self.drop(kind, name)
        for obj in found:
            self.put(kind, obj)

    def put(self, kind: str, obj: Json) -> None:
        """Store a new or changed object, already reduced by `kept`; an empty one is left out."""
        name = text(obj, "metadata", "name")
        if not name:
            return
        self.drop(kind, name)
        self._named.setdefault(kind, {})[name] = obj
        for key in _keys(kind, obj):
            self._index.setdefault((kind, *key), {})[name] = None
        if uid := text(obj, "metadata", "uid"):
            self._uids[uid] = kind, name
        self._touch(kind, obj)
        if kind == "events" and len(self._named[kind]) > EVENTS:
            self.drop(kind, next(iter(self._named[kind])))

    @property
    def empty(self) -> bool:
        """Return whether no object is stored, and the indexes are empty."""
        return not any(self._named.values()) and not self._index

    def drop(self, kind: str, name: str) -> None:
        """Drop an object; an unknown one does no harm."""
        gone = self._named.get(kind, {}).pop(name, None)
        if gone is None:
            return
        self._touch(kind, gone)
        self._uids.pop(text(gone, "metadata", "uid"), None)
        for key in _keys(kind, gone):
            names = self._index.get((kind, *key), {})
            names.pop(name, None)
            if not names:
                self._index.pop((kind, *key), None)

    def get(self, kind: str, name: str) -> Json | None:
        """Return a stored object; None for an unknown one."""
        return self._named.get(kind, {}).get(name)

    def configmaps(self, workload: Json, kind: Kind) -> tuple[Json, ...]:
        """Return the ConfigMaps that a workload's containers name, as far as they exist."""
        found = (self.get(CONFIGMAPS, name) for name in _configmaps(kind, workload))
        return tuple(configmap for configmap in found if configmap is not None)

    def snapshot(self, model: str, stage: str, workload: str | None, kind: Kind = deployment.KIND) -> Snapshot | None:
        """Return the workload of a kind that serves a model on a stage, with the objects that it owns.

        It is the one named `workload`, unless it names another model: its stage may be about to change, and its
        environment may be in a ConfigMap.  Else it is found by its environment (MODEL_NAME and MODEL_STAGE); of
        several, it is the first by name.
        """
        found = self._workload(model, stage, workload, kind)
        if found is None:
            return None
        owned = {resource: list(objects) for resource, objects in self._owned(found, kind.between)}
        owners = owned[kind.between[-1]] if kind.between else [found]
        pods = tuple(self._pods(found, owners, kind))
        newest = [*self._newest([found, *chain.from_iterable(owned.values())]), *self._newest(pods)]
        return Snapshot(
            workload=found,
            replicasets=tuple(owners) if kind.between else (),
            pods=pods,
            events=tuple(newest),
        )

    def _touch(self, resource: str, obj: Json, levels: int = LEVELS) -> None:
        """Mark the workload that an object is, and those that own it, by reference or label, or that it is about.

        An owner that is not known yet is marked when it arrives.
        """
        if resource == CONFIGMAPS:
            self.touched.workloads.update(*(self._index.get((each, "names", _name(obj)), ()) for each in RESOURCES))
        elif resource not in {"pods", "events"}:
            self.touched.workloads.add(_name(obj))
            self.touched.workloads.update(_name(each) for each in self._borrowers(resource, _name(obj)))
        for key in _keys(resource, obj):
            match key:
                case "serves", model, stage:
                    self.touched.serving.add((model, stage))
                case "label", _, workload:
                    self.touched.workloads.add(workload)
                case "owner", uid if uid in self._uids and levels:
                    owner, name = self._uids[uid]
                    self._touch(owner, self._named[owner][name], levels - 1)
                case "about", kind, name if about := self._named.get(PLURALS.get(kind, ""), {}).get(name):
                    self._touch(PLURALS[kind], about, levels)
                case _:
                    pass

    def _newest(self, about: Iterable[Json]) -> Iterator[Json]:
        """Yield the newest events about some objects: those of many pods leave room for those of their workload."""
        events = [e for obj in about for e in self._by("events", "about", text(obj, "kind"), _name(obj))]
        yield from islice(sorted(events, key=event_time, reverse=True), NEWEST)

    def _workload(self, model: str, stage: str, workload: str | None, kind: Kind) -> Json | None:
        known = self._completed(self.get(kind.resource, workload or ""), kind)
        if known is not None and _models(kind.resource, known) <= {model}:
            return known
        return next(self._by(kind.resource, "serves", model, stage), None)

    def _completed(self, workload: Json | None, kind: Kind) -> Json | None:
        """Return the workload with its pod template, if that is in another object."""
        if workload is None or kind.borrowed is None:
            return workload
        other = self._named.get(kind.borrowed.resource, {}).get(kind.borrowed.name(workload))
        return kind.borrowed.complete(workload, other) if other is not None else workload

    def _borrowers(self, resource: str, name: str) -> Iterator[Json]:
        """Yield the workloads whose pod template is in an object."""
        for kind in KINDS:
            if kind.borrowed is not None:
                yield from self._by(kind.resource, "borrows", resource, name)

    def _owned(self, workload: Json, between: Sequence[str]) -> Iterator[tuple[str, list[Json]]]:
        """Yield what stands between a workload and its pods, from above, with its plural name."""
        owners = [workload]
        for resource in between:
            owners = [obj for owner in owners for obj in self._of(owner, resource)]
            yield resource, owners

    def _pods(self, workload: Json, owners: Sequence[Json], kind: Kind) -> Iterator[Json]:
        if kind.pod_label is not None:
            return self._by("pods", "label", kind.pod_label, _name(workload))
        return (pod for owner in owners for pod in self._of(owner, "pods"))

    def _of(self, owner: Json, resource: str) -> Iterator[Json]:
        return self._by(resource, "owner", text(owner, "metadata", "uid"))

    def _by(self, kind: str, *key: str) -> Iterator[Json]:
        for name in sorted(self._index.get((kind, *key), ())):
            yield self._named[kind][name]


def _keys(resource: str, obj: Json) -> Iterator[Key]:
    if resource == "events":
        about = mapping(obj, "involvedObject")
        yield "about", str(about.get("kind")), str(about.get("name"))
        return
    for owner in items(obj, "metadata", "ownerReferences"):
        yield "owner", str(owner.get("uid"))
    if resource == CONFIGMAPS:
        return
    if resource == "pods":
        labels = mapping(obj, "metadata", "labels")
        yield from (("label", label, str(labels[label])) for label in POD_LABELS if label in labels)
        return
    if resource not in RESOURCES:  # a GitOps agent's, which is found by its name
        return
    borrowed = RESOURCES[resource].borrowed
    if borrowed is not None and (source := borrowed.name(obj)):
        yield "borrows", borrowed.resource, source
    yield from (("names", name) for name in _configmaps(RESOURCES[resource], obj))
    for values in _environments(resource, obj):
        if "MODEL_NAME" in values and "MODEL_STAGE" in values:
            yield "serves", values["MODEL_NAME"], values["MODEL_STAGE"]


def _configmaps(kind: Kind, workload: Json) -> dict[str, None]:
    """Return the names of the ConfigMaps that a workload's containers name, in their order."""
    return dict.fromkeys(chain.from_iterable(map(named, items(kind.pod_spec(workload), "containers"))))


def _environments(resource: str, workload: Json) -> list[dict[str, str]]:
    return [env(c) for c in items(RESOURCES[resource].pod_spec(workload), "containers")]


def _models(resource: str, workload: Json) -> set[str]:
    return {values["MODEL_NAME"] for values in _environments(resource, workload) if "MODEL_NAME" in values}


def _name(obj: Json) -> str:
    return text(obj, "metadata", "name")
