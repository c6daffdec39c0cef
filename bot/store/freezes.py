"""Which stages are frozen, and by whom."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.policy import Freeze
from bot.domain.promotion import FactKind
from bot.store import rows
from bot.store.engine import upsert
from bot.store.schema import freezes


class Freezes:
    """The freezes that people set; freeze windows are in app.yaml, not here.  Every method is one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def of_stage(self, stage: str) -> Freeze | None:
        """Return the freeze that somebody set for a stage; it may be over."""
        async with self._engine.begin() as tx:
            row = (await tx.execute(select(freezes).where(freezes.c.stage == stage))).one_or_none()
        return Freeze(stage=row.stage, until=row.until, reason=row.reason, by=row.by) if row else None

    async def all(self) -> tuple[Freeze, ...]:
        """Return every freeze that somebody set; some may be over."""
        async with self._engine.begin() as tx:
            found = await tx.execute(select(freezes).order_by(freezes.c.stage))
            return tuple(Freeze(stage=row.stage, until=row.until, reason=row.reason, by=row.by) for row in found)

    async def freeze(self, order: Freeze, *, at: datetime, key: str) -> bool:
        """Freeze a stage, replacing an older freeze, and wake its targets; return False for a repeated delivery."""
        until = order.until.isoformat() if order.until else None
        body = {"stage": order.stage, "until": until, "reason": order.reason}
        values = {"until": order.until, "reason": order.reason, "by": order.by, "at": at}
        try:
            async with self._engine.begin() as tx:
                await rows.fact(tx, key, FactKind.FREEZE, order.by, at, body=body)
                row = upsert(tx, freezes).values(stage=order.stage, **values)
                await tx.execute(row.on_conflict_do_update(index_elements=["stage"], set_=values))
                await rows.wake_stage(tx, order.stage, at)
        except IntegrityError:
            return False
        return True

    async def thaw(self, stage: str, by: str, *, at: datetime, key: str) -> bool:
        """Lift a freeze and wake the stage's targets; return False if there was none, or for a repeated delivery."""
        try:
            async with self._engine.begin() as tx:
                done = await tx.execute(delete(freezes).where(freezes.c.stage == stage))
                if done.rowcount == 0:
                    return False
                await rows.fact(tx, key, FactKind.THAW, by, at, body={"stage": stage})
                await rows.wake_stage(tx, stage, at)
        except IntegrityError:
            return False
        return True
