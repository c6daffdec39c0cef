"""Steps inside one transaction, and the conversion of rows to `bot.domain`."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Case, ColumnElement, Row, Table, and_, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.chat import Posted
from bot.domain.promotion import (
    Fact,
    FactKind,
    Kind,
    MessageStatus,
    Promotion,
    PullStatus,
    Release,
    Request,
    State,
    Status,
    StatusChange,
)
from bot.domain.reason import Reason, Said
from bot.domain.reasons.lifecycle import Requested
from bot.domain.reasons.told import Told
from bot.domain.registry import ModelVersion
from bot.domain.target import Place, Target
from bot.rules.release.decision import Decision
from bot.store.engine import upsert
from bot.store.reasons import decode, encode
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
    """The target's row has changed since it was loaded: run another pass."""


def of_target(table: Table, target: Target) -> ColumnElement[bool]:
    """Match the rows of a target."""
    return and_(table.c.model == target.model, table.c.stage == target.stage)


def of_version(what: ModelVersion) -> ColumnElement[bool]:
    """Match the row of a version."""
    return and_(versions.c.model == what.model, versions.c.version == what.version)


async def fact(tx: AsyncConnection, key: str, kind: FactKind | Kind, by: str, at: datetime, **more: Any) -> None:
    """Append a fact.  A known key raises IntegrityError, which rolls the transaction back."""
    more.setdefault("body", {})
    await tx.execute(insert(facts).values(key=key, kind=kind.value, by=by, at=at, **more))


async def wake(tx: AsyncConnection, target: Target, at: datetime) -> None:
    """Make the target due at that time, unless it is due earlier."""
    row = upsert(tx, pairs).values(model=target.model, stage=target.stage, revision=0, rings=1, tries=0, wake_at=at)
    earlier = case((or_(pairs.c.wake_at.is_(None), pairs.c.wake_at > at), at), else_=pairs.c.wake_at)
    again = {"wake_at": earlier, "rings": pairs.c.rings + 1}
    await tx.execute(row.on_conflict_do_update(index_elements=["model", "stage"], set_=again))


async def wake_stage(tx: AsyncConnection, stage: str, at: datetime) -> None:
    """Make every target of a stage due that has a promotion under way."""
    under_way = exists().where(
        promotions.c.model == pairs.c.model, promotions.c.stage == pairs.c.stage, promotions.c.open
    )
    values = {"wake_at": at, "rings": pairs.c.rings + 1}
    await tx.execute(update(pairs).where(pairs.c.stage == stage, under_way).values(**values))


def unless_woken(wake_ups: int, wake_at: datetime | None, now: datetime) -> Case[Any]:
    """Return the next `wake_at`: now, if the target was woken more than `wake_ups` times."""
    return case((pairs.c.rings == wake_ups, wake_at), else_=now)


async def append_and_wake(
    tx: AsyncConnection, key: str, kind: FactKind, by: str, at: datetime, *, now: datetime, **about: Any
) -> None:
    """Append what a person did about a promotion (`promotion`, `digest`, `body`), and wake its target."""
    where = promotions.c.id == about["promotion"]
    target = (await tx.execute(select(promotions.c.model, promotions.c.stage).where(where))).one()
    await fact(tx, key, kind, by, at, **about)
    await wake(tx, Target(model=target.model, stage=target.stage), now)


async def override(tx: AsyncConnection, key: str, by: str, at: datetime, number: int, reason: str) -> None:
    """Append an override of what holds a promotion up."""
    await fact(tx, key, FactKind.OVERRIDE, by, at, promotion=number, body={"reason": reason})


async def work(tx: AsyncConnection, target: Target) -> Promotion | None:
    """Return the promotion that needs work: one without a message first, then the open one, then an ended one.

    An ended one needs work if it was vetoed too late, or if one of its commits is still approved.
    """
    answered = exists().where(answers.c.fact == facts.c.id)
    late = exists().where(facts.c.promotion == promotions.c.id, facts.c.kind == FactKind.VETO.value, ~answered)
    approved = exists().where(approved_heads.c.promotion == promotions.c.id)
    for wanting in (or_(promotions.c.open, ~promotions.c.told), approved, late):
        those = select(promotions).where(of_target(promotions, target), wanting).order_by(promotions.c.id).limit(1)
        row = (await tx.execute(those)).one_or_none()
        if row is not None:
            return as_promotion(row)
    return None


