"""What the page needs of the world behind it, as shapes: the real world and the canned one of the tests both have them.

The JSON that `state()` gives is passed on to the browser as it is; docs/demo.md describes it.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from bot.domain.json import Json
from callboard_demo.faults import Faults


class ChatSight(Protocol):
    """The chat, as people use it."""

    on_change: list[Callable[[], None]]

    async def say(self, *, user: str, channel: str, text: str) -> Json: ...
    async def react(self, *, user: str, ts: str, emoji: str, remove: bool = False) -> None: ...
    async def click(self, *, user: str, ts: str, action_id: str) -> None: ...
    def state(self) -> Json: ...


class PictureSight(Protocol):
    """A system that is only looked at: the forge, the cluster."""

    @property
    def on_change(self) -> list[Callable[[], None]]: ...
    def state(self) -> Json: ...


class RegistrySight(Protocol):
    """The registry: looked at, and told to train."""

    on_change: list[Callable[[], None]]

    async def train(self, model: str, quality: str, say: Callable[[str], None]) -> int: ...
    async def state(self) -> Json: ...


class BotSight(Protocol):
    """The bot's process: looked at, killed and started."""

    on_change: list[Callable[[], None]]

    def kill(self) -> None: ...
    def start(self) -> Awaitable[None]: ...
    def state(self) -> Json: ...
    async def promotions(self) -> list[Json]: ...


class Sights(Protocol):
    """All that one sees from the page."""

    @property
    def chat(self) -> ChatSight: ...
    @property
    def forge(self) -> PictureSight: ...
    @property
    def cluster(self) -> PictureSight: ...
    @property
    def registry(self) -> RegistrySight: ...
    @property
    def bot(self) -> BotSight: ...
    @property
    def faults(self) -> Faults: ...
