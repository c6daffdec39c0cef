"""The API's verbs on stored objects: create, change, delete, with everything the server does for them.

Here: uid, creationTimestamp, generation, optimistic locking, the separation of spec and status, finalizers, graceful
deletion, pod quotas.  Not here: HTTP (`api.py`), and the reactions to a write (controllers, kubelet).  Rules:
https://kubernetes.io/docs/reference/using-api/api-concepts/
"""

import random
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from bot import clock
from bot.domain.json import Json
from callboard_demo.cluster import refusals
from callboard_demo.cluster.defaults import filled
from callboard_demo.cluster.resources import NAMESPACES, PODS, QUOTAS, Resource
from callboard_demo.cluster.storage import Storage, key_of
from callboard_demo.cluster.validation import mistakes

Change = Callable[[Json], Json]

_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, so no words, as in apimachinery's rand.String
_SERVERS_OWN: Final = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds")
_NO_GENERATION: Final = frozenset(
    {"pods", "events", "namespaces", "nodes", "configmaps", "secrets", "services", "controllerrevisions"}
)
_BESIDE_STATUS: Final[Mapping[str, tuple[str, ...]]] = {
    "pods": ("labels", "annotations"),
    "nodes": ("labels", "annotations"),
    "deployments": ("annotations",),
    "replicasets": ("annotations",),
}
"""What a status write may change beside the status: from each kind's strategy in kubernetes/pkg/registry."""
_FIRST_STATUS: Final[Mapping[str, Json]] = {
    "pods": {"phase": "Pending", "qosClass": "BestEffort"},
    "namespaces": {"phase": "Active"},
    "deployments": {},
    "replicasets": {"replicas": 0},
    "statefulsets": {"replicas": 0},
    "daemonsets": {},
}


def stamp(moment: datetime) -> str:
    """Return a time as `metav1.Time` writes it: RFC 3339, whole seconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> datetime:
    """Read what `stamp` wrote."""
    return datetime.fromisoformat(text)


def random_suffix() -> str:
    """Return five characters for a generated name."""
    return "".join(random.choices(_ALPHABET, k=5))  # noqa: S311 - a name, no secret


class Objects:
    """The verbs, over one storage."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def get(self, resource: Resource, namespace: str | None, name: str) -> Json:
        """Return an object.

        Raises:
            Refusal: 404, it does not exist.
        """
        found = self.storage.get(key_of(resource, namespace, name))
        if found is None:
            raise refusals.not_found(resource, name)
        return found

    def create(self, resource: Resource, namespace: str | None, value: Json) -> Json:
        """Store a new object and return it as stored.

        Raises:
            Refusal: 404 (no such namespace), 409 (it exists), 403 (quota), 422 (it is invalid).
        """
        value = _named(resource, namespace, value)
        name = value["metadata"].get("name") or ""
        self._admit(resource, namespace, name)
        if name and self.storage.get(key_of(resource, namespace, name)):
            raise refusals.already_exists(resource, name)
        if not resource.custom and resource.plural in _FIRST_STATUS:
            value = {**value, "status": dict(_FIRST_STATUS[resource.plural])}
        value = self._checked(resource, filled(resource, value), None)
        return self.storage.put(key_of(resource, namespace, name), value)

    def change(
        self, resource: Resource, namespace: str | None, name: str, change: Change, *, subresource: str | None = None
    ) -> Json:
        """Replace an object by the result of `change`, as far as this (sub)resource may write it; return it.

        Raises:
            Refusal: 404 (it does not exist), 409 (the resourceVersion or uid is not current), 422 (invalid).
        """
        old = self.get(resource, namespace, name)
        new = change(old)
        _check_same(resource, name, old, new)
        new = _assembled(resource, old, new, subresource)
        if subresource is None:
            new = self._checked(resource, filled(resource, new), old)
        if _without_revision(new) == _without_revision(old):
            return old
        key = key_of(resource, namespace, name)
        if new["metadata"].get("deletionTimestamp") and self._may_go(resource, new):
            return self.storage.remove(key)
        return self.storage.put(key, new)

    def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        grace: int | None = None,
        policy: str = "Background",
    ) -> Json:
        """Remove an object; only mark it if a finalizer, a grace period (seconds) or its dependents hold it back.

        Raises:
            Refusal: 404, it does not exist.
        """
        old = self.get(resource, namespace, name)
        meta = dict(old["metadata"])
        holders = list(meta.get("finalizers") or ())
        extra = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(policy)
        if extra and extra not in holders:
            holders.append(extra)
        seconds = _grace(resource, old, grace)
        key = key_of(resource, namespace, name)
        marked = _marked({**old, "metadata": {**meta, **({"finalizers": holders} if holders else {})}}, seconds)
        if resource == NAMESPACES:
            return self.storage.put(key, {**marked, "status": {"phase": "Terminating"}})
        if not holders and seconds == 0:
            return self.storage.remove(key)
        if marked == old:
            return old
        return self.storage.put(key, marked)

    def _may_go(self, resource: Resource, value: Json) -> bool:
        waits = resource == PODS and value["metadata"].get("deletionGracePeriodSeconds", 0) > 0
        return not value["metadata"].get("finalizers") and not waits and resource != NAMESPACES

    def _checked(self, resource: Resource, value: Json, old: Json | None) -> Json:
        wrong = mistakes(resource, value, old)
        if wrong:
            raise refusals.invalid(resource, value["metadata"].get("name") or "", wrong)
        return value

    def _admit(self, resource: Resource, namespace: str | None, name: str) -> None:
        if not resource.namespaced:
            return
        home = self.storage.get(key_of(NAMESPACES, None, namespace or ""))
        if home is None:
            raise refusals.not_found(NAMESPACES, namespace or "")
        if home["metadata"].get("deletionTimestamp"):
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise refusals.denied(resource, name, why)
        if resource == PODS:
            self._within_quota(namespace or "", name)

    def _within_quota(self, namespace: str, name: str) -> None:
        for quota in self.storage.of_kind(QUOTAS, namespace):
            hard = (quota.get("spec") or {}).get("hard") or {}
            limit = hard.get("pods", hard.get("count/pods"))
            used = len(self.storage.of_kind(PODS, namespace))
            if limit is not None and used >= int(limit):
                rule = f"requested: pods=1, used: pods={used}, limited: pods={limit}"
                raise refusals.denied(PODS, name, f"exceeded quota: {quota['metadata']['name']}, {rule}")

    def seed(self, resource: Resource, namespace: str | None, value: Json) -> None:
        """Create an object unless it exists."""
        if self.storage.get(key_of(resource, namespace, value["metadata"]["name"])) is None:
            self.create(resource, namespace, value)