async def mark_answered(tx: AsyncConnection, those: Iterable[int], now: datetime) -> None:
    """Store that facts were answered, or counted in a decision."""
    for number in those:
        await tx.execute(upsert(tx, answers).values(fact=number, at=now).on_conflict_do_nothing())


async def opened(tx: AsyncConnection, target: Target) -> Promotion | None:
    """Return the promotion that is open for the target."""
    where = and_(of_target(promotions, target), promotions.c.open)
    row = (await tx.execute(select(promotions).where(where))).one_or_none()
    return as_promotion(row) if row else None


async def begin(tx: AsyncConnection, request: Request, release: Release | None, over: Promotion | None = None) -> int:
    """Open a promotion and return its number; it takes over the branch and pull request of the one that it follows.

    A second open one of the target raises IntegrityError.
    """
    pull = over.status.pull if over is not None else None
    if pull is not None and pull.merge_commit is None:
        status = Status(pull=PullStatus(number=pull.number, url=pull.url))
    else:
        status = Status()
    values = {
        "model": request.target.model,
        "stage": request.target.stage,
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
        "record": encode(status),
    }
    number = (await tx.execute(insert(promotions).values(**values).returning(promotions.c.id))).scalar_one()
    step = {"promotion": number, "state": State.CHECKING.value, "at": request.at, "because": encode(Requested())}
    await tx.execute(insert(transitions).values(**step))
    if over is not None:
        await note(tx, over.id, {"followup": int(number)})
    return int(number)


async def enter(tx: AsyncConnection, number: int, state: State, reason: Reason | None, now: datetime) -> None:
    """Move a promotion into another state."""
    because = encode(reason) if reason is not None else ""
    values = {"state": state.value, "entered_at": now, "because": because, "open": state.open}
    await tx.execute(update(promotions).where(promotions.c.id == number).values(**values))
    step = {"promotion": number, "state": state.value, "at": now, "because": because}
    await tx.execute(insert(transitions).values(**step))


async def advance(
    tx: AsyncConnection, target: Target, revision: int, values: Mapping[str, Any], *, wake_ups: int | None = None
) -> None:
    """Write a target's row and its next revision, if its revision is still `revision`.

    With `wake_ups`, it must not have been woken since either: new facts have to be considered first.

    Raises:
        Overtaken: it has changed, or was woken.
    """
    where = and_(of_target(pairs, target), pairs.c.revision == revision)
    if wake_ups is not None:
        where = and_(where, pairs.c.rings == wake_ups)
    done = await tx.execute(update(pairs).where(where).values(revision=revision + 1, **values))
    if done.rowcount != 1:
        raise Overtaken


async def move(tx: AsyncConnection, promotion: Promotion, decision: Decision, now: datetime) -> Promotion:
    """Write a decision into its promotion and return the promotion."""
    answered: StatusChange = {} if decision.action else {"trouble": None}  # every system that was asked has answered
    await note(tx, promotion.id, {**answered, **decision.note})
    if decision.state is not None and decision.state is not promotion.state:
        await enter(tx, promotion.id, decision.state, decision.reason, now)
    return as_promotion((await tx.execute(select(promotions).where(promotions.c.id == promotion.id))).one())


async def note(tx: AsyncConnection, number: int, change: StatusChange) -> Status:
    """Write fields of a promotion's status and return it whole."""
    text = await tx.scalar(select(promotions.c.record).where(promotions.c.id == number))
    before = decode(text or "{}", Status)
    after = replace(before, **change)
    if after != before:
        await tx.execute(update(promotions).where(promotions.c.id == number).values(record=encode(after)))
    return after


