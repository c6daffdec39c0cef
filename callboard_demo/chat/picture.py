"""The picture of the workspace that the page shows.  A pure function of the world."""

from typing import Final

from bot.domain.json import Json
from callboard_demo.chat.world import CALLBOARD, ChatMessage, Whisper, World, pinged

SHOWN: Final = 300
"""Messages of each channel that are shown, the newest."""


def picture(world: World) -> Json:
    """Return {"channels", "people", "messages", "private"}; people are those one can speak as, the bot is not.

    Beside what a message says stands `pings`: whom it calls (user ids, group ids, channel, here, everyone).
    """
    channels = [c for c in world.channels.values() if not c.is_im]
    tops = [m for c in world.channels.values() for m in [x for x in c.messages.values() if not x.thread_ts][-SHOWN:]]
    return {
        "channels": [{"id": c.id, "name": f"#{c.name}"} for c in channels],
        "people": [{"id": p.id, "name": p.name, "role": p.role} for p in world.people.values() if p is not CALLBOARD],
        "messages": [_message(world, m) | {"thread": [_message(world, a) for a in world.replies(m)]} for m in tops],
        "private": [_private(w) for w in world.private],
    }


def _message(world: World, shown: ChatMessage) -> Json:
    author = world.people.get(shown.user)
    reactions = [{"name": name, "users": users} for name, users in shown.reactions.items()]
    return {
        "ts": shown.ts,
        "channel": shown.channel,
        "user": shown.user,
        "name": author.name if author else shown.user,
        "text": shown.text,
        "blocks": shown.blocks,
        "reactions": reactions,
        "edited": shown.edited is not None,
        "pings": pinged(shown),
        "thread": [],
        "thread_ts": shown.thread_ts,
    }


def _private(whisper: Whisper) -> Json:
    shown = {"ts": whisper.ts, "to": whisper.to, "channel": whisper.channel, "text": whisper.text}
    return shown | {"blocks": list(whisper.blocks)}
