"""The ControllerRevisions of a StatefulSet: one for each pod template that it has had.  Pure.

Source: https://github.com/kubernetes/kubernetes/blob/v1.20.2/pkg/controller/history/controller_history.go
As with ReplicaSets, hashes have the form of a real cluster's but other values (`revisions.py`).
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from bot.domain.json import Json
from callboard_demo.cluster.objects import stamp
from callboard_demo.cluster.plans import Write
from callboard_demo.cluster.resources import REVISIONS
from callboard_demo.cluster.revisions import template_hash

HASH: Final = "controller-revision-hash"
"""The label of a pod that names its revision."""


def updated(workload: Json, revisions: Sequence[Json], now: datetime) -> tuple[Json, Write | None]:
    """Return the revision of the current template, and the write that makes it the newest, if it is not yet.

    A template that the workload has had before keeps its revision's name, under a new number.
    """
    wanted, ordered = workload["spec"]["template"], sorted(revisions, key=_number)
    newest = ordered[-1] if ordered else None
    found = next((each for each in reversed(ordered) if template(each) == wanted), None)
    if found is None:
        made = _made(workload, _number(newest) + 1 if newest else 1, now)
        return made, Write(verb="create", resource=REVISIONS, value=made)
    if newest is None or found is newest:
        return found, None
    again = {**found, "revision": _number(newest) + 1}
    return again, Write(verb="update", resource=REVISIONS, value=again)


def current(workload: Json, revisions: Sequence[Json]) -> Json | None:
    """Return the revision that the last finished rollout left; None if there was none."""
    name = (workload.get("status") or {}).get("currentRevision")
    return next((each for each in revisions if each["metadata"]["name"] == name), None)


def template(revision: Json) -> Json:
    """Return the pod template that a revision holds."""
    held: Json = revision["data"]["spec"]["template"]
    return {name: value for name, value in held.items() if name != "$patch"}


def truncated(workload: Json, revisions: Sequence[Json], in_use: Collection[str]) -> list[Write]:
    """Return the deletions of what exceeds `revisionHistoryLimit`, the oldest first."""
    unused = [each for each in sorted(revisions, key=_number) if each["metadata"]["name"] not in in_use]
    excess = max(0, len(unused) - workload["spec"].get("revisionHistoryLimit", 10))
    return [Write(verb="delete", resource=REVISIONS, value=each) for each in unused[:excess]]


def owner(workload: Json) -> Json:
    """Return the reference by which a workload controls its revisions and pods."""
    meta = workload["metadata"]
    of = {"apiVersion": "apps/v1", "kind": workload["kind"], "name": meta["name"], "uid": meta["uid"]}
    return {**of, "controller": True, "blockOwnerDeletion": True}


def _number(revision: Json) -> int:
    return int(revision["revision"])


def _made(workload: Json, number: int, now: datetime) -> Json:
    meta, wanted = workload["metadata"], workload["spec"]["template"]
    digest = template_hash(wanted)
    labels = {**(wanted["metadata"].get("labels") or {}), "controller.kubernetes.io/hash": digest}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": f"{meta['name']}-{digest}",
            "namespace": meta["namespace"],
            "labels": labels,
            "ownerReferences": [owner(workload)],
            "creationTimestamp": stamp(now),
        },
        "data": {"spec": {"template": {**wanted, "$patch": "replace"}}},
        "revision": number,
    }
