"""What the registry lists, and what the channel was told of it: the mirror that handlers answer from."""

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
from bot.domain.target import Pair
from bot.store import rows
from bot.store.engine import upsert
from bot.store.schema import models, versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One version of the registry, and what the channel was told of it."""

    what: ModelVersion
    heard_at: datetime
    tries: int
    intent_at: datetime | None
    posted: Posted | None
    shown: str | None
    complete: bool
    """Nothing is missing in what was said of it."""


class Mirror:
    """The registry's models, aliases and versions, as last seen.  Every method is one transaction."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def hear(self, what: ModelVersion, *, at: datetime, key: str) -> bool:
        """Record that the registry speaks of a version, and look at it soon; return False for a known delivery."""
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
        """Return every registered model that was seen, with its aliases."""
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
        """Remember the registry's models and their aliases."""
        async with self._engine.begin() as tx:
            for name, its in aliases.items():
                row = upsert(tx, models).values(name=name, aliases=dict(its))
                await tx.execute(row.on_conflict_do_update(index_elements=["name"], set_={"aliases": dict(its)}))

    async def meet(self, those: Sequence[ModelVersion], *, baseline: bool, now: datetime) -> int:
        """Remember versions that the registry lists; return how many are new.  New ones are looked at soon."""
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
        """Say whether no version was ever seen: the first start."""
        async with self._engine.begin() as tx:
            return await tx.scalar(select(func.count()).select_from(versions)) == 0

    async def heard(self, what: ModelVersion) -> Heard | None:
        """Return what the channel was told of a version."""
        async with self._engine.begin() as tx:
            row = (await tx.execute(select(versions).where(rows.this(what)))).one_or_none()
        if row is None:
            return None
        return Heard(
            what=what,
            heard_at=row.heard_at,
            tries=row.tries,
            intent_at=row.intent_at,
            posted=rows.posted(row),
            shown=row.shown,
            complete=row.complete,
        )

    async def look_again(self, what: ModelVersion, at: datetime | None, *, tries: int = 0) -> None:
        """Look at a version again at that time (None: not without a hint), after so many looks that failed."""
        await self._write(what, wake_at=at, tries=tries)

    async def together(
        self, what: ModelVersion, alike: Callable[[str], bool], *, more_than: int, now: datetime
    ) -> tuple[ModelVersion, ...]:
        """Return the versions that this one is announced with, in order; none where it is announced alone.

        Those of models that are `alike` and wait at the same time are bound together for good, by one intent; from
        then on the first of them is looked at, and the others are not.
        """
        silent = and_(versions.c.real, ~versions.c.baseline, versions.c.ts.is_(None))
        async with self._engine.begin() as tx:
            bound = await tx.scalar(select(versions.c.intent_at).where(rows.this(what)))
            if bound is None:
                waiting = and_(silent, versions.c.intent_at.is_(None), versions.c.wake_at <= now)
                those = [each for each in await _listed(tx, waiting) if alike(each.model)]
                if len(those) <= more_than or what not in those:
                    return ()
                for each in those:
                    values = {"intent_at": now, "wake_at": now if each == those[0] else None}
                    await tx.execute(update(versions).where(rows.this(each)).values(**values))
                return tuple(those)
            those = await _listed(tx, and_(silent, versions.c.intent_at == bound))
            return tuple(those) if len(those) > more_than else ()

    async def intend(self, heard: Heard, *, now: datetime) -> bool:
        """Write down that a version, which is real, is about to be told alone; False if it is told with others by now.

        That may have happened since `heard` was read: looks at several versions run at the same time.
        """
        as_read = versions.c.intent_at.is_not_distinct_from(heard.intent_at)
        free = and_(rows.this(heard.what), versions.c.ts.is_(None), as_read)
        intended = update(versions).where(free).values(intent_at=heard.intent_at or now, real=True)
        async with self._engine.begin() as tx:
            return bool((await tx.execute(intended)).rowcount)

    async def shown(self, what: ModelVersion, form: str, *, again: datetime | None) -> None:
        """Remember what the announcement shows, and when to look for what is missing in it (None: nothing is)."""
        await self._write(what, shown=form, wake_at=again, tries=0, complete=again is None)

    async def announced(self, what: ModelVersion, at: Posted, *, wake: Sequence[Pair], now: datetime) -> None:
        """Remember where a version was announced, and wake the pairs that want it by themselves."""
        async with self._engine.begin() as tx:
            values = {"channel": at.channel, "ts": at.ts}
            await tx.execute(update(versions).where(rows.this(what)).values(**values))
            for pair in wake:
                await rows.wake(tx, pair, now)

    async def announced_together(
        self, those: Sequence[ModelVersion], at: Posted, form: str, *, wake: Sequence[Pair], now: datetime
    ) -> None:
        """Remember where these versions were announced, with which nothing is left to do, as `announced` does."""
        told = {"channel": at.channel, "ts": at.ts, "shown": form, "complete": True, "wake_at": None, "tries": 0}
        async with self._engine.begin() as tx:
            for what in those:
                await tx.execute(update(versions).where(rows.this(what)).values(**told))
            for pair in wake:
                await rows.wake(tx, pair, now)

    async def _write(self, what: ModelVersion, **values: Any) -> None:
        async with self._engine.begin() as tx:
            await tx.execute(update(versions).where(rows.this(what)).values(**values))


async def _listed(tx: AsyncConnection, where: ColumnElement[bool]) -> list[ModelVersion]:
    found = await tx.execute(
        select(versions.c.model, versions.c.version).where(where).order_by(versions.c.model, versions.c.version)
    )
    return [ModelVersion(model=row.model, version=row.version) for row in found]
