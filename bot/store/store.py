"""Callboard's database.  The only package that knows SQL (SQLAlchemy Core, over SQLite or PostgreSQL).

Everything else relies on two promises.  A fact is committed in one transaction with its deduplication key and its
target's `wake_at`.  A decision is committed by compare-and-set on its target's revision, before it is acted on.
"""

import asyncio
import sqlite3
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, and_, func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.domain.chat import Posted
from bot.domain.errors import Temporary, UserError
from bot.domain.promotion import IN_CLUSTER, Fact, FactKind, Promotion, Release, Request, State, StatusChange
from bot.domain.reason import Reason
from bot.domain.registry import ModelVersion
from bot.domain.target import Place, Target
from bot.rules.release.decision import Decision, Intent
from bot.rules.release.takeover import may_supersede, superseded
from bot.store import heads, rows
from bot.store.engine import address, engine, probe, unusable, upsert
from bot.store.freezes import Freezes
from bot.store.groups import UserGroups
from bot.store.messages import Messages
from bot.store.mirror import Mirror
from bot.store.schema import early, messages, pairs, promotions, releases, transitions, versions

Transition: TypeAlias = tuple[datetime, State, Reason | None]
"""When a promotion entered a state, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """One target as the store holds it, at one revision."""

    target: Target
    revision: int
    wake_ups: int
    tries: int
    intent: Intent | None
    """The action that was decided and whose outcome is not stored."""
    intent_at: datetime | None
    place: Place | None
    promotion: Promotion | None
    facts: tuple[Fact, ...]
    release: Release | None
    newest: int | None
    approved_heads: tuple[str, ...]
    """Commits at which GitHub says, or may say, "approved": of the target, or of a promotion that is over."""
    attempted: int
    digest: str | None
    """Digest of the version's files, as its pods reported when it was last released, on any stage."""


