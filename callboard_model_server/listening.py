"""Connections: who is too slow is sent away, and SIGTERM ends them all within five seconds without losing a request.

After SIGTERM the server goes on accepting for a moment, with /readyz at 503 and every answer closing its connection:
Kubernetes takes a pod out of its Services at the same time as it sends the signal, so requests still come.
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
"""

import asyncio
import os
import signal
import socket
import threading
from types import FrameType
from typing import Any, ClassVar, Final

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from callboard_model_server.application import Application

LINGER: Final = 1.5
"""Seconds that requests are still accepted after SIGTERM."""
DRAIN: Final = 2.5
"""Seconds that requests under way are given after that; Python itself needs half a second to end."""
KEPT: Final = 2.0
"""Seconds, of those, that a connection without a request is kept: one that crosses with the close would be lost."""
END: Final = 4.8
"""Seconds after SIGTERM at which the process ends, whatever hangs."""
HEADERS: Final = 10.0
"""Seconds within which the headers of a request must have come."""
IDLE: Final = 60
"""Seconds that a connection may rest between two requests."""
REST: Final = 5.0
"""Seconds for which the rest of a request is thrown away that was answered before it had come."""
WASTE: Final = 65_536
"""Bytes that may come without completing a head or adding to a body: a head's, a trailer's, those around chunks."""
PIPELINED: Final = 16
"""Requests that may come on one connection before the first of them is answered."""
CONNECTIONS: Final = 256
"""Connections at a time.  A process may have 1,024 files open where nobody raised that."""


class Impatient(HttpToolsProtocol):
    """uvicorn's connection, except that who does not finish his headers in time is sent away, and who rests is not.

    Whoever is answered before he has sent everything can read the answer: what is unread when a connection is closed
    resets it, and may take the answer along.  So only the writing ends, and the rest is read for a moment.
    https://www.rfc-editor.org/rfc/rfc9112#section-9.6
    """

    whole = True
    """Whether the last request has been read to its end."""
    open: ClassVar[dict["Impatient", None]] = {}
    """All connections, the one that has made no progress for longest at the front."""
    _late: asyncio.TimerHandle | None = None
    _waste = 0
    _wire: asyncio.Transport

    @override
    def connection_made(self, transport: Any) -> None:
        self._wire = transport
        super().connection_made(Lingering(transport, self))  # type: ignore[arg-type]  # a transport in all that is used
        self._late = self.loop.call_later(HEADERS, self._wire.close)
        self._progressed()
        if len(self.open) > CONNECTIONS:
            longest = next((other for other in self.open if not other.answering), next(iter(self.open)))
            del self.open[longest]
            longest._wire.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        self.open.pop(self, None)
        super().connection_lost(exc)

    @property
    def answering(self) -> bool:
        """Whether a request has come whole and waits for its answer."""
        return self.whole and self.cycle is not None and not self.cycle.response_complete

    @override
    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._waste += len(data)
        super().data_received(data)
        if self._waste <= WASTE or self.transport.is_closing():
            return
        if self._late is None:
            self._wire.abort()
        else:
            self.send_400_response("The head of the request is too large.")

    def _progressed(self) -> None:
        """Go to the end of the queue, unless the connection is lost already."""
        if self._wire.is_closing():
            return
        self._waste = 0
        self.open.pop(self, None)
        self.open[self] = None

    @override
    def send_400_response(self, msg: str) -> None:
        self.whole = False
        super().send_400_response(msg)

    @override
    def on_message_begin(self) -> None:
        self.whole = False
        super().on_message_begin()
        if self._late is None:
            self._late = self.loop.call_later(HEADERS, self._wire.close)

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        if self._late is not None:  # else it is a trailer, which nobody reads
            super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        self._in_time()
        self._progressed()
        if len(self.pipeline) >= PIPELINED:
            raise ValueError(f"more than {PIPELINED} requests at once")  # which the parser takes for a bad request
        super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        self._waste = 0
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        self.whole = True
        self._progressed()
        super().on_message_complete()

    @override
    def shutdown(self) -> None:
        """Let who rests ask once more: the answer tells him to close, so that his next request comes to another pod."""
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(KEPT, super().shutdown)
        else:
            super().shutdown()

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class Lingering:
    """A connection that is read on for a moment when it is closed in the middle of a request."""

    def __init__(self, wire: asyncio.Transport, protocol: Impatient) -> None:
        self._wire = wire
        self._protocol = protocol
        self._ending = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._wire, name)

    def is_closing(self) -> bool:
        return self._ending or self._wire.is_closing()

    def close(self) -> None:
        if self._protocol.whole or self.is_closing():
            self._wire.close()
            return
        self._ending = True
        try:
            self._wire.write_eof()
        except OSError:  # the other side is gone already
            self._wire.close()
            return
        self._protocol.flow.resume_reading()
        self._protocol.loop.call_later(REST, self._wire.close)


class Server(uvicorn.Server):
    """uvicorn's server, except that it lingers."""

    def __init__(self, config: uvicorn.Config, application: Application) -> None:
        super().__init__(config)
        self._application = application

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._application.draining or sig != signal.SIGTERM:
            super().handle_exit(sig, frame)
            return
        self._application.draining = True
        end = threading.Timer(END, os._exit, (0,))
        end.daemon = True
        end.start()
        threading.Timer(LINGER, super().handle_exit, (sig, frame)).start()


def listen(listener: socket.socket, application: Application) -> None:
    """Answer on the socket, in this one process, until SIGTERM; then finish what is under way."""
    config = uvicorn.Config(
        application.web,
        http=Impatient,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=DRAIN,  # type: ignore[arg-type]  # asyncio.wait_for gets it, which takes floats
    )
    Server(config, application).run(sockets=[listener])
