"""The steps inside one transaction, and rows as the words of `bot.domain`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Case, ColumnElement, Row, Table, and_, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.chat import Posted
from bot.domain.promotion import Fact, FactKind, Kind, Promotion, Record, RecordChange, Release, Request, State
from bot.domain.registry import ModelVersion
from bot.domain.target import Pair
from bot.rules.release.decision import Decision
from bot.store.engine import upsert
from bot.store.schema import (
    answers,
    approved_heads,
    early,
    facts,
    messages,
    pairs,
    promotions,
    releases,
    transitions,
    versions,
)


class Overtaken(Exception):
    """Somebody else decided about the pair since it was loaded: look again."""


def of(table: Table, pair: Pair) -> ColumnElement[bool]:
    """Match the rows of a pair."""
    return and_(table.c.model == pair.model, table.c.stage == pair.stage)


def this(what: ModelVersion) -> ColumnElement[bool]:
    """Match the row of a version."""
    return and_(versions.c.model == what.model, versions.c.version == what.version)


async def fact(tx: AsyncConnection, key: str, kind: FactKind | Kind, by: str, at: datetime, **more: Any) -> None:
    """Append a fact.  A key that was seen before raises IntegrityError, which undoes the transaction."""
    more.setdefault("body", {})
    await tx.execute(insert(facts).values(key=key, kind=kind.value, by=by, at=at, **more))


async def wake(tx: AsyncConnection, pair: Pair, at: datetime) -> None:
    """Make the pair due at that time, unless it is due earlier."""
    row = upsert(tx, pairs).values(model=pair.model, stage=pair.stage, revision=0, rings=1, tries=0, wake_at=at)
    earlier = case((or_(pairs.c.wake_at.is_(None), pairs.c.wake_at > at), at), else_=pairs.c.wake_at)
    again = {"wake_at": earlier, "rings": pairs.c.rings + 1}
    await tx.execute(row.on_conflict_do_update(index_elements=["model", "stage"], set_=again))


async def ring_stage(tx: AsyncConnection, stage: str, at: datetime) -> None:
    """Make every pair of a stage that has a promotion under way due."""
    under_way = exists().where(
        promotions.c.model == pairs.c.model, promotions.c.stage == pairs.c.stage, promotions.c.open
    )
    values = {"wake_at": at, "rings": pairs.c.rings + 1}
    await tx.execute(update(pairs).where(pairs.c.stage == stage, under_way).values(**values))


def unless_rung(rings: int, wake_at: datetime | None, now: datetime) -> Case[Any]:
    """Return when to look again: at once where the pair was woken since it had been woken `rings` times."""
    return case((pairs.c.rings == rings, wake_at), else_=now)


async def say(
    tx: AsyncConnection, key: str, kind: FactKind, by: str, at: datetime, *, now: datetime, **about: Any
) -> None:
    """Append a person's word about a promotion (`promotion`, `digest`, `body`), and wake its pair."""
    where = promotions.c.id == about["promotion"]
    pair = (await tx.execute(select(promotions.c.model, promotions.c.stage).where(where))).one()
    await fact(tx, key, kind, by, at, **about)
    await wake(tx, Pair(model=pair.model, stage=pair.stage), now)


async def override(tx: AsyncConnection, key: str, by: str, at: datetime, number: int, reason: str) -> None:
    """Append that somebody wants a promotion to go on in spite of a freeze."""
    await fact(tx, key, FactKind.OVERRIDE, by, at, promotion=number, body={"reason": reason})


async def work(tx: AsyncConnection, pair: Pair) -> Promotion | None:
    """Return the promotion that needs work: one that nobody was told of first, the open one, one that has ended.

    One that has ended was vetoed too late, or a commit of it is approved still.
    """
    heard = exists().where(answers.c.fact == facts.c.id)
    late = exists().where(facts.c.promotion == promotions.c.id, facts.c.kind == FactKind.VETO.value, ~heard)
    approved = exists().where(approved_heads.c.promotion == promotions.c.id)
    for wanting in (or_(promotions.c.open, ~promotions.c.told), approved, late):
        those = select(promotions).where(of(promotions, pair), wanting).order_by(promotions.c.id).limit(1)
        row = (await tx.execute(those)).one_or_none()
        if row is not None:
            return as_promotion(row)
    return None


