"""The state that the tour's steps share, and what people do in them."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from callboard_demo.tour.observer import NotObserved, Observer
from callboard_demo.world import World

CHANNEL: Final = "#ml-releases"
TICK: Final = "white_check_mark"


@dataclass(slots=True)
class Story:
    """State that the steps share."""

    world: World
    observer: Observer
    short: bool = False
    patience: float = 120.0
    """How many seconds a step waits for an effect."""
    newest: int = 0
    """The most recently trained version."""
    pull: int | None = None
    """The pull request that the tour prints at the end."""
    before: Any = None
    """Production's predictions for the input example before the promotion."""
    exception_word: str = ""
    out: TextIO = field(default=sys.stdout)

    async def wait_for(self, what: str, check: Callable[[], Awaitable[Any]]) -> Any:
        """Wait until `check` returns a result."""
        return await self.observer.until(what, check, self.patience)

    async def send(self, who: str, text: str) -> None:
        """Send a line to the channel."""
        answer = await self.world.chat.send(user=who, channel=CHANNEL, text=text)
        if not answer.get("ok"):
            raise NotObserved(f"no reply to {text}: {answer}")

    async def react(self, who: str, ts: str) -> None:
        """Add ✅ to a message."""
        await self.world.chat.react(user=who, ts=ts, emoji=TICK)
