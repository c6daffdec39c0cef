"""Kubernetes objects from files, for `callboard health`: read, and sorted into what belongs together."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from bot.cli import checkout
from bot.domain.cluster import Snapshot
from bot.domain.errors import UserError
from bot.domain.json import Json
from bot.rules.kubernetes.kinds import is_current
from bot.rules.kubernetes.raw import Malformed, owned_by


def objects(file: Path) -> list[Json]:
    """Return the objects of a file.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    content = checkout.text(file)
    try:
        documents = [json.loads(json.dumps(each, default=str)) for each in yaml.load_all(content, yaml.CSafeLoader)]
    except yaml.YAMLError as error:
        raise UserError(f"{file}: is neither YAML nor JSON: {' '.join(str(error).split())}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{file}: holds values that no Kubernetes object has: {error}") from error
    found = [obj for document in documents if document is not None for obj in _listed(document)]
    for number, obj in enumerate(found, 1):
        if not isinstance(obj, dict) or not isinstance(obj.get("kind"), str):
            raise UserError(f"{file}: object {number} has no kind, so it is not a Kubernetes object")
    if not found:
        raise UserError(f"{file}: holds no object")
    return found


def _listed(document: Any) -> list[Any]:
    """Return the objects of a document, which may be a list, also Kubernetes' own kind of list."""
    if isinstance(document, dict) and str(document.get("kind")).endswith("List"):
        items = document.get("items")
        return items if isinstance(items, list) else [document]
    return document if isinstance(document, list) else [document]


def snapshots(found: list[Json]) -> Iterator[Snapshot]:
    """Yield each object with what belongs to it; what belongs to another object is left out, and every ConfigMap."""
    events = tuple(obj for obj in found if obj["kind"] == "Event")
    configmaps = tuple(obj for obj in found if obj["kind"] == "ConfigMap")
    parts = [obj for obj in found if obj["kind"] in {"ReplicaSet", "Pod"}]
    for obj in found:
        others = [other for other in found if other is not obj and other["kind"] not in {"Event", "Pod"}]
        part = obj["kind"] in {"ReplicaSet", "Pod"} and any(_belongs(obj, other) for other in others)
        if obj["kind"] in {"Event", "ConfigMap"} or part:
            continue
        replicasets = tuple(p for p in parts if p["kind"] == "ReplicaSet" and _belongs(p, obj))
        pods = tuple(p for p in parts if p["kind"] == "Pod" and any(_belongs(p, o) for o in (obj, *replicasets)))
        its = tuple(one for one in configmaps if _namespace(one) == _namespace(obj)) if configmaps else None
        yield Snapshot(workload=obj, replicasets=replicasets, pods=pods, events=events, configmaps=its)


def _namespace(obj: Json) -> object:
    meta = obj.get("metadata")
    return meta.get("namespace") if isinstance(meta, dict) else None


def _belongs(part: Json, whole: Json) -> bool:
    """Return whether an object is part of another; a malformed one is judged on its own."""
    try:
        return owned_by(part, whole) or (part["kind"] == "Pod" and is_current(part, whole, None))
    except Malformed:
        return False
