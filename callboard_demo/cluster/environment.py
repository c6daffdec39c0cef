"""A container's environment: resolve `env` and `envFrom` to names and values.

Pure: the ConfigMaps and Secrets are passed in.  Not here: cluster DNS in values (`runtime.py`).
Source: https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#environment-variables
"""

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from bot.domain.json import Json

Lookup: TypeAlias = Callable[[str, str], Json | None]
"""Given a kind (`configmaps`, `secrets`) and a name, returns the object, or None."""

_REFERENCE: Final = re.compile(r"\$\$|\$\(([^)]+)\)")
_WORDS: Final = {"configmaps": ("configmap", "ConfigMap"), "secrets": ("secret", "Secret")}


class ConfigError(Exception):
    """The container refers to something that does not exist: CreateContainerConfigError."""


def needed(container: Json) -> set[tuple[str, str]]:
    """Return the (kind, name) of every ConfigMap and Secret that the environment refers to."""
    found: set[tuple[str, str]] = set()
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        found |= {(kind, source[ref]["name"]) for ref, kind in _KEY_REFS.items() if ref in source}
    for source in container.get("envFrom") or ():
        found |= {(kind, source[ref]["name"]) for ref, kind in _WHOLE_REFS.items() if ref in source}
    return found


_KEY_REFS: Final = {"configMapKeyRef": "configmaps", "secretKeyRef": "secrets"}
_WHOLE_REFS: Final = {"configMapRef": "configmaps", "secretRef": "secrets"}


def environment(container: Json, pod: Json, lookup: Lookup) -> dict[str, str]:
    """Return the variables; `$(NAME)` refers to earlier ones.

    Raises:
        ConfigError: a ConfigMap, Secret or key is missing and not optional.
    """
    result: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        result |= dict(_whole(source, lookup))
    for variable in container.get("env") or ():
        if "valueFrom" in variable and "value" not in variable:
            value = _from(variable["valueFrom"], container, pod, lookup)
        else:
            value = expanded(variable.get("value") or "", result)
        if value is not None:
            result[variable["name"]] = value
    return result


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """Return a text with `$(NAME)` replaced; `$$` is a dollar sign; unknown names stay unchanged."""
    return _REFERENCE.sub(lambda m: "$" if m[1] is None else variables.get(m[1], m[0]), text)


def _whole(source: Json, lookup: Lookup) -> Iterator[tuple[str, str]]:
    prefix = source.get("prefix", "")
    for ref, kind in _WHOLE_REFS.items():
        if ref in source:
            found = lookup(kind, source[ref]["name"])
            if found is None and not source[ref].get("optional"):
                raise ConfigError(f'{_WORDS[kind][0]} "{source[ref]["name"]}" not found')
            yield from ((prefix + key, value) for key, value in _data(kind, found or {}).items())


def _data(kind: str, value: Json) -> dict[str, str]:
    data = value.get("data") or {}
    if kind == "configmaps":
        return dict(data)
    return {key: base64.b64decode(text).decode(errors="replace") for key, text in data.items()}


def _from(source: Json, container: Json, pod: Json, lookup: Lookup) -> str | None:
    for ref, kind in _KEY_REFS.items():
        if ref in source:
            return _key(kind, source[ref], pod, lookup)
    if "fieldRef" in source:
        return _field(source["fieldRef"]["fieldPath"], pod)
    if "resourceFieldRef" in source:
        part, _, name = source["resourceFieldRef"]["resource"].partition(".")
        return str(((container.get("resources") or {}).get(part) or {}).get(name, "0"))
    raise ConfigError("unsupported valueFrom")


def _key(kind: str, ref: Json, pod: Json, lookup: Lookup) -> str | None:
    low, high = _WORDS[kind]
    found = lookup(kind, ref["name"])
    value = _data(kind, found or {}).get(ref["key"])
    if value is not None or ref.get("optional"):
        return value
    if found is None:
        raise ConfigError(f'{low} "{ref["name"]}" not found')
    where = f"{pod['metadata']['namespace']}/{ref['name']}"
    raise ConfigError(f"couldn't find key {ref['key']} in {high} {where}")


def _field(path: str, pod: Json) -> str:
    if match := re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path):
        return str((pod["metadata"].get(match[1]) or {}).get(match[2], ""))
    found: object = pod
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return "" if found is None else str(found)
