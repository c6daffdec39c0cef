"""What each emoji means, whatever its skin tone and by whatever name.

Slack: `white_check_mark` takes no skin tone; for others, the skin tone follows after `::`.
"""

from typing import Final

from bot.domain.promotion import FactKind

OF: Final = {FactKind.APPROVE: "white_check_mark", FactKind.VETO: "x"}
"""✅ and ❌, by their meaning."""
_MEANINGS: Final = {name: kind for kind, name in OF.items()}
_ALIASES: Final = {"thumbsup": "+1", "thumbsdown": "-1", "heavy_multiplication_x_red": "x"}


def plain(name: str) -> str:
    """Return the one name of an emoji: without its skin tone, and not an alias."""
    bare = name.partition("::")[0]
    return _ALIASES.get(bare, bare)


def meaning(name: str) -> FactKind | None:
    """Return what a reaction means; None for one that means nothing here."""
    return _MEANINGS.get(plain(name))
