"""The chat: messages, where they are posted, and people."""

import hashlib
import json
from dataclasses import dataclass

from bot.domain.json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one Slack message shows: the fallback text and the blocks."""

    text: str
    blocks: tuple[Json, ...] = ()
    aloud: bool = False
    """As the answer to a command: posted to the whole channel, not only to the person who typed it."""

    @property
    def hash(self) -> str:
        """Return a hash of everything that the message shows."""
        return hashlib.sha256(json.dumps([self.text, self.blocks], sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Where a message was posted: channel id and timestamp identify it together."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What the chat knows about one user id."""

    id: str
    name: str
    entitled: bool = True
    """False for bots, guests, deactivated people and people of a foreign workspace: they approve nothing."""
