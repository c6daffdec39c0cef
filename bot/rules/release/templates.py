"""Texts of app.yaml with placeholders: `{version}` of the version that is released, and so on."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.domain.target import Target

PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
TAG: Final = "tag."
"""`{tag.NAME}` is a tag of the version in the registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What placeholders are replaced by; None: not known."""

    target: Target
    version: int
    run: str | None = None
    digest: str | None = None
    """Of the model's files, as verified when the version was last released."""
    tags: Mapping[str, str] = field(default_factory=dict)


NAMES: Final[Mapping[str, Callable[[Values], str | None]]] = {
    "model": lambda values: values.target.model,
    "stage": lambda values: values.target.stage,
    "version": lambda values: str(values.version),
    "run_id": lambda values: values.run,
    "digest": lambda values: values.digest,
}


class Unknown(Exception):
    """The value of a placeholder is not known."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder)
        self.placeholder = placeholder


def unknown(template: str) -> list[str]:
    """Return the placeholders that do not exist."""
    return [
        name for name in PLACEHOLDER.findall(template) if name not in NAMES and not (name[len(TAG) :] and _is_tag(name))
    ]


def from_registry(*templates: str) -> bool:
    """Return whether a value has to be read from the registry."""
    return any(name == "run_id" or _is_tag(name) for text in templates for name in PLACEHOLDER.findall(text))


def fill(template: str, values: Values, quote: Callable[[str], str] = str) -> str:
    """Return the text with its values, each passed through `quote`.

    Raises:
        Unknown: a value is not known.
    """
    return PLACEHOLDER.sub(lambda found: quote(_value(found[1], values)), template)


def _value(name: str, values: Values) -> str:
    found = values.tags.get(name.removeprefix(TAG)) if _is_tag(name) else NAMES[name](values)
    if not found:
        raise Unknown(name)
    return found


def _is_tag(name: str) -> bool:
    return name.startswith(TAG)