async def released(tx: AsyncConnection, promotion: Promotion, was: Release | None, now: datetime) -> None:
    """Append the target's new release.  After a rollback, `previous` is taken from the release that was restored."""
    previous = was.version if was else None
    if promotion.kind is Kind.ROLLBACK:
        where = and_(of_target(releases, promotion.target), releases.c.version == promotion.version)
        previous = await tx.scalar(select(releases.c.previous).where(where).order_by(releases.c.id.desc()).limit(1))
    elif was is not None and was.version == promotion.version:
        previous = was.previous
    values = {"version": promotion.version, "since": now, "previous": previous, "promotion": promotion.id}
    await tx.execute(insert(releases).values(model=promotion.target.model, stage=promotion.target.stage, **values))


async def verified_digest(tx: AsyncConnection, what: ModelVersion) -> str | None:
    """Return the digest of a version's files, as its pods reported when it was last released, on any stage."""
    released = and_(
        promotions.c.model == what.model, promotions.c.version == what.version, promotions.c.state == State.RELEASED
    )
    found = await tx.execute(select(promotions).where(released).order_by(promotions.c.id.desc()).limit(10))
    return next((digest for row in found if (digest := as_promotion(row).status.verified_digest)), None)


async def show_message(tx: AsyncConnection, number: int, message: MessageStatus) -> None:
    """Make a message the current one of a promotion; older ones show an older change."""
    older = and_(messages.c.promotion == number, messages.c.current)
    await tx.execute(update(messages).where(older).values(current=False, settled=False))
    place = {"channel": message.posted.channel, "ts": message.posted.ts}
    row = upsert(tx, messages).values(**place, promotion=number, digest=message.digest, current=True, settled=False)
    again = {"current": True, "digest": message.digest, "settled": False}
    await tx.execute(row.on_conflict_do_update(index_elements=["channel", "ts"], set_=again))
    await tx.execute(update(promotions).where(promotions.c.id == number).values(told=True))
    waiting = and_(early.c.channel == place["channel"], early.c.ts == place["ts"])
    for said in (await tx.execute(select(early).where(waiting))).all():  # given before the message's place was known
        about = {"promotion": number, "digest": message.digest, "body": said.body}
        await fact(tx, said.key, FactKind(said.kind), said.by, said.at, **about)
    await tx.execute(delete(early).where(waiting))


async def release_of(tx: AsyncConnection, target: Target) -> Release | None:
    """Return what the target runs now, verified."""
    newest = select(releases).where(of_target(releases, target)).order_by(releases.c.id.desc()).limit(1)
    row = (await tx.execute(newest)).one_or_none()
    return as_release(row) if row else None


async def facts_of(tx: AsyncConnection, number: int) -> tuple[Fact, ...]:
    """Return the facts about a promotion, oldest first."""
    known = facts.outerjoin(answers, answers.c.fact == facts.c.id)
    those = select(facts, answers.c.at.label("answered")).select_from(known).where(facts.c.promotion == number)
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


async def attempted(tx: AsyncConnection, target: Target) -> int:
    """Return the highest version that anybody tried to release to the target."""
    return await tx.scalar(select(func.max(promotions.c.version)).where(of_target(promotions, target))) or 0


def as_promotion(row: Row[Any]) -> Promotion:
    """Read a row of `promotions`."""
    return Promotion(
        id=row.id,
        target=Target(model=row.model, stage=row.stage),
        kind=Kind(row.kind),
        version=row.version,
        previous=row.previous,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        state=State(row.state),
        entered_at=row.entered_at,
        reason=as_reason(row.because),
        status=decode(row.record, Status),
        automatic=row.automatic,
    )


def as_place(stored: Any) -> Place | None:
    """Read a target's place, as JSON keeps it."""
    return msgspec.convert(stored, Place) if stored else None


def as_reason(text: str) -> Reason | None:
    """Read why a promotion is in a state; release 0.1.0 stored sentences."""
    if not text.startswith('{"code":'):
        return Told(text=Said(text)) if text else None
    return decode(text, Reason)


def as_release(row: Row[Any]) -> Release:
    """Read a row of `releases`."""
    target = Target(model=row.model, stage=row.stage)
    return Release(target=target, version=row.version, since=row.since, previous=row.previous, promotion=row.promotion)


def posted(row: Row[Any]) -> Posted | None:
    """Read where a message was posted."""
    return Posted(channel=row.channel, ts=row.ts) if row.ts else None