async def hear_out(tx: AsyncConnection, those: Iterable[int], now: datetime) -> None:
    """Write down that facts are answered, or counted in what was decided."""
    for number in those:
        await tx.execute(upsert(tx, answers).values(fact=number, at=now).on_conflict_do_nothing())


async def opened(tx: AsyncConnection, pair: Pair) -> Promotion | None:
    """Return the promotion that is open for the pair."""
    where = and_(of(promotions, pair), promotions.c.open)
    row = (await tx.execute(select(promotions).where(where))).one_or_none()
    return as_promotion(row) if row else None


async def begin(tx: AsyncConnection, request: Request, release: Release | None, over: Promotion | None = None) -> int:
    """Open a promotion and return its number; it takes over the branch and pull request of the one that it follows.

    A second open one of the pair raises IntegrityError.
    """
    unmerged = over is not None and over.record.merge_commit is None
    taken = Record(pull=over.record.pull, pull_url=over.record.pull_url) if over and unmerged else Record()
    values = {
        "model": request.pair.model,
        "stage": request.pair.stage,
        "kind": request.kind.value,
        "version": request.version,
        "previous": release.version if release else None,
        "requested_by": request.by,
        "requested_at": request.at,
        "automatic": request.automatic,
        "state": State.CHECKING.value,
        "entered_at": request.at,
        "because": "",
        "open": True,
        "told": False,
        "record": msgspec.json.encode(taken).decode(),
    }
    number = (await tx.execute(insert(promotions).values(**values).returning(promotions.c.id))).scalar_one()
    step = {"promotion": number, "state": State.CHECKING.value, "at": request.at, "because": "asked for"}
    await tx.execute(insert(transitions).values(**step))
    if over is not None:
        await note(tx, over.id, {"followup": int(number)})
    return int(number)


async def enter(tx: AsyncConnection, number: int, state: State, because: str, now: datetime) -> None:
    """Let a promotion be in another state from now on."""
    values = {"state": state.value, "entered_at": now, "because": because, "open": state.open}
    await tx.execute(update(promotions).where(promotions.c.id == number).values(**values))
    step = {"promotion": number, "state": state.value, "at": now, "because": because}
    await tx.execute(insert(transitions).values(**step))


async def advance(
    tx: AsyncConnection, pair: Pair, revision: int, values: Mapping[str, Any], *, rings: int | None = None
) -> None:
    """Write a pair's row and its next revision, if nobody did since `revision`.

    With `rings`, nobody may have rung since, either: what was said meanwhile has to be heard first.

    Raises:
        Overtaken: somebody did.
    """
    where = and_(of(pairs, pair), pairs.c.revision == revision)
    if rings is not None:
        where = and_(where, pairs.c.rings == rings)
    done = await tx.execute(update(pairs).where(where).values(revision=revision + 1, **values))
    if done.rowcount != 1:
        raise Overtaken


async def move(tx: AsyncConnection, it: Promotion, decision: Decision, now: datetime) -> Promotion:
    """Write a decision into its promotion and return what the promotion is now."""
    heard: RecordChange = {} if decision.action else {"trouble": None}  # everything that was asked has answered
    await note(tx, it.id, {**heard, **decision.note})
    if decision.state is not None and decision.state is not it.state:
        await enter(tx, it.id, decision.state, decision.because, now)
    return as_promotion((await tx.execute(select(promotions).where(promotions.c.id == it.id))).one())


async def note(tx: AsyncConnection, number: int, change: RecordChange) -> Record:
    """Write fields of a promotion's record and return it whole."""
    text = await tx.scalar(select(promotions.c.record).where(promotions.c.id == number))
    before = msgspec.json.decode(text or "{}", type=Record)
    after = replace(before, **change)
    if after != before:
        encoded = msgspec.json.encode(after).decode()
        await tx.execute(update(promotions).where(promotions.c.id == number).values(record=encoded))
    return after


