"""The rules that a published schema states in CEL, beside its types, asked of an object as an API server asks them.

Not itself a test.  https://kubernetes.io/docs/reference/using-api/cel/
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import celpy
from celpy.adapter import json_to_cel

RESERVED: Final = frozenset(
    {
        "true", "false", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
        "loop", "package", "namespace", "return", "var", "void", "while",
    }
)  # fmt: skip
"""Fields that are named as CEL's own words are written `__so__` in a rule."""


def broken(schema: Any, value: Any, place: str = "") -> Iterator[str]:
    """Yield where a rule of the schema does not hold for a value, and what the schema says of it then.

    What the value leaves out counts as the schema's default.
    """
    value = filled(schema, value)
    for rule in schema.get("x-kubernetes-validations", ()):
        if not holds(rule["rule"], value):
            yield f"{place or '.'}: {rule.get('message') or rule['rule']}"
    for key, inner in value.items() if isinstance(value, dict) else ():
        if key in schema.get("properties", {}):
            yield from broken(schema["properties"][key], inner, f"{place}.{key}")
    for number, inner in enumerate(value if isinstance(value, list) else ()):
        yield from broken(schema.get("items", {}), inner, f"{place}[{number}]")


def rules(schema: Any) -> Iterator[str]:
    """Yield every rule of a schema."""
    if isinstance(schema, dict):
        yield from (rule["rule"] for rule in schema.get("x-kubernetes-validations", ()))
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from rules(inner)


def filled(schema: Any, value: Any) -> Any:
    """Return a value with the defaults of its schema, all the way down."""
    if isinstance(value, list):
        return [filled(schema.get("items", {}), each) for each in value]
    if not isinstance(value, dict):
        return value
    known = schema.get("properties", {})
    whole = {key: inner["default"] for key, inner in known.items() if "default" in inner} | value
    return {key: filled(known.get(key, {}), inner) for key, inner in whole.items()}


def holds(rule: str, value: Any) -> bool:
    return bool(program(rule).evaluate({"self": json_to_cel(_escaped(value))}))


@cache
def program(rule: str) -> celpy.Runner:
    environment = celpy.Environment()
    return environment.program(environment.compile(rule))


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {f"__{key}__" if key in RESERVED else key: _escaped(inner) for key, inner in value.items()}
    return [_escaped(each) for each in value] if isinstance(value, list) else value
