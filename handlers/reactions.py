"""✅ and ❌ on a message: a person's approval or veto of the change that it shows."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from bot.config.app_yaml import Config
from bot.domain.chat import Posted
from bot.domain.promotion import FactKind
from bot.rules.parsing import emoji
from bot.rules.parsing.slack_requests import Moment, Name, parsed
from bot.store.store import Store
from handlers.event import Event


class _Message(msgspec.Struct):
    channel: Name
    ts: Moment


class _Event(msgspec.Struct):
    user: Name
    reaction: str
    item: dict[str, Any]
    event_ts: Moment


class _Reaction(msgspec.Struct):
    """What is read of an event (https://docs.slack.dev/reference/events/reaction_added)."""

    team_id: Name
    event_id: Name
    event: _Event


async def added(body: dict[str, Any], _config: Config, store: Store, now: datetime) -> None:
    """Record ✅ as an approval, ❌ as a veto.

    Raises:
        Misunderstood: it is not what Slack sends.
    """
    await _react(body, store, now, approve=FactKind.APPROVE, veto=FactKind.VETO)


async def removed(body: dict[str, Any], _config: Config, store: Store, now: datetime) -> None:
    """Record that a ✅ or ❌ was removed.

    Raises:
        Misunderstood: it is not what Slack sends.
    """
    await _react(body, store, now, approve=FactKind.WITHDRAW, veto=FactKind.UNVETO)


async def _react(body: dict[str, Any], store: Store, now: datetime, *, approve: FactKind, veto: FactKind) -> None:
    received = parsed(body, _Reaction)
    event = received.event
    kind = {FactKind.APPROVE: approve, FactKind.VETO: veto, None: None}[emoji.meaning(event.reaction)]
    if kind is None or event.item.get("type") != "message":  # files have reactions, too
        return
    message = parsed(event.item, _Message)
    posted = Posted(channel=message.channel, ts=message.ts)
    key = f"event:{received.team_id}:{received.event_id}"
    at = datetime.fromtimestamp(float(event.event_ts), tz=UTC)
    await store.vote(kind, event.user, posted, at=at, now=now, key=key, how="reaction")


ADDED: Final = Event(type="reaction_added", scope="reactions:read", record=added)
REMOVED: Final = Event(type="reaction_removed", scope="reactions:read", record=removed)
