"""Which message shows which change, and what the chat has confirmed that it shows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.chat import Posted
from bot.domain.promotion import Promotion
from bot.store import rows
from bot.store.schema import messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A message that shows a change of a promotion."""

    posted: Posted
    promotion: int
    digest: str | None
    current: bool
    shown: str | None


class Messages:
    """The messages of promotions.  Every method is one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def standing(self, posted: Posted) -> Standing | None:
        """Return what the message at that place shows."""
        async with self._engine.begin() as tx:
            where = and_(messages.c.channel == posted.channel, messages.c.ts == posted.ts)
            row = (await tx.execute(select(messages).where(where))).one_or_none()
        return _standing(row) if row else None

    async def unsettled(self) -> tuple[Standing, ...]:
        """Return the messages that may still have to be edited."""
        async with self._engine.begin() as tx:
            return tuple(_standing(row) for row in await tx.execute(select(messages).where(~messages.c.settled)))

    async def unpost(self, promotion: Promotion, posted: Posted, *, now: datetime) -> None:
        """Forget a promotion's deleted message and wake its target: it will be posted again."""
        async with self._engine.begin() as tx:
            gone = and_(messages.c.channel == posted.channel, messages.c.ts == posted.ts)
            await tx.execute(update(messages).where(gone).values(current=False, settled=True))
            await rows.note(tx, promotion.id, {"message": None})
            await rows.wake(tx, promotion.target, now)

    async def confirm(self, posted: Posted, form: str, *, settled: bool) -> None:
        """Store what the chat confirmed that a message shows."""
        async with self._engine.begin() as tx:
            where = and_(messages.c.channel == posted.channel, messages.c.ts == posted.ts)
            await tx.execute(update(messages).where(where).values(shown=form, settled=settled))


def _standing(row: Row[Any]) -> Standing:
    posted = Posted(channel=row.channel, ts=row.ts)
    return Standing(posted=posted, promotion=row.promotion, digest=row.digest, current=row.current, shown=row.shown)
