"""Label and field selectors: from text to a predicate on objects.

Not here: where selectors come from.
Grammar: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

import re
from collections.abc import Callable
from typing import TypeAlias

from bot.domain.json import Json
from callboard_demo.cluster import refusals

Selector: TypeAlias = Callable[[Json], bool]

_IN = re.compile(r"^\s*(\S+)\s+(in|notin)\s*\(([^)]*)\)\s*$")
_EQUAL = re.compile(r"^\s*([^\s=!]+)\s*(==|=|!=)\s*([^\s=!]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s=!(),]+)\s*$")


def _labels(value: Json) -> dict[str, str]:
    return value["metadata"].get("labels") or {}


def _outer_commas(text: str) -> list[str]:
    return [part for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _requirement(text: str) -> Selector:
    if match := _IN.match(text):
        key, values, wanted = match[1], {v.strip() for v in match[3].split(",")}, match[2] == "in"
        return lambda o: (_labels(o).get(key) in values) is wanted
    if match := _EQUAL.match(text):
        key, value, wanted = match[1], match[3], match[2] != "!="
        return lambda o: (_labels(o).get(key) == value) is wanted
    if match := _EXISTS.match(text):
        key, wanted = match[2], not match[1]
        return lambda o: (key in _labels(o)) is wanted
    raise refusals.bad_request(f"unable to parse requirement: {text!r}")


def by_label(text: str) -> Selector:
    """Return the predicate of `labelSelector=text`.

    Raises:
        Refusal: 400, it does not parse.
    """
    tests = [_requirement(part) for part in _outer_commas(text)]
    return lambda o: all(test(o) for test in tests)


def by_field(text: str, plural: str) -> Selector:
    """Return the predicate of `fieldSelector=text`: any path to a scalar, compared as text.

    Raises:
        Refusal: 400, it does not parse, or the field is not selectable for this kind.
    """
    tests = [_field_test(part, plural) for part in text.split(",") if part.strip()]
    return lambda o: all(test(o) for test in tests)


_SELECTABLE = {
    "pods": ("spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase", "status.podIP"),
    "events": ("involvedObject.", "reason", "reportingComponent", "source", "type"),
    "replicasets": ("status.replicas",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "secrets": ("type",),
}


def _field_test(text: str, plural: str) -> Selector:
    match = re.match(r"^\s*([^=!]+?)\s*(==|=|!=)\s*(.*?)\s*$", text)
    if not match:
        raise refusals.bad_request(f"invalid selector: {text!r}; can't understand {text!r}")
    path, value, wanted = match[1], match[3], match[2] != "!="
    if path not in {"metadata.name", "metadata.namespace"} and not path.startswith(_SELECTABLE.get(plural, ("\0",))):
        raise refusals.bad_request(f"field label not supported: {path}")
    return lambda o: (_at(o, path) == value) is wanted


def _at(value: Json, path: str) -> str:
    found: object = value
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return "" if found is None else str(found).lower() if isinstance(found, bool) else str(found)


def matches(selector: Json, labels: dict[str, str]) -> bool:
    """Return whether a LabelSelector object (`matchLabels`, `matchExpressions`) selects these labels."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_expression(e, labels) for e in selector.get("matchExpressions") or ())


def _expression(expression: Json, labels: dict[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def as_text(selector: Json) -> str:
    """Return a LabelSelector object in the form that `labelSelector=` takes (for `scale`)."""
    parts = [f"{k}={v}" for k, v in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], ",".join(expression.get("values") or ())
        forms = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append(forms.get(expression["operator"], f"!{key}"))
    return ",".join(parts)