async def released(tx: AsyncConnection, it: Promotion, was: Release | None, now: datetime) -> None:
    """Append the pair's new release.  After going back, the way further back is the one of the version returned to."""
    previous = was.version if was else None
    if it.kind is Kind.ROLLBACK:
        where = and_(of(releases, it.pair), releases.c.version == it.version)
        previous = await tx.scalar(select(releases.c.previous).where(where).order_by(releases.c.id.desc()).limit(1))
    elif was is not None and was.version == it.version:
        previous = was.previous
    values = {"version": it.version, "since": now, "previous": previous, "promotion": it.id}
    await tx.execute(insert(releases).values(model=it.pair.model, stage=it.pair.stage, **values))


async def proven_digest(tx: AsyncConnection, what: ModelVersion) -> str | None:
    """Return the digest of a version's files, as its pods said when it was released last, on any stage."""
    released = and_(
        promotions.c.model == what.model, promotions.c.version == what.version, promotions.c.state == State.RELEASED
    )
    found = await tx.execute(select(promotions).where(released).order_by(promotions.c.id.desc()).limit(10))
    return next((digest for row in found if (digest := as_promotion(row).record.proven_digest)), None)


async def stand(tx: AsyncConnection, number: int, record: Record) -> None:
    """Make a message the one that stands for a promotion's change; the older ones do no longer."""
    assert record.message is not None  # noqa: S101
    older = and_(messages.c.promotion == number, messages.c.current)
    await tx.execute(update(messages).where(older).values(current=False, settled=False))
    place = {"channel": record.message.channel, "ts": record.message.ts}
    row = upsert(tx, messages).values(**place, promotion=number, digest=record.digest, current=True, settled=False)
    again = {"current": True, "digest": record.digest, "settled": False}
    await tx.execute(row.on_conflict_do_update(index_elements=["channel", "ts"], set_=again))
    await tx.execute(update(promotions).where(promotions.c.id == number).values(told=True))
    waiting = and_(early.c.channel == place["channel"], early.c.ts == place["ts"])
    for said in (await tx.execute(select(early).where(waiting))).all():  # given before it was known where we stand
        about = {"promotion": number, "digest": record.digest, "body": said.body}
        await fact(tx, said.key, FactKind(said.kind), said.by, said.at, **about)
    await tx.execute(delete(early).where(waiting))


async def release_of(tx: AsyncConnection, pair: Pair) -> Release | None:
    """Return what the pair runs now, proven."""
    newest = select(releases).where(of(releases, pair)).order_by(releases.c.id.desc()).limit(1)
    row = (await tx.execute(newest)).one_or_none()
    return as_release(row) if row else None


async def facts_of(tx: AsyncConnection, number: int) -> tuple[Fact, ...]:
    """Return what was said about a promotion, oldest first."""
    heard = facts.outerjoin(answers, answers.c.fact == facts.c.id)
    those = select(facts, answers.c.at.label("answered")).select_from(heard).where(facts.c.promotion == number)
    found = await tx.execute(those.order_by(facts.c.at, facts.c.id))  # events may come late, and in any order
    return tuple(
        Fact(
            id=row.id,
            kind=FactKind(row.kind),
            by=row.by,
            at=row.at,
            promotion=row.promotion,
            digest=row.digest,
            reason=row.body.get("reason", ""),
            by_reaction=row.body.get("by") == "reaction",
            answered=row.answered is not None,
        )
        for row in found
    )


async def attempted(tx: AsyncConnection, pair: Pair) -> int:
    """Return the highest version that anybody tried to release on the pair."""
    return await tx.scalar(select(func.max(promotions.c.version)).where(of(promotions, pair))) or 0


def as_promotion(row: Row[Any]) -> Promotion:
    """Read a row of `promotions`."""
    return Promotion(
        id=row.id,
        pair=Pair(model=row.model, stage=row.stage),
        kind=Kind(row.kind),
        version=row.version,
        previous=row.previous,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        state=State(row.state),
        entered_at=row.entered_at,
        because=row.because,
        record=msgspec.json.decode(row.record, type=Record),
        automatic=row.automatic,
    )


def as_release(row: Row[Any]) -> Release:
    """Read a row of `releases`."""
    pair = Pair(model=row.model, stage=row.stage)
    return Release(pair=pair, version=row.version, since=row.since, previous=row.previous, promotion=row.promotion)


def posted(row: Row[Any]) -> Posted | None:
    """Read where a message stands."""
    return Posted(channel=row.channel, ts=row.ts) if row.ts else None
