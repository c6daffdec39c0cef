"""Which emoji says what.  A skin tone or another name of an emoji makes no other word of it.  Pure.

Slack: `white_check_mark` takes no skin tone; where one is taken, the name goes on after `::`.
"""

from typing import Final

from bot.domain.promotion import FactKind

OF: Final = {FactKind.APPROVE: "white_check_mark", FactKind.VETO: "x"}
"""✅ and ❌, by what they say."""
_WORDS: Final = {name: kind for kind, name in OF.items()}
_ALIASES: Final = {"thumbsup": "+1", "thumbsdown": "-1", "heavy_multiplication_x_red": "x"}


def plain(name: str) -> str:
    """Return the one name of an emoji: without its skin tone, and not an alias."""
    bare = name.partition("::")[0]
    return _ALIASES.get(bare, bare)


def word(name: str) -> FactKind | None:
    """Return what a reaction says; None for one that says nothing here."""
    return _WORDS.get(plain(name))
