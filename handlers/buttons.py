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
from handlers.event import Note


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


def pressing(kind: FactKind) -> Note:
    """Return the handler of a button, which records a fact of this kind.

    It raises Misunderstood for what Slack does not send.
    """

    async def press(body: dict[str, Any], _config: Config, store: Store, now: datetime) -> None:
        await _press(kind, body, store, now)

    return press


async def _press(kind: FactKind, body: dict[str, Any], store: Store, now: datetime) -> None:
    pressed = parsed(body, _Press)
    by, place = pressed.user.id, pressed.container
    posted = Posted(channel=place.channel_id, ts=place.message_ts)
    key = f"action:{posted.channel}:{posted.ts}:{pressed.actions[0].action_ts}:{by}"
    await store.vote(kind, by, posted, at=now, now=now, key=key, how="button")
