"""✅ and ❌ on a message: a person's word on the change that the message stands for."""

from datetime import UTC, datetime
from typing import Any

from bot.domain import Posted
from bot.promotion import FactKind
from bot.rules import emoji
from bot.store import Store
from handlers.words import speak


async def added(body: dict[str, Any], store: Store, now: datetime) -> None:
    """Record ✅ as an approval, ❌ as a veto."""
    await _react(body, store, now, approve=FactKind.APPROVE, veto=FactKind.VETO)


async def removed(body: dict[str, Any], store: Store, now: datetime) -> None:
    """Record that a ✅ or ❌ was taken back."""
    await _react(body, store, now, approve=FactKind.WITHDRAW, veto=FactKind.UNVETO)


async def _react(body: dict[str, Any], store: Store, now: datetime, *, approve: FactKind, veto: FactKind) -> None:
    event = body["event"]
    said = {FactKind.APPROVE: approve, FactKind.VETO: veto, None: None}[emoji.word(event["reaction"])]
    if said is None or event["item"].get("type") != "message":
        return
    posted = Posted(channel=event["item"]["channel"], ts=event["item"]["ts"])
    key = f"event:{body.get('team_id')}:{body['event_id']}"
    at = datetime.fromtimestamp(float(event["event_ts"]), tz=UTC)
    await speak(said, event["user"], posted, how="reaction", store=store, at=at, now=now, key=key)
