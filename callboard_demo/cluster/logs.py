"""A container's log: bounded, in lines with timestamps, and followable.

Not here: the source of the output (`runtime.py`), and how a log is served (`api.py`).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime

from bot import clock

_LONGEST = 16_384
"""Longer lines are split into pieces of this many bytes, as container runtimes do."""


class Log:
    """The latest lines of one run of one container."""

    def __init__(self, *, lines: int = 4000) -> None:
        self._lines: deque[tuple[datetime, bytes]] = deque(maxlen=lines)
        self._rest = b""
        self._count = 0
        self._more = asyncio.Event()
        self.ended = False

    def write(self, data: bytes) -> None:
        """Append output."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._append(line)
        while len(self._rest) >= _LONGEST:
            self._append(self._rest[:_LONGEST])
            self._rest = self._rest[_LONGEST:]
        self._ring()

    def end(self) -> None:
        """Mark the log as complete."""
        if self._rest:
            self._append(self._rest)
            self._rest = b""
        self.ended = True
        self._ring()

    def _append(self, line: bytes) -> None:
        self._lines.append((clock.now(), line))
        self._count += 1

    def _ring(self) -> None:
        self._more.set()
        self._more = asyncio.Event()

    def lines(self, *, tail: int | None = None, since: datetime | None = None) -> list[tuple[datetime, bytes]]:
        """Return the lines so far: the last `tail` of those not older than `since`."""
        kept = [line for line in self._lines if since is None or line[0] >= since]
        return kept if tail is None else kept[max(0, len(kept) - tail) :]

    def text(self, *, tail: int | None = None) -> str:
        """Return the lines so far as text, including an unfinished last one."""
        lines = [line for _, line in self.lines(tail=tail)]
        whole = b"".join(line + b"\n" for line in lines) + self._rest
        return whole.decode(errors="replace")

    async def follow(self) -> AsyncIterator[tuple[datetime, bytes] | None]:
        """Yield each new line until the end; yield None from time to time if there is none."""
        seen = self._count
        while True:
            missed = min(self._count - seen, len(self._lines))
            for place in range(len(self._lines) - missed, len(self._lines)):
                yield self._lines[place]
            seen = self._count
            if self.ended:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._more.wait()
            if seen == self._count and not self.ended:
                yield None
