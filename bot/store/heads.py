"""The commits at which the forge says, or may say, that they are approved.

A row is written in the transaction that decides to say so, before it is said, and deleted when the commit is merged, or
when the forge has confirmed that it says so no more.  The steps inside a transaction, as in `rows`.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.promotion import Promotion
from bot.domain.target import Pair
from bot.rules.release.decision import Decision
from bot.store.engine import upsert
from bot.store.schema import approved_heads as heads


async def of(tx: AsyncConnection, it: Promotion) -> tuple[str, ...]:
    """Return those that a promotion has to revoke, the oldest first: an open one revokes for all of its pair."""
    whose = true() if it.state.open else heads.c.promotion == it.id
    found = await tx.execute(select(heads.c.sha).where(and_(_of(it.pair), whose)).order_by(heads.c.at, heads.c.sha))
    return tuple(found.scalars())


async def decide(tx: AsyncConnection, it: Promotion, decision: Decision, now: datetime) -> None:
    """Remember the commit that is about to be approved; forget the one that is merged."""
    if decision.approves is not None:
        key = {"model": it.pair.model, "stage": it.pair.stage, "sha": decision.approves}
        row = upsert(tx, heads).values(**key, promotion=it.id, at=now)
        await tx.execute(row.on_conflict_do_update(index_elements=list(key), set_={"promotion": it.id}))
    if decision.merged is not None:
        await forget(tx, it.pair, decision.merged)


async def forget(tx: AsyncConnection, pair: Pair, sha: str) -> None:
    """Forget a commit that needs no revoking any more."""
    await tx.execute(delete(heads).where(and_(_of(pair), heads.c.sha == sha)))


def _of(pair: Pair) -> ColumnElement[bool]:
    return and_(heads.c.model == pair.model, heads.c.stage == pair.stage)
