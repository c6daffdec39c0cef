"""Approve and Veto as buttons: the same words as ✅ and ❌."""

from datetime import datetime
from typing import Any

from bot.domain import Posted
from bot.promotion import FactKind
from bot.store import Store
from handlers.words import speak


async def approve(body: dict[str, Any], store: Store, now: datetime) -> None:
    """Record an approval."""
    await _press(FactKind.APPROVE, body, store, now)


async def veto(body: dict[str, Any], store: Store, now: datetime) -> None:
    """Record a veto."""
    await _press(FactKind.VETO, body, store, now)


async def _press(kind: FactKind, body: dict[str, Any], store: Store, now: datetime) -> None:
    container, action, by = body["container"], body["actions"][0], body["user"]["id"]
    posted = Posted(channel=container["channel_id"], ts=container["message_ts"])
    key = f"action:{posted.channel}:{posted.ts}:{action['action_ts']}:{by}"
    await speak(kind, by, posted, how="button", store=store, at=now, now=now, key=key)
