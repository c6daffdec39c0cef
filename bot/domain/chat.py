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
    """As the answer to a command: the whole channel sees it, not only who asked."""

    @property
    def hash(self) -> str:
        """Return what tells one rendering from another."""
        return hashlib.sha256(json.dumps([self.text, self.blocks], sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Where a message stands: channel id and timestamp, which together name it."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """What the chat says about one user id."""

    id: str
    name: str
    entitled: bool = True
    """False for bots, guests, deactivated people and people of a foreign workspace: they approve nothing."""
