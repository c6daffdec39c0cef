"""The members of the user groups that app.yaml names, as mirrored last."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.rules.release.membership import STALE, Members
from bot.store.engine import upsert
from bot.store.schema import user_groups


class UserGroups:
    """The mirror of user groups, which handlers check permissions with.  Every method is one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def see(self, name: str, members: frozenset[str], *, now: datetime) -> None:
        """Store the members of a group."""
        values = {"members": sorted(members), "at": now}
        async with self._engine.begin() as tx:
            row = upsert(tx, user_groups).values(name=name, **values)
            await tx.execute(row.on_conflict_do_update(index_elements=["name"], set_=values))

    async def members(self, now: datetime) -> Members:
        """Return the members of every group, except where the list is too old to be trusted."""
        async with self._engine.begin() as tx:
            found = await tx.execute(select(user_groups).where(user_groups.c.at >= now - STALE))
            return {row.name: frozenset(row.members) for row in found}
