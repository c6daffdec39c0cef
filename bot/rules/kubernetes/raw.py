"""Typed reads from the cluster's raw JSON: a missing value has a default, a value of a wrong type raises `Malformed`.

There is no schema: each reader checks only the value that it is asked for.  So a malformed object, which would break a
typed client's whole watch, costs nothing but the verdict on its own workload.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final

from bot.domain.json import Json
from bot.domain.reason import Name
from bot.domain.reasons.health import UnexpectedValue
from bot.rules.kubernetes.quoting import quote

_DIGITS: Final = 19
_LARGEST: Final = 2**40
"""No count, code or generation comes near; beyond it, neither times nor the database would take the number."""
_SHOWN: Final = 40
"""Characters shown of a value of a wrong type."""


class Malformed(Exception):
    """A value does not have the type that Kubernetes documents.  Caught in `bot.rules.kubernetes` and `bot.cluster`."""

    def __init__(self, path: tuple[str, ...], value: Any, expected: str) -> None:
        found = quote(json.dumps(value, default=str, ensure_ascii=False, skipkeys=True), _SHOWN)
        self.reason = UnexpectedValue(path=Name(".".join(path)), found=found, expected=Name(expected))
        super().__init__(self.reason)


def at(obj: Any, *path: str) -> Any:
    """Return the value at `path`, or None where the path ends early.

    Raises:
        Malformed: a value on the way is not a mapping.
    """
    value: Any = obj
    for i, key in enumerate(path):
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Malformed(path[:i], value, "object")
        value = value.get(key)
    return value


def mapping(obj: Json, *path: str) -> Json:
    """Return the mapping at `path`, empty where it is missing."""
    value = at(obj, *path)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Malformed(path, value, "object")
    return value


def items(obj: Json, *path: str) -> list[Json]:
    """Return the list of mappings at `path`, empty where it is missing."""
    value = at(obj, *path)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Malformed(path, value, "array of objects")
    return value


def texts(obj: Json, *path: str) -> list[str]:
    """Return the list of strings at `path`, empty where it is missing."""
    value = at(obj, *path)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Malformed(path, value, "array of strings")
    return value


def text(obj: Json, *path: str) -> str:
    """Return the string at `path`, empty where it is missing."""
    value = at(obj, *path)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(path, value, "string")
    return value


def number(obj: Json, *path: str, default: int = 0) -> int:
    """Return the whole number at `path`, or the default where it is missing."""
    value = at(obj, *path)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST:
        raise Malformed(path, value, "integer")
    return value


def whole(digits: str) -> int | None:
    """Return the whole number that a text spells, or None; Python refuses to read thousands of digits, and so do we."""
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < _DIGITS else None


def flag(obj: Json, *path: str) -> bool:
    """Return the boolean at `path`, False where it is missing."""
    value = at(obj, *path)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise Malformed(path, value, "boolean")
    return value


def moment(obj: Json, *path: str) -> datetime | None:
    """Return the time at `path` in UTC: RFC 3339 text, or the datetime that a YAML reader made of it.

    A time without a zone is taken as UTC.  One that is in UTC outside the years 1 to 9999 is malformed: Python could
    read it, but not show it.
    """
    value = at(obj, *path)
    if value is None:
        return None
    try:
        read = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise Malformed(path, value, "date-time") from error


def condition(obj: Json, kind: str) -> Json:
    """Return the condition of that type in `status.conditions`, empty where there is none."""
    return next((c for c in items(obj, "status", "conditions") if c.get("type") == kind), {})


def is_true(obj: Json, kind: str) -> bool:
    """Return whether the condition of that type is True."""
    return text(condition(obj, kind), "status") == "True"


def owned_by(obj: Json, owner: Json) -> bool:
    """Return whether the object has this owner, by uid: an owner recreated under the same name has another uid."""
    uid = text(owner, "metadata", "uid")
    return bool(uid) and any(text(r, "uid") == uid for r in items(obj, "metadata", "ownerReferences"))
