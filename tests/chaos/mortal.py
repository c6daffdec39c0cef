"""A bot that can be killed at any write: before it takes effect, or after it did and before the bot hears of it.

It knows no operation: the points at which it kills are found by letting a story run once.  A point is a request that
is no read, as the systems see it, or a transaction of the store that writes.  From the kill on, nothing of the dead
bot has any effect: no request reaches a system, no transaction commits; only then the next bot is started, on the same
store.
"""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.default import DefaultDialect
from typing_extensions import override

from callboard_demo.faults import drop
from tests.chaos.writes import by_agent, is_write
from tests.fixtures.story_world import StoryWorld

CHANGES: Final = re.compile(r"\s*(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)")
When = Literal["before", "after"]


class Killed(asyncio.CancelledError):
    """The process is gone: no code of it may catch this and go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where to kill: at the `nth` write of this name."""

    name: str
    nth: int
    when: When

    @override
    def __str__(self) -> str:
        return f"{self.when} {self.name} #{self.nth}"


@dataclass(slots=True, kw_only=True)
class Mortal:
    """The bot's writes, counted by name, and the one point at which it dies."""

    model: str
    at: Point | None = None
    seen: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    """Requests that took effect, as the systems saw them."""
    deaths: int = 0
    _dead: asyncio.Event = field(default_factory=asyncio.Event)

    # ── what it stands in front of ──

    def in_front(self, system: str) -> Sequence[Middleware]:
        """Return what watches the requests to a system."""

        @web.middleware
        async def watch(request: web.Request, handler: Handler) -> web.StreamResponse:
            if by_agent(request):
                return await handler(request)
            if self._dead.is_set():
                return drop(request)
            name = self._name(system, request)
            return await (handler(request) if name is None else self._write(name, request, handler))

        return (watch,)

    async def _write(self, name: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        nth = self._count(name)
        if self._dies("before", name, nth):
            return drop(request)
        answer = await handler(request)
        self.done[name] += answer.status < 400
        return drop(request) if self._dies("after", name, nth) or self._dead.is_set() else answer

    def _name(self, system: str, request: web.Request) -> str | None:
        """Return what a write is called, the same in every run; None for a read."""
        if not is_write(system, request):
            return None
        path = re.sub(r"/[0-9a-f]{40}(?=/|$)|/\d+(?=/|$)", "/…", request.path.replace(self.model, "…"))
        return f"{system} {request.method} {path}"

    @contextmanager
    def over_the_store(self) -> Iterator[None]:
        """Watch every transaction of every engine."""
        commit: Callable[[DefaultDialect, Any], None] = DefaultDialect.do_commit
        about: list[str] = []

        def began(connection: Connection) -> None:
            connection.info["changes"] = []

        def changes(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
            if found := CHANGES.match(statement):
                connection.info.setdefault("changes", []).append(found[1])

        def commits(connection: Connection) -> None:
            about[:] = dict.fromkeys(connection.info.pop("changes", ()))

        def do_commit(dialect: DefaultDialect, connection: Any) -> None:
            self._transact(" + ".join(sorted(about)), lambda: commit(dialect, connection))

        listeners: dict[str, Callable[..., None]] = {
            "begin": began,
            "before_cursor_execute": changes,
            "commit": commits,
        }
        for name, listener in listeners.items():
            event.listen(Engine, name, listener)
        DefaultDialect.do_commit = do_commit  # type: ignore[method-assign]  # every commit of the program passes here
        try:
            yield
        finally:
            DefaultDialect.do_commit = commit  # type: ignore[method-assign]  # every commit of the program passes here
            for name, listener in listeners.items():
                event.remove(Engine, name, listener)

    def _transact(self, about: str, commit: Callable[[], None]) -> None:
        if self._dead.is_set():
            raise Killed
        if not about:
            commit()
            return
        name = f"store: {about}"
        nth = self._count(name)
        if self._dies("before", name, nth):
            raise Killed
        commit()
        if self._dies("after", name, nth):
            raise Killed

    def _count(self, name: str) -> int:
        self.seen[name] += 1
        return self.seen[name]

    def _dies(self, when: When, name: str, nth: int) -> bool:
        if self._dead.is_set() or self.at != Point(name=name, nth=nth, when=when):
            return False
        self.at = None
        self._dead.set()
        return True

    # ── one life after the other ──

    @asynccontextmanager
    async def reborn(self, world: StoryWorld) -> AsyncIterator[None]:
        """Start a new bot whenever one has died."""
        task = asyncio.create_task(self._revive(world))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _revive(self, world: StoryWorld) -> None:
        while True:
            await self._dead.wait()
            await world.stop()
            self.deaths += 1
            self._dead.clear()
            world.bot = world.start()
