"""Which message shows which change, and what the chat has confirmed that it shows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, and_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.chat import Posted
from bot.domain.promotion import Promotion
from bot.domain.target import Target
from bot.store import rows
from bot.store.schema import messages, promotions

STANDING: Final = select(messages, promotions.c.model, promotions.c.stage).join(
    promotions, promotions.c.id == messages.c.promotion
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A message that shows a change of a promotion."""

    posted: Posted
    promotion: int
    target: Target
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
            row = (await tx.execute(STANDING.where(where))).one_or_none()
        return _standing(row) if row else None

    async def unsettled(self, targets: Collection[Target] | None = None) -> tuple[Standing, ...]:
        """Return the messages that may still have to be edited; those of some targets, if they are named."""
        async with self._engine.begin() as tx:
            found = map(_standing, await tx.execute(STANDING.where(~messages.c.settled)))
            return tuple(each for each in found if targets is None or each.target in targets)

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
    return Standing(
        posted=Posted(channel=row.channel, ts=row.ts),
        promotion=row.promotion,
        target=Target(model=row.model, stage=row.stage),
        digest=row.digest,
        current=row.current,
        shown=row.shown,
    )
