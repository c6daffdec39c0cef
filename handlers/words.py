"""A person's approval or veto of a change, given by a reaction or a button."""

from datetime import datetime

from bot.domain.chat import Posted
from bot.domain.promotion import FactKind
from bot.store.store import Store


async def speak(  # noqa: PLR0913  (who says what on which message, how, when, and heard when)
    kind: FactKind, by: str, posted: Posted, *, how: str, store: Store, at: datetime, now: datetime, key: str
) -> None:
    """Record it, if the message is one of ours; the gates decide whether it counts."""
    await store.word(kind, by, posted, at=at, now=now, key=key, how=how)
