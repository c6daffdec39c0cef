"""The interfaces that the page needs, as protocols; the real world and the tests' canned one implement them.

The JSON of `state()` is sent to the browser unchanged; docs/demo.md describes it.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from bot.domain.json import Json
from callboard_demo.faults import Faults


class ChatSystem(Protocol):
    """The chat, as used by people."""

    on_change: list[Callable[[], None]]

    async def send(self, *, user: str, channel: str, text: str) -> Json: ...
    async def react(self, *, user: str, ts: str, emoji: str, remove: bool = False) -> None: ...
    async def click(self, *, user: str, ts: str, action_id: str) -> None: ...
    def state(self) -> Json: ...


class ReadOnlySystem(Protocol):
    """A system that is only read: the forge, the cluster."""

    @property
    def on_change(self) -> list[Callable[[], None]]: ...
    def state(self) -> Json: ...


class RegistrySystem(Protocol):
    """The registry: read, and used to train."""

    on_change: list[Callable[[], None]]

    async def train(self, model: str, quality: str, progress: Callable[[str], None]) -> int: ...
    async def state(self) -> Json: ...


class BotSystem(Protocol):
    """The bot's process: read, killed and started."""

    on_change: list[Callable[[], None]]

    def kill(self) -> None: ...
    def start(self) -> Awaitable[None]: ...
    def state(self) -> Json: ...
    async def promotions(self) -> list[Json]: ...


class Systems(Protocol):
    """All systems that the page uses."""

    @property
    def chat(self) -> ChatSystem: ...
    @property
    def forge(self) -> ReadOnlySystem: ...
    @property
    def cluster(self) -> ReadOnlySystem: ...
    @property
    def registry(self) -> RegistrySystem: ...
    @property
    def bot(self) -> BotSystem: ...
    @property
    def faults(self) -> Faults: ...
