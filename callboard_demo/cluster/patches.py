"""The three client-side patches: from an object and a patch to a new object.  Neither input is changed.

Not here: server-side apply (`ownership.py`), and what may be patched (`objects.py`).
Rules: RFC 7386 (merge), RFC 6902 (JSON), and for the strategic one
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from bot.domain.json import Json
from callboard_demo.cluster import refusals

_MERGE_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "ports": ("containerPort", "port"),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "hostAliases": ("ip",),
    "podIPs": ("ip",),
    "topologySpreadConstraints": ("topologyKey",),
    "conditions": ("type",),
    "addresses": ("type",),
    "ownerReferences": ("uid",),
}
"""Lists whose items have an identity, and the field that identifies them: `patchMergeKey` in k8s.io/api."""

SETS: Final = frozenset({"finalizers"})
"""Lists of scalars that are merged as sets."""


def merge_key(field: str, *lists: Sequence[Any]) -> str | None:
    """Return the field that identifies the items of a list; None if the list is replaced as a whole."""
    items = [item for items in lists for item in items]
    for key in _MERGE_KEYS.get(field, ()):
        if items and all(isinstance(item, dict) and (key in item or "$patch" in item) for item in items):
            return key
    return None


def merge(target: Any, patch: Any) -> Any:
    """Return `target` after an RFC 7386 merge patch: objects merge, null deletes, anything else replaces."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


# ── JSON patch ────────────────────────────────────────────────────────────────────────────────────────


def json_patch(target: Json, operations: Any) -> Json:
    """Return `target` after an RFC 6902 patch.

    Raises:
        Refusal: 400, it is not a list of operations; 422, an operation does not apply or a test fails.
    """
    if not isinstance(operations, list):
        raise refusals.bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    holder = {"root": deepcopy(target)}
    for operation in operations:
        try:
            _operate(holder, operation)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            message = f"the server rejected our request due to an error in our request: {error}"
            raise refusals.Refusal(422, "Invalid", message, {}) from error
    return holder["root"]


def _operate(holder: Json, operation: Json) -> None:
    verb, path = operation["op"], operation["path"]
    if verb == "test":
        if _lookup(holder, path) != operation["value"]:
            raise ValueError(f"testing value {path} failed")
    elif verb == "add":
        _add(holder, path, deepcopy(operation["value"]))
    elif verb == "remove":
        _remove(holder, path)
    elif verb == "replace":
        _remove(holder, path)
        _add(holder, path, deepcopy(operation["value"]))
    elif verb in {"copy", "move"}:
        value = deepcopy(_lookup(holder, operation["from"]))
        if verb == "move":
            _remove(holder, operation["from"])
        _add(holder, path, value)
    else:
        raise ValueError(f"unexpected kind: {verb}")


def _parts(path: str) -> list[str]:
    return ["root", *(part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:])]


def _lookup(holder: Any, path: str) -> Any:
    for part in _parts(path):
        holder = holder[int(part)] if isinstance(holder, list) else holder[part]
    return holder


def _parent(holder: Any, path: str) -> tuple[Any, str]:
    *way, last = _parts(path)
    for part in way:
        holder = holder[int(part)] if isinstance(holder, list) else holder[part]
    return holder, last


def _add(holder: Json, path: str, value: Any) -> None:
    parent, last = _parent(holder, path)
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else int(last), value)
    else:
        parent[last] = value


def _remove(holder: Json, path: str) -> None:
    parent, last = _parent(holder, path)
    if isinstance(parent, list):
        parent.pop(int(last))
    else:
        del parent[last]


# ── strategic merge patch ─────────────────────────────────────────────────────────────────────────────


def strategic(target: Any, patch: Json) -> Json:
    """Return `target` after a strategic merge patch, its directives (`$patch`, `$setElementOrder`, …) included."""
    if patch.get("$patch") == "replace":
        return {k: deepcopy(v) for k, v in patch.items() if k != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    result: Json = dict(target) if isinstance(target, dict) else {}
    if (kept := patch.get("$retainKeys")) is not None:
        result = {k: v for k, v in result.items() if k in kept}
    for name, value in patch.items():
        if name.startswith("$deleteFromPrimitiveList/"):
            field = name.partition("/")[2]
            result[field] = [item for item in result.get(field) or [] if item not in value]
    for name, value in patch.items():
        if not name.startswith("$"):
            _strategic_field(result, name, value, patch.get(f"$setElementOrder/{name}"))
    for name, order in patch.items():
        if name.startswith("$setElementOrder/") and (field := name.partition("/")[2]) in result:
            result[field] = _ordered(field, result[field], order)
    return result


def _strategic_field(result: Json, name: str, value: Any, order: Any) -> None:
    if value is None:
        result.pop(name, None)
    elif isinstance(value, dict):
        result[name] = strategic(result.get(name), value)
    elif isinstance(value, list):
        result[name] = _strategic_list(name, result.get(name) or [], value, set_order=order is not None)
    else:
        result[name] = value


def _strategic_list(name: str, old: list[Any], patch: list[Any], *, set_order: bool) -> list[Any]:
    if name in SETS or (set_order and all(not isinstance(item, dict) for item in patch)):
        return [*old, *(item for item in patch if item not in old)]
    key = merge_key(name, old, patch)
    if key is None or {"$patch": "replace"} in patch:
        return [deepcopy(item) for item in patch if item != {"$patch": "replace"}]
    return _merged_items(key, old, patch)


def _merged_items(key: str, old: list[Json], patch: list[Json]) -> list[Json]:
    result = {item[key]: item for item in old}
    for item in patch:
        if item.get("$patch") == "delete":
            result.pop(item[key], None)
        else:
            result[item[key]] = strategic(result.get(item[key]), item)
    return list(result.values())


def _ordered(name: str, items: list[Any], order: list[Any]) -> list[Any]:
    key = merge_key(name, order)
    identity: Callable[[Any], Any] = (lambda item: item.get(key)) if key else (lambda item: item)
    places = {identity(item): place for place, item in enumerate(order)}
    return sorted(items, key=lambda item: places.get(identity(item), len(places)))
