"""Reading raw JSON of the cluster: what is missing has a default, what is of a wrong type is said so.

Not a schema: each reader checks the one value that it is asked for, so that an odd object, which kills a typed
client's whole watch, costs the verdict on its own workload and nothing else.
"""

from datetime import UTC, datetime
from typing import Any, Final

from bot.domain.json import Json

_DIGITS: Final = 19


class Odd(Exception):
    """A value of the object is not of the type that Kubernetes documents.  Never leaves `bot.rules`."""


def at(obj: Any, *path: str) -> Any:
    """Return the value at `path`, or None where the path ends early.

    Raises:
        Odd: something on the way is not a mapping.
    """
    value: Any = obj
    for i, key in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Odd(f"{'.'.join(path[:i]) or 'the object'} is {_kind(value)}, not a mapping")
        value = value.get(key)
    return value


def mapping(obj: Json, *path: str) -> Json:
    """Return the mapping at `path`, empty where it is missing."""
    value = at(obj, *path)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Odd(f"{'.'.join(path)} is {_kind(value)}, not a mapping")
    return value


def items(obj: Json, *path: str) -> list[Json]:
    """Return the list of mappings at `path`, empty where it is missing."""
    value = at(obj, *path)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Odd(f"{'.'.join(path)} is {_kind(value)}, not a list of mappings")
    return value


def text(obj: Json, *path: str) -> str:
    """Return the string at `path`, empty where it is missing."""
    value = at(obj, *path)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Odd(f"{'.'.join(path)} is {_kind(value)}, not text")
    return value


def number(obj: Json, *path: str, default: int = 0) -> int:
    """Return the whole number at `path`, or the default where it is missing."""
    value = at(obj, *path)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool):
        raise Odd(f"{'.'.join(path)} is {_kind(value)}, not a whole number")
    return value


def whole(digits: str) -> int | None:
    """Return the whole number that a text is, or None; Python refuses to read thousands of digits, and so do we."""
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < _DIGITS else None


def flag(obj: Json, *path: str) -> bool:
    """Return the truth at `path`, False where it is missing."""
    value = at(obj, *path)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise Odd(f"{'.'.join(path)} is {_kind(value)}, not true or false")
    return value


def moment(obj: Json, *path: str) -> datetime | None:
    """Return the time at `path` (RFC 3339 text, or what a YAML reader made of it); UTC where it names no zone."""
    value = at(obj, *path)
    if value is None:
        return None
    try:
        read = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (ValueError, TypeError) as error:
        raise Odd(f"{'.'.join(path)} is {_kind(value)}, not a time") from error
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def condition(obj: Json, kind: str) -> Json:
    """Return the condition of that type in `status.conditions`, empty where there is none."""
    return next((c for c in items(obj, "status", "conditions") if c.get("type") == kind), {})


def name(obj: Json) -> str:
    """Say "Deployment iris-production"."""
    return f"{text(obj, 'kind') or 'object'} {text(obj, 'metadata', 'name') or 'without a name'}"


def _kind(value: Any) -> str:
    return f"{type(value).__name__} {str(value)[:40]!r}"


def owned_by(obj: Json, owner: Json) -> bool:
    """Say whether the object's controller is the owner, by uid: a namesake made anew is another."""
    uid = text(owner, "metadata", "uid")
    return bool(uid) and any(text(r, "uid") == uid for r in items(obj, "metadata", "ownerReferences"))
