"""The buttons of a promotion's message.  Approve and Veto mean the same as ✅ and ❌.

Each records what a person pressed; whether it counts is decided later, by the policy and by who is a member then.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec

from bot.config.app_yaml import Config
from bot.domain.chat import Posted
from bot.domain.promotion import FactKind
from bot.rules.parsing.slack_requests import Moment, Name, parsed
from bot.store.store import Store
from handlers.words import speak


class _User(msgspec.Struct):
    id: Name


class _Container(msgspec.Struct):
    channel_id: Name
    message_ts: Moment


class _Action(msgspec.Struct):
    action_ts: Moment


class _Press(msgspec.Struct):
    """What is read of a click (https://docs.slack.dev/reference/interaction-payloads/block_actions-payload)."""

    user: _User
    container: _Container
    actions: Annotated[list[_Action], msgspec.Meta(min_length=1)]


async def approve(body: dict[str, Any], _config: Config, store: Store, now: datetime) -> None:
    """Record an approval.

    Raises:
        Misunderstood: it is not what Slack sends.
    """
    await _press(FactKind.APPROVE, body, store, now)


async def veto(body: dict[str, Any], _config: Config, store: Store, now: datetime) -> None:
    """Record a veto.

    Raises:
        Misunderstood: it is not what Slack sends.
    """
    await _press(FactKind.VETO, body, store, now)


async def keep_waiting(body: dict[str, Any], _config: Config, store: Store, now: datetime) -> None:
    """Record that somebody gives a stalled promotion more time.

    Raises:
        Misunderstood: it is not what Slack sends.
    """
    await _press(FactKind.KEEP_WAITING, body, store, now)


async def accept(body: dict[str, Any], _config: Config, store: Store, now: datetime) -> None:
    """Record that somebody declares a stalled promotion released.

    Raises:
        Misunderstood: it is not what Slack sends.
    """
    await _press(FactKind.ACCEPT, body, store, now)


async def go_back(body: dict[str, Any], _config: Config, store: Store, now: datetime) -> None:
    """Record that somebody wants a stalled promotion rolled back.

    Raises:
        Misunderstood: it is not what Slack sends.
    """
    await _press(FactKind.GO_BACK, body, store, now)


async def _press(kind: FactKind, body: dict[str, Any], store: Store, now: datetime) -> None:
    pressed = parsed(body, _Press)
    by, place = pressed.user.id, pressed.container
    posted = Posted(channel=place.channel_id, ts=place.message_ts)
    key = f"action:{posted.channel}:{posted.ts}:{pressed.actions[0].action_ts}:{by}"
    await speak(kind, by, posted, how="button", store=store, at=now, now=now, key=key)
