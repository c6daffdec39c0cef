"""MLmodel, the file that says how to load a model: read once, and only if all parsers agree on it.

MLflow's loaders each read it again, beside whichever file they are pointed to.  Here, every decision about a model and
everything that is loaded come from one reading of the one MLmodel at the top.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml
from typing_extensions import override

from callboard_model_server.refusals import Exit, Refusal

NAME: Final = "MLmodel"
RAISED: Final = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What PyYAML raises: for example a ValueError for an invalid date, an AttributeError for `!!timestamp x`."""
MAX_FILE: Final = 8 << 20
"""The most bytes of a YAML file.  A signature of 100,000 columns takes about 7 MB."""
BREAKS: Final = re.compile("[\x85\u2028\u2029\ufeff]")
"""Line breaks in YAML 1.1 but not in YAML 1.2, and the byte order mark.  MLflow escapes them."""
MERGE: Final = "tag:yaml.org,2002:merge"
NUMBERS: Final = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
DIGITS: Final = 1000
"""The most characters of a number.  Parsing base 60 (1:30:00 in YAML 1.1) takes time quadratic in its length."""

Settings = Mapping[str, Any]
"""A flavor's settings; Any, because they differ by flavor, and each value is checked where it is used."""
Flavors = Mapping[str, Settings]


@dataclass(frozen=True, slots=True, kw_only=True)
class MLmodel:
    """The parts of the file that are used."""

    flavors: Flavors
    signature: Mapping[str, Any] | None = None
    """The signature in MLflow's own JSON; Any, because only MLflow reads it."""


class _Loader(yaml.SafeLoader):
    """PyYAML's loader, which MLflow uses, without features that parsers disagree on: duplicate and merged keys."""

    @override
    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        if node.tag in NUMBERS and len(node.value) > DIGITS:
            raise yaml.constructor.ConstructorError(None, None, "it has a number that is too long", node.start_mark)
        return super().construct_scalar(node)

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if any(key.tag == MERGE for key, _ in node.value):
            raise yaml.constructor.ConstructorError(None, None, "it merges keys (<<)", node.start_mark)
        said = super().construct_mapping(node, deep=deep)
        if len(said) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "it has a duplicate key", node.start_mark)
        return said


def read(content: bytes) -> MLmodel:
    """Parse an MLmodel file.

    Raises:
        Refusal: it cannot be read, or is ambiguous (70).
    """
    said = mapping(content, NAME)
    flavors, signature = said.get("flavors") or {}, said.get("signature")
    if not (_named(flavors) and all(_named(settings) for settings in flavors.values())):
        raise _unreadable(NAME, "its flavors are not a mapping of names to settings")
    if not (signature is None or _named(signature)):
        raise _unreadable(NAME, "its signature is not a mapping")
    return MLmodel(flavors=flavors, signature=signature)


def mapping(content: bytes, name: str) -> Mapping[Any, Any]:
    """Parse a model's YAML file; return an empty mapping if it is not a mapping.

    Raises:
        Refusal: it cannot be read, or is ambiguous (70).
    """
    if len(content) > MAX_FILE:
        raise _unreadable(name, f"it has more than {MAX_FILE} bytes")
    try:
        text = content.decode()
        if BREAKS.search(text):
            raise _unreadable(name, "it has a line separator or a byte order mark, which parsers read differently")
        said = yaml.load(text, _Loader)  # noqa: S506 - it is a SafeLoader
    except RAISED as error:
        raise _unreadable(name, str(error)) from error
    return said if isinstance(said, Mapping) else {}


def _named(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _unreadable(name: str, because: str) -> Refusal:
    return Refusal(Exit.SOFTWARE, f"the model's {name} cannot be read: {because}")
