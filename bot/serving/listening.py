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
from typing import Any, Final

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bot.serving.application import Application

LINGER: Final = 1.5
"""Seconds that requests are still accepted after SIGTERM."""
DRAIN: Final = 2.5
"""Seconds that requests under way are given after that; Python itself needs half a second to end."""
END: Final = 4.8
"""Seconds after SIGTERM at which the process ends, whatever hangs."""
HEADERS: Final = 10.0
"""Seconds within which the headers of a request must have come."""
IDLE: Final = 60
"""Seconds that a connection may rest between two requests."""


class Impatient(HttpToolsProtocol):
    """uvicorn's connection, except that whoever does not finish his headers in time is sent away."""

    _late: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._late = self.loop.call_later(HEADERS, transport.close)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._late is None:
            self._late = self.loop.call_later(HEADERS, self.transport.close)

    @override
    def on_headers_complete(self) -> None:
        self._in_time()
        super().on_headers_complete()

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


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
