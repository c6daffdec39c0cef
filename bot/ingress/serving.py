"""Serve an application so that no client can take the program down.

aiohttp bounds the size of a request's head and body.  It bounds neither the time that a client takes for them nor the
number of connections, so both are bounded here.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from typing_extensions import override

from bot.domain.errors import UserError

CONNECTIONS: Final = 256
"""Connections at a time.  By default, a process may have 1,024 open files."""
HEAD: Final = 10.0
"""Seconds that a client may take for a request's head, from its first byte on."""
CLOSE: Final = 5.0
"""Seconds that requests in progress may take when the listener closes."""
LINGER: Final = 1.0
"""Seconds for which the rest of a body is read after an answer that came before its end."""


class Connections:
    """The connections of one listener, the longest idle one first.

    If there are too many, that one is closed for a new one, so that good requests still get through.
    """

    def __init__(self, *, limit: int = CONNECTIONS, head: float = HEAD) -> None:
        self._limit = limit
        self._head = head
        self._open: dict[asyncio.Transport, asyncio.TimerHandle | None] = {}
        """Each with the timer that closes it if its request's head does not arrive in time."""
        self._answering: set[asyncio.Transport] = set()
        """Those whose request's head is complete: what follows is its body."""

    @property
    def count(self) -> int:
        """Return how many there are."""
        return len(self._open)

    def opened(self, transport: asyncio.Transport) -> None:
        """Note a new connection, and close the longest idle one if there are too many."""
        self._open[transport] = None
        if self.count > self._limit:
            longest = next(iter(self._open))
            self.lost(longest)
            longest.abort()

    def received(self, transport: asyncio.Transport) -> None:
        """Note bytes: the first ones of a request's head start its time."""
        if transport in self._open and transport not in self._answering and self._open[transport] is None:
            self._open[transport] = asyncio.get_running_loop().call_later(self._head, transport.abort)

    def progressed(self, transport: asyncio.Transport | None, *, answering: bool) -> None:
        """Note that a request's head is complete, or that it is answered."""
        if transport is not None and transport in self._open:
            self.lost(transport)
            self._open[transport] = None
            if answering:
                self._answering.add(transport)

    def lost(self, transport: asyncio.Transport) -> None:
        """Forget a connection."""
        self._answering.discard(transport)
        timer = self._open.pop(transport, None)
        if timer is not None:
            timer.cancel()


class _Watched(asyncio.Protocol):
    """Passes everything on to aiohttp's protocol, and reports it to `Connections`."""

    def __init__(self, inner: asyncio.Protocol, connections: Connections) -> None:
        self._inner = inner
        self._connections = connections
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (create_server makes no others)
        self._transport = transport
        self._inner.connection_made(transport)
        self._connections.opened(transport)

    @override
    def data_received(self, data: bytes) -> None:
        if self._transport is not None:
            self._connections.received(self._transport)
        self._inner.data_received(data)

    @override
    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    @override
    def pause_writing(self) -> None:
        self._inner.pause_writing()

    @override
    def resume_writing(self) -> None:
        self._inner.resume_writing()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._connections.lost(self._transport)
        self._inner.connection_lost(exc)


@asynccontextmanager
async def serve(
    app: web.Application, host: str, port: int, *, named: str = "HOST and PORT", connections: Connections | None = None
) -> AsyncIterator[int]:
    """Serve an application while the context lasts; yield the port, which the system chooses if `port` is 0.

    `named` are the environment variables that say where.

    Raises:
        UserError: it is not possible to listen there.
    """
    watched = connections or Connections()
    app.middlewares.insert(0, _marking(watched))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=CLOSE, lingering_time=LINGER)
    await runner.setup()
    inner: Callable[[], asyncio.Protocol] = runner.server  # type: ignore[assignment]  # set up, and a factory
    try:
        server = await _bound(lambda: _Watched(inner(), watched), host, port, named, start=True)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
    finally:
        await runner.cleanup()


async def check(host: str, port: int, *, named: str = "HOST and PORT") -> None:
    """Check that `serve` could listen there now, without accepting a connection.

    Raises:
        UserError: it could not.
    """
    (await _bound(asyncio.Protocol, host, port, named, start=False)).close()


async def _bound(
    protocol: Callable[[], asyncio.Protocol], host: str, port: int, named: str, *, start: bool
) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(protocol, host, port, start_serving=start)
    except (OSError, UnicodeError) as error:  # UnicodeError: not a host name
        raise UserError(
            f"cannot listen on {host}, port {port}: {_reason(error)}; choose another place with {named}, or stop what "
            "listens there"
        ) from error


def _reason(error: OSError | UnicodeError) -> str:
    """Return why the system refuses to listen, without the Python tuple in asyncio's message."""
    if isinstance(error, UnicodeError):
        return "that is not the name of a host"
    if isinstance(error, socket.gaierror):
        return error.strerror or "there is no such host"
    return os.strerror(error.errno) if error.errno else "this machine has no such address"


def _marking(connections: Connections) -> Middleware:
    @web.middleware
    async def mark(request: web.Request, handler: Handler) -> web.StreamResponse:
        connections.progressed(request.transport, answering=True)
        try:
            return await handler(request)
        finally:
            connections.progressed(request.transport, answering=False)

    return mark
