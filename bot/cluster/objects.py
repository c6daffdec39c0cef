"""The objects of one namespace as last seen in the cluster, indexed for snapshots.

Neither a client nor a judgement: `bot.cluster.watch` fills it, `bot.rules.kubernetes.health` judges the snapshots.  The
cost of a snapshot depends on the number of objects of the workload, not of the namespace.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeAlias

from bot.domain.cluster import Snapshot
from bot.domain.json import Json
from bot.rules.kubernetes.events import event_time
from bot.rules.kubernetes.pruning import prune
from bot.rules.kubernetes.raw import Malformed, items, mapping, text
from bot.rules.kubernetes.workloads import env

Key: TypeAlias = tuple[str, ...]

EVENTS: Final = 2000
"""Events kept of a namespace; the oldest are dropped first.  The server deletes them after an hour."""
NEWEST: Final = 20
"""Events in one snapshot, the newest."""


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
        self._named: dict[str, dict[str, Json]] = {}
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
        if kind == "events" and len(self._named[kind]) > EVENTS:
            self.drop(kind, next(iter(self._named[kind])))

    @property
    def empty(self) -> bool:
        """Return whether no object is stored, and the indexes are empty."""
        return not any(self._named.values()) and not self._index

    def drop(self, kind: str, name: str) -> None:
        """Drop an object; an unknown one does no harm."""
        gone = self._named.get(kind, {}).pop(name, None)
        for key in _keys(kind, gone) if gone else ():
            names = self._index.get((kind, *key), {})
            names.pop(name, None)
            if not names:
                self._index.pop((kind, *key), None)

    def snapshot(self, model: str, stage: str, workload: str | None) -> Snapshot | None:
        """Return the Deployment of a model on a stage, with the objects that it owns.

        Found by its environment (MODEL_NAME and MODEL_STAGE); of several, the one named `workload`, else the first by
        name.  If there is none, the one named `workload`, unless it names another model: its stage may be about to
        change.
        """
        deployment = self._deployment(model, stage, workload)
        if deployment is None:
            return None
        replicasets = tuple(self._by("replicasets", "owner", text(deployment, "metadata", "uid")))
        pods = tuple(p for r in replicasets for p in self._by("pods", "owner", text(r, "metadata", "uid")))
        about = [("Deployment", deployment), *(("ReplicaSet", r) for r in replicasets), *(("Pod", p) for p in pods)]
        events = [e for kind, obj in about for e in self._by("events", "about", kind, text(obj, "metadata", "name"))]
        newest = islice(sorted(events, key=event_time, reverse=True), NEWEST)
        return Snapshot(workload=deployment, replicasets=replicasets, pods=pods, events=tuple(newest))

    def _deployment(self, model: str, stage: str, workload: str | None) -> Json | None:
        carriers = sorted(self._by("deployments", "serves", model, stage), key=lambda d: _name(d) != workload)
        if carriers:
            return carriers[0]
        named = self._named.get("deployments", {}).get(workload or "")
        return named if named is not None and _models(named) <= {model} else None

    def _by(self, kind: str, *key: str) -> Iterator[Json]:
        for name in sorted(self._index.get((kind, *key), ())):
            yield self._named[kind][name]


def _keys(kind: str, obj: Json) -> Iterator[Key]:
    match kind:
        case "deployments":
            for values in _environments(obj):
                if "MODEL_NAME" in values and "MODEL_STAGE" in values:
                    yield "serves", values["MODEL_NAME"], values["MODEL_STAGE"]
        case "events":
            about = mapping(obj, "involvedObject")
            yield "about", str(about.get("kind")), str(about.get("name"))
        case _:
            for owner in items(obj, "metadata", "ownerReferences"):
                yield "owner", str(owner.get("uid"))


def _environments(deployment: Json) -> list[dict[str, str]]:
    return [env(c) for c in items(deployment, "spec", "template", "spec", "containers")]


def _models(deployment: Json) -> set[str]:
    return {values["MODEL_NAME"] for values in _environments(deployment) if "MODEL_NAME" in values}


def _name(obj: Json) -> str:
    return text(obj, "metadata", "name")
