"""Template hashes and revision numbers of ReplicaSets, and the annotations that hold them.  Pure.

Source: https://github.com/kubernetes/kubernetes/blob/v1.20.2/pkg/controller/deployment/util/deployment_util.go
Simpler than the real one: the hash is of the template's JSON, so the names of ReplicaSets have the form of a real
cluster's but other values.  The same template always has the same name.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from bot.domain.json import Json
from callboard_demo.cluster import sizes
from callboard_demo.cluster.objects import stamp

REVISION: Final = "deployment.kubernetes.io/revision"
HISTORY: Final = "deployment.kubernetes.io/revision-history"
HASH: Final = "pod-template-hash"
_NOT_COPIED: Final = frozenset(
    {"kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, sizes.DESIRED, sizes.MOST}
)
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz2456789"


def template_hash(template: Json) -> str:
    """Return a pod template's hash: FNV-1a, in letters that spell no words."""
    value = 0x811C9DC5
    for byte in json.dumps(_plain(template), sort_keys=True).encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(value))


def _plain(template: Json) -> Json:
    """Return a template without the hash label, to compare a Deployment's with a ReplicaSet's."""
    meta: dict[str, Any] = {k: v for k, v in (template.get("metadata") or {}).items() if v is not None}
    meta["labels"] = {k: v for k, v in (meta.get("labels") or {}).items() if k != HASH}
    return {**template, "metadata": meta}


def of(each: Json) -> int:
    """Return a ReplicaSet's revision; 0 if it has none."""
    return sizes.annotated(each, REVISION) or 0


def highest(sets: Iterable[Json]) -> int:
    """Return the highest revision of some sets."""
    return max((of(s) for s in sets), default=0)


def find_new(deployment: Json, sets: Sequence[Json]) -> Json | None:
    """Return the oldest set whose template is the Deployment's."""
    wanted = _plain(deployment["spec"]["template"])
    return next((s for s in sizes.by_age(sets) if _plain(s["spec"]["template"]) == wanted), None)


def made(deployment: Json, revision: int, now: datetime) -> Json:
    """Return a new ReplicaSet of size 0 for the Deployment's current template."""
    meta, spec = deployment["metadata"], deployment["spec"]
    digest = template_hash(spec["template"])
    template = {**spec["template"]}
    labels = {**(template["metadata"].get("labels") or {}), HASH: digest}
    template["metadata"] = {**template["metadata"], "labels": labels}
    selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {}), HASH: digest}}
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": meta["name"], "uid": meta["uid"]}
    value: Json = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{meta['name']}-{digest}",
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": {REVISION: str(revision), **_copied(deployment)},
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
            "creationTimestamp": stamp(now),
        },
        "spec": {"replicas": 0, "selector": selector, "template": template, **_patience(deployment)},
    }
    return sized(deployment, value, 0)


def _copied(deployment: Json) -> dict[str, str]:
    annotations = deployment["metadata"].get("annotations") or {}
    return {k: v for k, v in annotations.items() if k not in _NOT_COPIED}


def _patience(deployment: Json) -> Json:
    return {"minReadySeconds": deployment["spec"]["minReadySeconds"]} if "minReadySeconds" in deployment["spec"] else {}


def annotated(deployment: Json, found: Json, revision: int) -> Json:
    """Return the set with the Deployment's annotations and, if it has become the newest again, its new revision."""
    annotations: dict[str, str] = dict(found["metadata"].get("annotations") or {})
    annotations |= _copied(deployment)
    if of(found) < revision:
        if REVISION in annotations:
            past = [p for p in annotations.get(HISTORY, "").split(",") if p]
            annotations[HISTORY] = ",".join([*past, annotations[REVISION]])
        annotations[REVISION] = str(revision)
    rest = {k: v for k, v in found["spec"].items() if k != "minReadySeconds"}
    meta = {**found["metadata"], "annotations": annotations}
    return {**found, "metadata": meta, "spec": {**rest, **_patience(deployment)}}


def sized(deployment: Json, each: Json, size: int) -> Json:
    """Return the set with another size, annotated with the Deployment's own size."""
    replicas, surge = deployment["spec"]["replicas"], sizes.fenceposts(deployment)[0]
    notes = {sizes.DESIRED: str(replicas), sizes.MOST: str(replicas + surge)}
    annotations = {**(each["metadata"].get("annotations") or {}), **notes}
    meta = {**each["metadata"], "annotations": annotations}
    return {**each, "metadata": meta, "spec": {**each["spec"], "replicas": size}}


def outdated(deployment: Json, old: Sequence[Json]) -> list[Json]:
    """Return the old sets that exceed `revisionHistoryLimit`, the lowest revisions first, if they are empty."""
    kept = [s for s in old if not s["metadata"].get("deletionTimestamp")]
    excess = len(kept) - deployment["spec"].get("revisionHistoryLimit", 10)
    return [s for s in sorted(kept, key=of)[: max(0, excess)] if _empty(s)]


def _empty(each: Json) -> bool:
    status = each.get("status") or {}
    seen = status.get("observedGeneration", 0) >= each["metadata"]["generation"]
    return bool(seen and each["spec"]["replicas"] == 0 and status.get("replicas", 0) == 0)
