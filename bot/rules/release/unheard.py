"""What a message shows that nobody was told of.  Pure.

Events are lost when nobody listens; reactions stay.  So what a message shows is compared with what was heard.
"""

from collections.abc import Iterable, Mapping

from bot.domain.promotion import Fact, FactKind
from bot.rules.parsing import emoji

TAKEN_BACK = {FactKind.APPROVE: FactKind.WITHDRAW, FactKind.VETO: FactKind.UNVETO}


def unheard(
    facts: Iterable[Fact], digest: str | None, shown: Mapping[str, frozenset[str]]
) -> tuple[tuple[FactKind, str], ...]:
    """Return what people said with reactions, or took back, without its being heard: (what, user id).

    `shown` is from the plain name of an emoji to the people who react with it at present.
    """
    about = [fact for fact in facts if fact.digest == digest and fact.by_reaction]
    found: list[tuple[FactKind, str]] = []
    for give, take in TAKEN_BACK.items():
        last = {fact.by: fact.kind for fact in about if fact.kind in {give, take}}
        heard = {by for by, kind in last.items() if kind is give}
        now = shown.get(emoji.OF[give], frozenset())
        found += [(give, by) for by in sorted(now - heard)]
        found += [(take, by) for by in sorted(heard - now)]
    return tuple(found)
