"""The commits that GitHub shows, or may show, as approved.

A row is written in the transaction that decides to report the approval, before it is reported, and deleted when the
commit is merged, or when GitHub has confirmed the revocation.  These are steps inside a transaction, as in `rows`.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.promotion import Promotion
from bot.domain.target import Target
from bot.rules.release.decision import Decision
from bot.store.engine import upsert
from bot.store.schema import approved_heads as heads


async def to_revoke(tx: AsyncConnection, promotion: Promotion) -> tuple[str, ...]:
    """Return the commits that a promotion has to revoke, oldest first: an open one revokes all of its target's."""
    whose = true() if promotion.state.open else heads.c.promotion == promotion.id
    found = await tx.execute(
        select(heads.c.sha).where(and_(_of(promotion.target), whose)).order_by(heads.c.at, heads.c.sha)
    )
    return tuple(found.scalars())


async def decide(tx: AsyncConnection, promotion: Promotion, decision: Decision, now: datetime) -> None:
    """Store the commit that is about to be approved; delete the one that is merged."""
    if decision.approves is not None:
        key = {"model": promotion.target.model, "stage": promotion.target.stage, "sha": decision.approves}
        row = upsert(tx, heads).values(**key, promotion=promotion.id, at=now)
        await tx.execute(row.on_conflict_do_update(index_elements=list(key), set_={"promotion": promotion.id}))
    if decision.merged is not None:
        await forget(tx, promotion.target, decision.merged)


async def forget(tx: AsyncConnection, target: Target, sha: str) -> None:
    """Delete a commit that no longer needs to be revoked."""
    await tx.execute(delete(heads).where(and_(_of(target), heads.c.sha == sha)))


def _of(target: Target) -> ColumnElement[bool]:
    return and_(heads.c.model == target.model, heads.c.stage == target.stage)