def _named(resource: Resource, namespace: str | None, value: Json) -> Json:
    meta = {k: v for k, v in (value.get("metadata") or {}).items() if k not in {*_SERVERS_OWN, "resourceVersion"}}
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"] + random_suffix()
    meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": stamp(clock.now())}
    if resource.namespaced:
        meta["namespace"] = namespace
    if resource.plural not in _NO_GENERATION:
        meta["generation"] = 1
    return {**value, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": meta}


def _check_same(resource: Resource, name: str, old: Json, new: Json) -> None:
    before, after = old["metadata"], new.get("metadata") or {}
    if after.get("resourceVersion") not in {None, "", before["resourceVersion"]}:
        raise refusals.conflict(resource, name)
    if after.get("uid") not in {None, "", before["uid"]}:
        why = f"Precondition failed: UID in precondition: {after['uid']}, UID in object meta: {before['uid']}"
        raise refusals.conflict(resource, name, why)


def _assembled(resource: Resource, old: Json, new: Json, subresource: str | None) -> Json:
    """Return the new object, with the parts that this write may not change taken from the old one."""
    if subresource == "status":
        meta = {**old["metadata"], **_only(new.get("metadata") or {}, *_BESIDE_STATUS.get(resource.plural, ()))}
        return {**old, "metadata": meta, "status": new.get("status") or {}}
    meta = {k: v for k, v in (new.get("metadata") or {}).items() if k not in _SERVERS_OWN}
    meta |= _only(old["metadata"], *_SERVERS_OWN, "name", "namespace", "resourceVersion")
    result = {**new, **_only(old, "apiVersion", "kind"), "metadata": meta}
    if not resource.custom and resource.plural in _FIRST_STATUS:
        result |= _only(old, "status")
    if "generation" in meta and _body(filled(resource, result)) != _body(old):
        meta["generation"] += 1
    return result


def _only(value: Json, *names: str) -> Json:
    return {name: value[name] for name in names if name in value}


def _body(value: Json) -> Json:
    return {k: v for k, v in value.items() if k not in {"metadata", "status", "apiVersion", "kind"}}


def _without_revision(value: Json) -> Json:
    meta = {k: v for k, v in value["metadata"].items() if k not in {"resourceVersion", "managedFields"}}
    return {**value, "metadata": meta}


def _grace(resource: Resource, old: Json, asked: int | None) -> int:
    if resource != PODS or not old["spec"].get("nodeName") or old["status"].get("phase") in {"Succeeded", "Failed"}:
        return 0
    wanted: int = old["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked
    already = old["metadata"].get("deletionGracePeriodSeconds")
    return wanted if already is None else min(wanted, already)


def _marked(value: Json, seconds: int) -> Json:
    meta = dict(value["metadata"])
    if "deletionTimestamp" not in meta or seconds < meta.get("deletionGracePeriodSeconds", 0):
        meta["deletionTimestamp"] = stamp(clock.now() + timedelta(seconds=seconds))
        meta["deletionGracePeriodSeconds"] = seconds
        if "generation" in meta:
            meta["generation"] += 1
    return {**value, "metadata": meta}
