"""MLmodel, the file that says how a model is loaded: read once, and only where nobody could read it differently.

MLflow's loaders read it again, each for itself, beside whichever file they are led to.  Here everything that is decided
about a model, and everything that is loaded, comes from one reading of the one MLmodel at the top.
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
"""What PyYAML raises: of a date that is none, for one, a ValueError; of `!!timestamp x` an AttributeError."""
LONGEST: Final = 8 << 20
"""Bytes of a YAML file.  A signature of 100,000 columns takes about 7 MB."""
BREAKS: Final = re.compile("[\x85\u2028\u2029\ufeff]")
"""Ends of lines to YAML 1.1 and nothing to YAML 1.2, and the byte order mark.  MLflow writes them as escapes."""
MERGE: Final = "tag:yaml.org,2002:merge"
NUMBERS: Final = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
DIGITS: Final = 1000
"""Of a number.  To read one of base 60 (1:30:00, with YAML 1.1) takes time by the square of its length."""

Settings = Mapping[str, Any]
"""What a flavor says of itself; Any, because it is up to each flavor, and every value is looked at where it is used."""
Flavors = Mapping[str, Settings]


@dataclass(frozen=True, slots=True, kw_only=True)
class MLmodel:
    """What is used of the file."""

    flavors: Flavors
    signature: Mapping[str, Any] | None = None
    """Of the model's input and output, in MLflow's own JSON; Any, because MLflow is who reads it."""


class _Loader(yaml.SafeLoader):
    """PyYAML's, which MLflow uses, without what parsers disagree about: keys that come twice or are merged in."""

    @override
    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        if node.tag in NUMBERS and len(node.value) > DIGITS:
            raise yaml.constructor.ConstructorError(None, None, "it holds a number that is too long", node.start_mark)
        return super().construct_scalar(node)

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if any(key.tag == MERGE for key, _ in node.value):
            raise yaml.constructor.ConstructorError(None, None, "it merges keys (<<)", node.start_mark)
        said = super().construct_mapping(node, deep=deep)
        if len(said) != len(node.value):
            raise yaml.constructor.ConstructorError(None, None, "it says a key twice", node.start_mark)
        return said


def read(content: bytes) -> MLmodel:
    """Return what an MLmodel file says.

    Raises:
        Refusal: it cannot be read, or could be read in two ways (70).
    """
    said = mapping(content, NAME)
    flavors, signature = said.get("flavors") or {}, said.get("signature")
    if not (_named(flavors) and all(_named(settings) for settings in flavors.values())):
        raise _unreadable(NAME, "its flavors are not names with settings")
    if not (signature is None or _named(signature)):
        raise _unreadable(NAME, "its signature is not one")
    return MLmodel(flavors=flavors, signature=signature)


def mapping(content: bytes, name: str) -> Mapping[Any, Any]:
    """Return what a YAML file of a model says, or nothing where that is no mapping.

    Raises:
        Refusal: it cannot be read, or could be read in two ways (70).
    """
    if len(content) > LONGEST:
        raise _unreadable(name, f"it has more than {LONGEST} bytes")
    try:
        text = content.decode()
        if BREAKS.search(text):
            raise _unreadable(name, "it holds a line separator or a byte order mark that parsers read differently")
        said = yaml.load(text, _Loader)  # noqa: S506 - it is a SafeLoader
    except RAISED as error:
        raise _unreadable(name, str(error)) from error
    return said if isinstance(said, Mapping) else {}


def _named(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _unreadable(name: str, because: str) -> Refusal:
    return Refusal(Exit.SOFTWARE, f"the model's {name} cannot be read: {because}")
