"""The workspace's state for the page.  A pure function of the world."""

from typing import Final

from bot.domain.json import Json
from callboard_demo.chat.world import CALLBOARD, ChatMessage, Ephemeral, World, pinged

SHOWN: Final = 300
"""The number of newest messages shown per channel."""


def page_state(world: World) -> Json:
    """Return {"channels", "people", "messages", "private"}; the bot is not among the people.

    Each message has `pings`, whom it mentions: user ids, group ids, channel, here, everyone.
    """
    channels = [c for c in world.channels.values() if not c.is_im]
    tops = [m for c in world.channels.values() for m in [x for x in c.messages.values() if not x.thread_ts][-SHOWN:]]
    return {
        "channels": [{"id": c.id, "name": f"#{c.name}"} for c in channels],
        "people": [{"id": p.id, "name": p.name, "role": p.role} for p in world.people.values() if p is not CALLBOARD],
        "messages": [_message(world, m) | {"thread": [_message(world, a) for a in world.replies(m)]} for m in tops],
        "private": [_private(w) for w in world.private],
    }


def _message(world: World, item: ChatMessage) -> Json:
    author = world.people.get(item.user)
    reactions = [{"name": name, "users": users} for name, users in item.reactions.items()]
    return {
        "ts": item.ts,
        "channel": item.channel,
        "user": item.user,
        "name": author.name if author else item.user,
        "text": item.text,
        "blocks": item.blocks,
        "reactions": reactions,
        "edited": item.edited is not None,
        "pings": pinged(item),
        "thread": [],
        "thread_ts": item.thread_ts,
    }


def _private(ephemeral: Ephemeral) -> Json:
    item = {"ts": ephemeral.ts, "to": ephemeral.to, "channel": ephemeral.channel, "text": ephemeral.text}
    return item | {"blocks": list(ephemeral.blocks)}
