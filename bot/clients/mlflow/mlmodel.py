"""What the files beside a model say: its signature, its size, the packages it needs.  Text in, values out; no I/O.

MLflow's own reader is not used: it needs numpy and pandas, and costs more memory than the whole bot.
https://mlflow.org/docs/latest/ml/model/#mlmodel-file
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from bot.clients.limits import Malformed, decoded, plain_yaml

Columns: TypeAlias = tuple[tuple[str, str, bool], ...]
"""(name, type, required) of each column; a column without a name is called by its place: "0"."""

WIDEST: Final = 100_000
"""Columns of a signature; what has more is taken for none."""
REQUIREMENTS: Final = 256 << 10
"""Characters of a requirements.txt that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MLmodel:
    """What is taken from an MLmodel file; None where it says nothing, or nothing that can be understood."""

    inputs: Columns | None = None
    outputs: Columns | None = None
    size: int | None = None
    """Bytes."""


def read(text: str) -> MLmodel:
    """Return what an MLmodel file says.  Training code may write anything there, so nothing is taken for granted."""
    try:
        said = plain_yaml(text)
    except Malformed:
        return MLmodel()
    if not isinstance(said, Mapping):
        return MLmodel()
    signature, size = said.get("signature"), said.get("model_size_bytes")
    known = signature if isinstance(signature, Mapping) else {}
    return MLmodel(
        inputs=_columns(known.get("inputs")),
        outputs=_columns(known.get("outputs")),
        size=int(size) if isinstance(size, str) and _is_size(size) else None,
    )


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18  # noqa: PLR2004 - as many digits as 64 bits hold


def requirements(text: str) -> tuple[str, ...]:
    """Return the lines of a requirements.txt that name a package or an option, without their comments."""
    lines = (line.split(" #")[0].strip() for line in text[:REQUIREMENTS].splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _columns(text: object) -> Columns | None:
    """Return the columns of a signature's half, which is a JSON string inside the YAML."""
    try:
        columns = decoded(text) if isinstance(text, str) else None
        if not isinstance(columns, list) or not all(isinstance(column, dict) for column in columns):
            return None
        if len(columns) > WIDEST:
            return None
        return tuple(
            (str(column.get("name", place)), _type(column), bool(column.get("required", True)))
            for place, column in enumerate(columns)
        )
    except (Malformed, RecursionError):
        return None


def _type(column: Any) -> str:
    """Return a type as one word or one expression: `double`, `tensor(float64, [-1, 4])`, `array(string)`."""
    if not isinstance(column, Mapping):
        return "unknown"
    kind = column.get("type")
    match kind:
        case "tensor":
            spec = column.get("tensor-spec")
            spec = spec if isinstance(spec, Mapping) else {}
            return f"tensor({spec.get('dtype')}, {spec.get('shape')})"
        case "array":
            return f"array({_type(column.get('items'))})"
        case "map":
            return f"map({_type(column.get('values'))})"
        case "object":
            return f"object({_properties(column.get('properties'))})"
        case _:
            return kind if isinstance(kind, str) else "unknown"


def _properties(properties: object) -> str:
    if not isinstance(properties, Mapping):
        return ""
    return ", ".join(f"{name}{_mark(of)}: {_type(of)}" for name, of in sorted(properties.items()))


def _mark(property_: Any) -> str:
    optional = isinstance(property_, Mapping) and property_.get("required") is False
    return "?" if optional else ""
