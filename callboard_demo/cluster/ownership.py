"""Server-side apply: field ownership, and the result of applying a configuration to an object.

Not here: client-side patches.  As in the real server, ownership is stored in `metadata.managedFields`, as one set of
field paths for each (manager, operation).  Simpler than the real one: ports are distinguished by number alone.  Rules:
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, TypeAlias

from bot.domain.json import Json
from callboard_demo.cluster import refusals
from callboard_demo.cluster.patches import SETS, merge_key

Path: TypeAlias = tuple[str, ...]

_IDENTITY = frozenset(
    {
        "name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp",
        "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink",
    }
)  # fmt: skip


def fields(value: Json) -> dict[Path, Any]:
    """Return every field that a manager can own, by its path, with its value."""
    meta = {k: v for k, v in (value.get("metadata") or {}).items() if k not in _IDENTITY}
    rest = {k: v for k, v in value.items() if k not in {"apiVersion", "kind", "metadata", "status"}}
    return dict(_walk({**({"metadata": meta} if meta else {}), **rest}, ()))


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _walk_field(name, inner, (*path, f"f:{name}"))
    else:
        yield path, value


def _walk_field(name: str, value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, list) and name in SETS:
        yield from (((*path, f"v:{json.dumps(item)}"), item) for item in value)
    elif isinstance(value, list) and (key := merge_key(name, value)):
        for item in value:
            inside = (*path, "k:" + json.dumps({key: item[key]}, separators=(",", ":")))
            yield (*inside, "."), None
            yield from _walk(item, inside)
    else:
        yield from _walk(value, path)


def _encode(paths: set[Path]) -> Json:
    root: Json = {}
    for path in sorted(paths):
        place = root
        for part in path:
            place = place.setdefault(part, {})
    return root


def _decode(tree: Json, path: Path = ()) -> Iterator[Path]:
    for name, inner in tree.items():
        if inner:
            yield from _decode(inner, (*path, name))
        else:
            yield (*path, name)


def _owned(value: Json | None) -> dict[tuple[str, str], set[Path]]:
    entries = ((value or {}).get("metadata") or {}).get("managedFields") or ()
    return {(e["manager"], e["operation"]): set(_decode(e["fieldsV1"])) for e in entries if "subresource" not in e}


def _written(value: Json, owned: Mapping[tuple[str, str], set[Path]], now: str, writer: tuple[str, str] | None) -> Json:
    """Return the object with its owners; `writer` is the one that changed a value, if any was changed."""
    before = {(e["manager"], e["operation"]): e for e in value["metadata"].get("managedFields") or ()}
    entries = []
    for (manager, operation), paths in owned.items():
        entry = {"manager": manager, "operation": operation, "apiVersion": value["apiVersion"], "time": now}
        entry |= {"fieldsType": "FieldsV1", "fieldsV1": _encode(paths)}
        old = before.get((manager, operation))
        same = old is not None and old["fieldsV1"] == entry["fieldsV1"] and (manager, operation) != writer
        if paths:
            entries.append(old if same else entry)
    return {**value, "metadata": {**value["metadata"], "managedFields": entries}}


def record(old: Json | None, new: Json, manager: str, now: str) -> Json:
    """Return `new` with `manager` owning every field that differs from `old`, as after an ordinary write."""
    before, after = fields(old) if old else {}, fields(new)
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    owned = {who: (paths & after.keys()) - changed for who, paths in _owned(old).items()}
    owned[manager, "Update"] = owned.get((manager, "Update"), set()) | changed
    return _written(new, owned, now, (manager, "Update") if changed else None)


def apply(old: Json | None, wanted: Json, manager: str, *, force: bool, now: str) -> Json:
    """Return the result of a server-side apply of `wanted` to `old` (None: it is new).

    Raises:
        Refusal: 409, another manager owns a field with another value and `force` is not set.
    """
    mine, owned, live = fields(wanted), _owned(old), fields(old) if old else {}
    previous = owned.pop((manager, "Apply"), set())
    clashes = [
        (who, path)
        for who, paths in owned.items()
        for path in sorted(paths & mine.keys())
        if live.get(path) != mine[path]
    ]
    if clashes and not force:
        raise refusals.apply_conflict([(who[0], _readable(path)) for who, path in clashes])
    for who, path in clashes:
        owned[who].discard(path)
    kept = set().union(*owned.values())
    result = _merged(old or {}, wanted)
    for path in sorted(previous - mine.keys() - kept):
        _drop(result, path)
    writer = (manager, "Apply") if fields(result) != live else None
    return _written(result, {(manager, "Apply"): set(mine), **owned}, now, writer)


def _readable(path: Path) -> str:
    text = ""
    for part in path:
        kind, _, rest = part.partition(":")
        text += f".{rest}" if kind == "f" else f"[{rest.strip('{}').replace(':', '=', 1)}]" if kind == "k" else ""
    return text


def _merged(old: Any, wanted: Any) -> Any:
    if not isinstance(wanted, dict) or not isinstance(old, dict):
        return deepcopy(wanted)
    result = deepcopy(old)
    for name, value in wanted.items():
        if isinstance(value, list) and isinstance(old.get(name), list):
            result[name] = _merged_list(name, old[name], value)
        else:
            result[name] = _merged(old.get(name), value)
    return result


def _merged_list(name: str, old: list[Any], wanted: list[Any]) -> list[Any]:
    if name in SETS:
        return [*old, *(item for item in wanted if item not in old)]
    if (key := merge_key(name, old, wanted)) is None:
        return deepcopy(wanted)
    items = {item[key]: item for item in old}
    first = {item[key]: _merged(items.get(item[key], {}), item) for item in wanted}
    return [*first.values(), *(deepcopy(item) for name, item in items.items() if name not in first)]


def _drop(value: Json, path: Path) -> None:
    *way, last = path
    if last == ".":
        *way, last = way
    place: Any = value
    for part in way:
        place = _step(place, part)
    if isinstance(place, list):
        place[:] = [item for item in place if not _is(item, last)]
    elif isinstance(place, dict):
        place.pop(last.partition(":")[2], None)


def _step(place: Any, part: str) -> Any:
    if isinstance(place, dict):
        return place.get(part.partition(":")[2])
    return next((item for item in place or () if _is(item, part)), None)


def _is(item: Any, part: str) -> bool:
    kind, _, text = part.partition(":")
    wanted = json.loads(text)
    return bool(item == wanted if kind == "v" else all(item.get(k) == v for k, v in wanted.items()))
