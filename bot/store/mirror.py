"""The mirror of the registry that handlers answer from, and what was announced of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.chat import Posted
from bot.domain.promotion import FactKind
from bot.domain.registry import ModelVersion
from bot.domain.target import Target
from bot.store import rows
from bot.store.engine import upsert
from bot.store.schema import models, versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """One version of the registry, and the state of its announcement."""

    what: ModelVersion
    noticed_at: datetime
    tries: int
    intent_at: datetime | None
    posted: Posted | None
    shown: str | None
    complete: bool
    """The announcement needs no more updates."""


class Mirror:
    """The registry's models, aliases and versions, as last seen.  Every method is one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def notice(self, what: ModelVersion, *, at: datetime, key: str) -> bool:
        """Store that the registry reported a version, and wake it; return False for a repeated delivery."""
        try:
            async with self._engine.begin() as tx:
                await rows.fact(
                    tx, key, FactKind.VERSION, "mlflow", at, body={"model": what.model, "version": what.version}
                )
                known = upsert(tx, versions).values(
                    model=what.model, version=what.version, heard_at=at, baseline=False, real=False, wake_at=at, tries=0
                )
                again = known.on_conflict_do_update(
                    index_elements=["model", "version"],
                    set_={"wake_at": at},
                    where=~versions.c.baseline & ~versions.c.complete,
                )
                await tx.execute(again)
        except IntegrityError:
            return False
        return True

    async def aliases(self) -> dict[str, dict[str, int]]:
        """Return every mirrored model with its aliases."""
        async with self._engine.begin() as tx:
            found = (await tx.execute(select(models).order_by(models.c.name))).all()
        return {row.name: row.aliases for row in found}

    async def known_versions(self, model: str) -> tuple[int, ...]:
        """Return the versions of a model, newest first."""
        async with self._engine.begin() as tx:
            where = and_(versions.c.model == model, versions.c.real)
            found = await tx.execute(select(versions.c.version).where(where).order_by(versions.c.version.desc()))
            return tuple(found.scalars())

    async def see(self, aliases: Mapping[str, Mapping[str, int]]) -> None:
        """Store the registry's models and their aliases."""
        async with self._engine.begin() as tx:
            for name, its in aliases.items():
                row = upsert(tx, models).values(name=name, aliases=dict(its))
                await tx.execute(row.on_conflict_do_update(index_elements=["name"], set_={"aliases": dict(its)}))

    async def meet(self, those: Sequence[ModelVersion], *, baseline: bool, now: datetime) -> int:
        """Store the versions that the registry lists and wake the new ones; return how many are new."""
        new = 0
        async with self._engine.begin() as tx:
            for what in those:
                row = upsert(tx, versions).values(
                    model=what.model,
                    version=what.version,
                    heard_at=now,
                    baseline=baseline,
                    real=True,
                    tries=0,
                    wake_at=None if baseline else now,
                )
                only_heard_of = row.on_conflict_do_update(
                    index_elements=["model", "version"],
                    set_={"real": True, "wake_at": now},
                    where=~versions.c.real,
                )
                new += (await tx.execute(only_heard_of.execution_options(preserve_rowcount=True))).rowcount
        return new

    async def blank(self) -> bool:
        """Return whether no version was ever mirrored: the first start."""
        async with self._engine.begin() as tx:
            return await tx.scalar(select(func.count()).select_from(versions)) == 0

    async def pending(self, what: ModelVersion) -> Pending | None:
        """Return a version and the state of its announcement."""
        async with self._engine.begin() as tx:
            row = (await tx.execute(select(versions).where(rows.of_version(what)))).one_or_none()
        if row is None:
            return None
        return Pending(
            what=what,
            noticed_at=row.heard_at,
            tries=row.tries,
            intent_at=row.intent_at,
            posted=rows.posted(row),
            shown=row.shown,
            complete=row.complete,
        )

    async def postpone(self, what: ModelVersion, at: datetime | None, *, tries: int = 0) -> None:
        """Wake a version at that time (None: only by a wake-up), after this many failed passes."""
        await self._write(what, wake_at=at, tries=tries)

    async def together(
        self, what: ModelVersion, alike: Callable[[str], bool], *, more_than: int, now: datetime
    ) -> tuple[ModelVersion, ...]:
        """Return the versions that this one is announced with, in order; none if it is announced alone.

        Versions of models that are `alike` and wait at the same time are bound together for good, by one intent; from
        then on, only the first of them gets passes.
        """
        silent = and_(versions.c.real, ~versions.c.baseline, versions.c.ts.is_(None))
        async with self._engine.begin() as tx:
            bound = await tx.scalar(select(versions.c.intent_at).where(rows.of_version(what)))
            if bound is None:
                waiting = and_(silent, versions.c.intent_at.is_(None), versions.c.wake_at <= now)
                those = [each for each in await _listed(tx, waiting) if alike(each.model)]
                if len(those) <= more_than or what not in those:
                    return ()
                for each in those:
                    values = {"intent_at": now, "wake_at": now if each == those[0] else None}
                    await tx.execute(update(versions).where(rows.of_version(each)).values(**values))
                return tuple(those)
            those = await _listed(tx, and_(silent, versions.c.intent_at == bound))
            return tuple(those) if len(those) > more_than else ()

    async def intend(self, version: Pending, *, now: datetime) -> bool:
        """Store the intent to announce an existing version alone; return False if it was bound to others meanwhile.

        That may have happened since `version` was read: passes over several versions run at the same time.
        """
        as_read = versions.c.intent_at.is_not_distinct_from(version.intent_at)
        free = and_(rows.of_version(version.what), versions.c.ts.is_(None), as_read)
        intended = update(versions).where(free).values(intent_at=version.intent_at or now, real=True)
        async with self._engine.begin() as tx:
            return bool((await tx.execute(intended)).rowcount)

    async def confirm(self, what: ModelVersion, form: str, *, again: datetime | None) -> None:
        """Store what the announcement shows, and when to update it (None: it is complete)."""
        await self._write(what, shown=form, wake_at=again, tries=0, complete=again is None)

    async def announced(self, what: ModelVersion, at: Posted, *, wake: Sequence[Target], now: datetime) -> None:
        """Store where a version was announced, and wake the targets that promote it automatically."""
        async with self._engine.begin() as tx:
            values = {"channel": at.channel, "ts": at.ts}
            await tx.execute(update(versions).where(rows.of_version(what)).values(**values))
            for target in wake:
                await rows.wake(tx, target, now)

    async def announced_together(
        self, those: Sequence[ModelVersion], at: Posted, form: str, *, wake: Sequence[Target], now: datetime
    ) -> None:
        """Store where these versions were announced together, as `announced` does; they are complete."""
        told = {"channel": at.channel, "ts": at.ts, "shown": form, "complete": True, "wake_at": None, "tries": 0}
        async with self._engine.begin() as tx:
            for what in those:
                await tx.execute(update(versions).where(rows.of_version(what)).values(**told))
            for target in wake:
                await rows.wake(tx, target, now)

    async def _write(self, what: ModelVersion, **values: Any) -> None:
        async with self._engine.begin() as tx:
            await tx.execute(update(versions).where(rows.of_version(what)).values(**values))


async def _listed(tx: AsyncConnection, where: ColumnElement[bool]) -> list[ModelVersion]:
    found = await tx.execute(
        select(versions.c.model, versions.c.version).where(where).order_by(versions.c.model, versions.c.version)
    )
    return [ModelVersion(model=row.model, version=row.version) for row in found]