class Store:
    """The database.  Every method is one transaction."""

    def __init__(self, database: AsyncEngine) -> None:
        self._engine = database
        self.mirror = Mirror(database)
        self.freezes = Freezes(database)
        self.messages = Messages(database)
        self.groups = UserGroups(database)

    @classmethod
    async def open(cls, url: str, password: str | None = None) -> Self:
        """Open the database at `url` and bring its tables up to date.

        Raises:
            Temporary: PostgreSQL does not answer.
            UserError: it is no database, or not Callboard's, or cannot be written.
        """
        from bot.store.migrations import upgrade  # noqa: PLC0415  (alembic is heavy, and rarely has anything to do)

        target = address(url, password)
        database = engine(target)
        try:
            await asyncio.to_thread(probe, target)
            async with database.connect() as connection:
                await connection.run_sync(upgrade)
                await connection.commit()
        except (sqlite3.Error, DBAPIError, Temporary, UserError) as error:
            await database.dispose()
            away = isinstance(error, Temporary) and target.get_backend_name() != "sqlite"
            if away or isinstance(error, UserError):
                raise
            raise unusable(target, error) from error
        return cls(database)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()

    # ── what people did ──────────────────────────────────────────────────────────────────────────────

    async def ask(self, request: Request, *, key: str, override: str | None = None) -> int | None:
        """Open a promotion and return its id; None if an open one stays, or for a repeated delivery.

        It replaces an open promotion that the rules let it supersede.  `override` is the reason for an override.
        """
        try:
            async with self._engine.begin() as tx:
                open_one = await rows.opened(tx, request.target)
                if open_one is not None and not may_supersede(request, open_one):
                    return None
                return await self._begin(tx, request, open_one, key=key, override=override)
        except IntegrityError:
            return None

    async def _begin(
        self, tx: AsyncConnection, request: Request, over: Promotion | None, *, key: str, override: str | None
    ) -> int:
        if over is not None:
            await rows.enter(tx, over.id, State.SUPERSEDED, superseded(request), request.at)
            unseen = rows.of_target(
                pairs, request.target
            )  # a decision that a running pass makes about the older one is void
            await tx.execute(update(pairs).where(unseen).values(revision=pairs.c.revision + 1))
        number = await rows.begin(tx, request, await rows.release_of(tx, request.target), over)
        await rows.fact(tx, key, request.kind, request.by, request.at, promotion=number)
        if override is not None:
            await rows.override(tx, f"{key}:override", request.by, request.at, number, override)
        await rows.wake(tx, request.target, request.at)
        return number

    async def override(self, number: int, by: str, reason: str, *, at: datetime, key: str) -> bool:
        """Store an override of what holds an open promotion up."""
        return await self._append(FactKind.OVERRIDE, by, at, key=key, promotion=number, body={"reason": reason})

    async def vote(  # noqa: PLR0913  (who voted how, on which message, by what means and when)
        self, kind: FactKind, by: str, on: Posted, *, at: datetime, now: datetime, key: str, how: str
    ) -> bool:
        """Store one person's vote on the change that a message shows.

        Return False for a message that is not ours, or for a repeated delivery.  `at` is the time of the vote, `now`
        the time of its arrival; `how` is "reaction" or "button".  People can be faster than Slack's answer that tells
        where our message is: while one is being posted, votes on unknown messages are kept, and counted if it turns
        out to be that message.
        """
        try:
            async with (
                self._engine.begin() as tx
            ):  # one transaction: the message's place may be stored at this very moment
                where = and_(messages.c.channel == on.channel, messages.c.ts == on.ts)
                row = (await tx.execute(select(messages).where(where))).one_or_none()
                body = {"by": how}
                if row is not None:
                    about = {"promotion": row.promotion, "digest": row.digest, "body": body}
                    await rows.append_and_wake(tx, key, kind, by, at, now=now, **about)
                    return True
                if not await tx.scalar(
                    select(func.count()).select_from(pairs).where(pairs.c.intent == Intent.POST.value)
                ):
                    return False
                place = {"channel": on.channel, "ts": on.ts}
                await tx.execute(insert(early).values(key=key, kind=kind.value, by=by, at=at, body=body, **place))
        except IntegrityError:
            return False
        return True

    async def cancel(self, number: int, by: str, *, at: datetime, key: str) -> bool:
        """Store that somebody cancelled a promotion."""
        return await self._append(FactKind.CANCEL, by, at, key=key, promotion=number)

    async def _append(self, kind: FactKind, by: str, at: datetime, *, key: str, **about: Any) -> bool:
        try:
            async with self._engine.begin() as tx:
                await rows.append_and_wake(tx, key, kind, by, at, now=at, **about)
        except IntegrityError:
            return False
        return True

    # ── what handlers answer from ────────────────────────────────────────────────────────────────────

    async def release(self, target: Target) -> Release | None:
        """Return what the target runs now, verified."""
        async with self._engine.begin() as tx:
            return await rows.release_of(tx, target)

    async def released_versions(self, target: Target) -> tuple[int, ...]:
        """Return the versions that were the target's release at some time, the latest first."""
        async with self._engine.begin() as tx:
            found = await tx.execute(
                select(releases.c.version).where(rows.of_target(releases, target)).order_by(releases.c.id.desc())
            )
            return tuple(dict.fromkeys(found.scalars()))

    async def releases(self) -> tuple[Release, ...]:
        """Return what every target runs now, verified."""
        async with self._engine.begin() as tx:
            newest = select(func.max(releases.c.id)).group_by(releases.c.model, releases.c.stage)
            found = await tx.execute(
                select(releases).where(releases.c.id.in_(newest)).order_by(releases.c.model, releases.c.stage)
            )
            return tuple(rows.as_release(row) for row in found)

    async def promotion(self, number: int) -> Promotion | None:
        """Return one promotion."""
        async with self._engine.begin() as tx:
            row = (await tx.execute(select(promotions).where(promotions.c.id == number))).one_or_none()
        return rows.as_promotion(row) if row else None

    async def open_promotion(self, target: Target) -> Promotion | None:
        """Return the promotion that is open for the target."""
        found = await self._promotions(and_(rows.of_target(promotions, target), promotions.c.open), 1)
        return found[0] if found else None

    async def merged_last(self, target: Target) -> Promotion | None:
        """Return the newest of the target's promotions whose pin came into Git: merged, or set by hand."""
        latest = await self._promotions(rows.of_target(promotions, target), 50)
        return next((promotion for promotion in latest if promotion.in_git), None)

    async def promotions(self, *, limit: int = 20) -> tuple[Promotion, ...]:
        """Return the newest promotions, the newest first."""
        return await self._promotions(promotions.c.id > 0, limit)

    async def under_way(self) -> tuple[Promotion, ...]:
        """Return every open promotion."""
        return await self._promotions(promotions.c.open, 10_000)

    async def rolling_out(self) -> tuple[tuple[Target, Place | None], ...]:
        """Return every target whose change is merged and under way, with its place."""
        of_both = and_(promotions.c.model == pairs.c.model, promotions.c.stage == pairs.c.stage)
        where = and_(of_both, promotions.c.state.in_([state.value for state in IN_CLUSTER]))
        async with self._engine.begin() as tx:
            found = await tx.execute(select(pairs.c.model, pairs.c.stage, pairs.c.place).where(where))
            return tuple((Target(model=model, stage=stage), rows.as_place(place)) for model, stage, place in found)

    async def _promotions(self, where: ColumnElement[bool], limit: int) -> tuple[Promotion, ...]:
        async with self._engine.begin() as tx:
            found = await tx.execute(select(promotions).where(where).order_by(promotions.c.id.desc()).limit(limit))
            return tuple(rows.as_promotion(row) for row in found)

    async def story(self, number: int) -> tuple[tuple[Transition, ...], tuple[Fact, ...]]:
        """Return a promotion's transitions and the facts about it, oldest first."""
        async with self._engine.begin() as tx:
            steps = await tx.execute(
                select(transitions).where(transitions.c.promotion == number).order_by(transitions.c.id)
            )
            said = await rows.facts_of(tx, number)
            return tuple((row.at, State(row.state), rows.as_reason(row.because)) for row in steps), said

    # ── passes ────────────────────────────────────────────────────────────────────────────────────────

    async def due(self, now: datetime) -> tuple[Target | ModelVersion, ...]:
        """Return what is due; what has waited longest comes first."""
        async with self._engine.begin() as tx:
            those = await tx.execute(
                select(pairs.c.wake_at, pairs.c.model, pairs.c.stage).where(pairs.c.wake_at <= now)
            )
            news = await tx.execute(
                select(versions.c.wake_at, versions.c.model, versions.c.version).where(versions.c.wake_at <= now)
            )
            waiting: list[tuple[datetime, Target | ModelVersion]] = [
                *((row.wake_at, Target(model=row.model, stage=row.stage)) for row in those),
                *((row.wake_at, ModelVersion(model=row.model, version=row.version)) for row in news),
            ]
        return tuple(key for _, key in sorted(waiting, key=lambda each: each[0]))

    async def next_wake(self, now: datetime) -> datetime | None:
        """Return the next time at which something becomes due."""
        async with self._engine.begin() as tx:
            tables = (pairs, versions)
            soonest = [await tx.scalar(select(func.min(t.c.wake_at)).where(t.c.wake_at > now)) for t in tables]
        return min((at for at in soonest if at is not None), default=None)

    async def put_off(self, key: Target | ModelVersion, until: datetime) -> None:
        """Make a target or a version due at that time, not before."""
        table, where = (
            (pairs, rows.of_target(pairs, key)) if isinstance(key, Target) else (versions, rows.of_version(key))
        )
        async with self._engine.begin() as tx:
            await tx.execute(update(table).where(where).values(wake_at=until))

    async def wake(self, target: Target, at: datetime) -> None:
        """Make the target due at that time, unless it is due earlier."""
        async with self._engine.begin() as tx:
            await rows.wake(tx, target, at)

    async def load(self, target: Target) -> Loaded:
        """Return the target, and its promotion that needs work: one without a message first, else the open one."""
        async with self._engine.begin() as tx:
            row = (await tx.execute(select(pairs).where(rows.of_target(pairs, target)))).one()
            promotion = await rows.work(tx, target)
            news = and_(versions.c.model == target.model, ~versions.c.baseline, versions.c.ts.is_not(None))
            return Loaded(
                target=target,
                revision=row.revision,
                wake_ups=row.rings,
                tries=row.tries,
                intent=Intent(row.intent) if row.intent else None,
                intent_at=row.intent_at,
                place=rows.as_place(row.place),
                promotion=promotion,
                facts=await rows.facts_of(tx, promotion.id) if promotion else (),
                release=await rows.release_of(tx, target),
                newest=await tx.scalar(select(func.max(versions.c.version)).where(news)),
                approved_heads=await heads.to_revoke(tx, promotion) if promotion else (),
                attempted=await rows.attempted(tx, target),
                digest=await rows.verified_digest(tx, promotion.what) if promotion else None,
            )

    async def commit(self, loaded: Loaded, decision: Decision, *, now: datetime) -> Loaded:
        """Store a decision, before it is acted on.

        Raises:
            Overtaken: the target's revision is not the one that was loaded.
        """
        after = replace(loaded, revision=loaded.revision + 1, tries=0)
        async with self._engine.begin() as tx:
            wake_at = now if decision.action else now + decision.wake if decision.wake is not None else None
            intent = decision.action.intent if decision.action else None
            intent_at = loaded.intent_at if intent is not None and intent is loaded.intent else now
            again = rows.unless_woken(loaded.wake_ups, wake_at, now)
            values = {"intent": intent and intent.value, "intent_at": intent_at, "wake_at": again, "tries": 0}
            unheard = loaded.wake_ups if decision.final else None
            await rows.advance(tx, loaded.target, loaded.revision, values, wake_ups=unheard)
            if loaded.promotion is not None:
                await heads.decide(tx, loaded.promotion, decision, now)
                after = replace(after, promotion=await rows.move(tx, loaded.promotion, decision, now))
                if decision.counts(loaded.promotion.state):
                    await rows.mark_answered(tx, (said.id for said in loaded.facts), now)
            if decision.released and loaded.promotion is not None:
                await rows.released(tx, loaded.promotion, loaded.release, now)
            if decision.start is not None:
                await self._follow(tx, loaded, decision, decision.start, now)
        return after

    async def _follow(
        self, tx: AsyncConnection, loaded: Loaded, decision: Decision, request: Request, now: datetime
    ) -> None:
        over = loaded.promotion if loaded.promotion is not None and loaded.promotion.state.open else None
        number = await rows.begin(tx, request, loaded.release, over)
        await rows.fact(tx, f"callboard:{number}", request.kind, request.by, now, promotion=number)
        await rows.wake(tx, request.target, now)

    async def outcome(self, loaded: Loaded, note: StatusChange, *, settled: str | None = None, now: datetime) -> None:
        """Store the outcome of an action, and make the target due at once.

        `settled` is a commit whose approval needs no revoking any more.
        """
        async with self._engine.begin() as tx:
            await rows.advance(tx, loaded.target, loaded.revision, {"intent": None, "wake_at": now, "tries": 0})
            if loaded.promotion is None:
                return
            if settled is not None:
                await heads.forget(tx, loaded.target, settled)
            status = await rows.note(tx, loaded.promotion.id, {**note, "trouble": None})
            if status.message is not None and "message" in note:
                await rows.show_message(tx, loaded.promotion.id, status.message)

    async def mark_answered(self, fact: int, *, now: datetime) -> None:
        """Store that a fact is being answered: an answer that cannot be looked up is sent at most once."""
        async with self._engine.begin() as tx:
            await rows.mark_answered(tx, [fact], now)

    async def postpone(self, loaded: Loaded, trouble: Reason, *, wake_at: datetime, now: datetime) -> None:
        """Store what keeps the promotion waiting, and when to try again."""
        async with self._engine.begin() as tx:
            again = rows.unless_woken(loaded.wake_ups, wake_at, now)
            values = {"wake_at": again, "tries": loaded.tries + 1}
            await tx.execute(update(pairs).where(rows.of_target(pairs, loaded.target)).values(**values))
            if loaded.promotion is not None:
                await rows.note(tx, loaded.promotion.id, {"trouble": trouble})

    # ── the repository, as last seen ────────────────────────────────────────────────

    async def place(self, target: Target, place: Place | None) -> None:
        """Store where a target's pin is; a target exists once it has a place."""
        built = msgspec.to_builtins(place) if place else None
        async with self._engine.begin() as tx:
            row = upsert(tx, pairs).values(
                model=target.model, stage=target.stage, revision=0, rings=0, tries=0, place=built
            )
            await tx.execute(row.on_conflict_do_update(index_elements=["model", "stage"], set_={"place": built}))

    async def places(self) -> dict[Target, Place]:
        """Return every target whose manifest was found, with its place."""
        async with self._engine.begin() as tx:
            those = select(pairs.c.model, pairs.c.stage, pairs.c.place).where(pairs.c.place.is_not(None))
            return {
                Target(model=model, stage=stage): msgspec.convert(place, Place)
                for model, stage, place in await tx.execute(those)
            }

    async def baseline(self, target: Target, version: int, *, now: datetime) -> None:
        """Take the version of the registry's alias as the target's release, if it has none."""
        async with self._engine.begin() as tx:
            if await rows.release_of(tx, target) is None:
                await tx.execute(
                    insert(releases).values(model=target.model, stage=target.stage, version=version, since=now)
                )
