"""Connections: slow clients are disconnected; after SIGTERM, all close within five seconds without a lost request.

After SIGTERM the server still accepts requests briefly, with /readyz at 503 and `Connection: close` in every response:
Kubernetes removes a pod from its Services at the same time as it sends the signal, so requests still arrive.
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
"""Seconds that requests in progress get after that; Python itself needs half a second to exit."""
KEPT: Final = 2.0
"""Seconds an idle connection stays open while draining, so that a request already on its way is still answered."""
END: Final = 4.8
"""Seconds after SIGTERM at which the process exits in any case."""
HEADERS: Final = 10.0
"""Seconds within which the headers of a request must arrive."""
IDLE: Final = 60
"""Seconds that a connection may be idle between two requests."""
REST: Final = 5.0
"""Seconds for which the rest of an already answered request is read and discarded."""
WASTE: Final = 65_536
"""Bytes that may arrive without completing a head or extending a body: in heads, trailers, chunk framing."""
PIPELINED: Final = 16
"""Pipelined requests that a connection may have before the first of them is answered."""
CONNECTIONS: Final = 256
"""Simultaneous connections.  By default, a process may have 1,024 open files."""


class Impatient(HttpToolsProtocol):
    """A uvicorn protocol that closes connections whose headers do not arrive in time, and keeps idle ones.

    A client that gets an early response can still read it.  Closing a connection with unread data resets it, which may
    discard the response; so only the write side is closed, and the rest is read for a short time.
    https://www.rfc-editor.org/rfc/rfc9112#section-9.6
    """

    whole = True
    """Whether the last request has been read completely."""
    open: ClassVar[dict["Impatient", None]] = {}
    """All connections, the one longest without progress first."""
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
        """Whether a complete request is waiting for its response."""
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
        """Move this connection to the end of the queue, unless it is already lost."""
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
        if self._late is not None:  # otherwise it is a trailer, which is ignored
            super().on_header(name, value)

    @override
    def on_headers_complete(self) -> None:
        self._in_time()
        self._progressed()
        if len(self.pipeline) >= PIPELINED:
            raise ValueError(f"more than {PIPELINED} requests at once")  # the parser turns this into a 400
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
        """Let an idle client send one more request: its response has `Connection: close`."""
        if self.cycle is None or self.cycle.response_complete:
            self.loop.call_later(KEPT, super().shutdown)
        else:
            super().shutdown()

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


class Lingering:
    """A connection that is still read for a short time after it is closed in the middle of a request."""

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
        except OSError:  # the client has already disconnected
            self._wire.close()
            return
        self._protocol.flow.resume_reading()
        self._protocol.loop.call_later(REST, self._wire.close)


class Server(uvicorn.Server):
    """uvicorn's server, but it still accepts requests for a while after SIGTERM."""

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
    """Serve on the socket in this process until SIGTERM; then finish the requests in progress."""
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
