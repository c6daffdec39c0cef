"""A person's word on a change, however it was given: a reaction or a button."""

from datetime import datetime
from typing import Final

from bot.domain import Posted
from bot.promotion import FactKind
from bot.store import Store

APPROVE: Final = frozenset({"white_check_mark"})
VETO: Final = frozenset({"x"})


async def speak(kind: FactKind, by: str, posted: Posted, *, store: Store, at: datetime, key: str) -> None:
    """Record the word, if the message is one of ours; whether it counts is the gates' business."""
    await store.word(kind, by, posted, at=at, key=key)
