"""Parse the files of a model: its signature, its size, the packages it needs.  Text in, values out; no I/O.

MLflow's own reader is not used: it needs numpy and pandas, and more memory than the whole bot.
https://mlflow.org/docs/latest/ml/model/#mlmodel-file
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from bot.clients.limits import Malformed, decoded, plain_yaml

Columns: TypeAlias = tuple[tuple[str, str, bool], ...]
"""(name, type, required) of each column; a column without a name is named by its position: "0"."""

WIDEST: Final = 100_000
"""Columns of a signature; one that has more is ignored."""
CODE: Final = "python_function"
DATA: Final = frozenset({"lightgbm", "sklearn"})
"""The flavors that are data and not code, unless they are pickled."""
LIGHTGBM_TEXT: Final = "lightgbm.basic.Booster"
NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})
"""How YAML writes that there is no value."""
UNREADABLE: Final = "an MLmodel that cannot be read"
REQUIREMENTS: Final = 256 << 10
"""Characters of a requirements.txt that are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MLmodel:
    """What an MLmodel file contains; None where something is missing or cannot be parsed."""

    inputs: Columns | None = None
    outputs: Columns | None = None
    size: int | None = None
    """Bytes."""
    runs_code: tuple[str, ...] = ()
    """Which flavors of the model are code, as in the model server's MODEL_FLAVORS; empty where all of it is data."""


def read(text: str) -> MLmodel:
    """Parse an MLmodel file.  Training code may write anything there, so nothing about it is assumed."""
    try:
        found = plain_yaml(text)
    except Malformed:
        return MLmodel(runs_code=(UNREADABLE,))  # MLflow may well read it
    if not isinstance(found, Mapping):
        return MLmodel()
    signature, size = found.get("signature"), found.get("model_size_bytes")
    known = signature if isinstance(signature, Mapping) else {}
    return MLmodel(
        inputs=_columns(known.get("inputs")),
        outputs=_columns(known.get("outputs")),
        size=int(size) if isinstance(size, str) and _is_size(size) else None,
        runs_code=_runs_code(found.get("flavors")),
    )


def _runs_code(flavors: object) -> tuple[str, ...]:
    """Return what the model server would need permission to run; see `callboard_model_server.trust.needed`."""
    if not isinstance(flavors, Mapping) or not flavors:
        return ()
    conf = _settings(flavors, CODE)
    loader = conf.get("loader_module")
    name = loader.removeprefix("mlflow.") if isinstance(loader, str) and loader.startswith("mlflow.") else CODE
    name = name if name in flavors else CODE
    settings = _settings(flavors, name)
    own = {CODE} if not {conf.get("code", ""), settings.get("code", "")} <= NOTHING else set[str]()
    return tuple(sorted(({_kind(name, settings)} | own) - DATA))


def _kind(name: str, settings: Mapping[str, str]) -> str:
    """Return "sklearn" for what is data, "sklearn:cloudpickle" for what is a pickle."""
    if name == "lightgbm" and settings.get("model_class", LIGHTGBM_TEXT) == LIGHTGBM_TEXT:
        return name
    form = settings.get("serialization_format", "pickle" if name == "sklearn" else "cloudpickle")
    return name if name not in DATA or form == "skops" else f"{name}:{form[:80]}"


def _settings(flavors: Mapping[Any, Any], name: str) -> Mapping[str, str]:
    """Return the settings of a flavor; a value that is not text becomes "…"."""
    found = flavors.get(name)
    settings = found if isinstance(found, Mapping) else {}
    return {str(key): value if isinstance(value, str) else "…" for key, value in settings.items()}


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18  # noqa: PLR2004 - the digits of 64 bits


def requirements(text: str) -> tuple[str, ...]:
    """Return the lines of a requirements.txt that name a package or an option, without their comments."""
    lines = (line.split(" #")[0].strip() for line in text[:REQUIREMENTS].splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _columns(text: object) -> Columns | None:
    """Return the columns of the inputs or outputs of a signature, which are a JSON string inside the YAML."""
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
