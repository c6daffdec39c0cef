"""Why something is so, as data: a code and typed parameters, with no prose and no markup.

A decision returns a reason; `bot.rules.wording.reasons` puts it into words, once for each surface.  The database stores
code and parameters, so codes and the names of parameters never change once released.  To add a reason, write one class
in `bot/domain/reasons/` and one line in the table beside it in `bot/rules/wording/words/`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NewType, TypeVar, dataclass_transform

User = NewType("User", str)
"""A chat user's id; `callboard` for what Callboard did automatically."""
Name = NewType("Name", str)
"""The name of a thing, which people may want to copy: a model, a stage, a file, an object."""
Command = NewType("Command", str)
"""A whole command to type, names from outside included."""
Url = NewType("Url", str)
"""A web address."""
Said = NewType("Said", str)
"""Text from another system or a person, which may contain anything."""


class Reason:
    """The base of all reasons."""

    __slots__ = ()

    code: str
    """What the reason is stored, logged and counted as."""


R = TypeVar("R", bound=Reason)

CODES: Final[dict[str, type[Reason]]] = {}
"""Every reason by its code."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def reason(code: str) -> Callable[[type[R]], type[R]]:
    """Make a reason of a class: a frozen dataclass whose first field is its code.

    A field may be a `User`, `Name`, `Command`, `Url`, `Said`, `int`, `bool`, `datetime`, `timedelta`, another reason, a
    tuple of one of these, or None.
    """

    def make(cls: type[R]) -> type[R]:
        cls.__annotations__ = {"code": str, **cls.__annotations__}
        cls.code = code
        made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        if code in CODES:
            raise ValueError(code)
        CODES[code] = made
        return made

    return make


def users(ids: Iterable[str]) -> tuple[User, ...]:
    """Return ids as parameters of a reason."""
    return tuple(map(User, ids))
