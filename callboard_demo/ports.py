"""The demo's eight ports on loopback: claimed before anything starts, so that a taken one is reported at once."""

import errno
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from callboard_demo.children import bind
from callboard_demo.errors import PartFailed

NAMES: Final = {
    "page": "the page",
    "slack": "Slack",
    "github": "GitHub",
    "kubernetes": "Kubernetes",
    "mlflow": "MLflow, as the bot and the pods reach it",
    "registry": "the MLflow server itself",
    "public": "the bot",
    "internal": "the bot's internal listener",
}
"""In the order of their numbers, starting at `--port`."""
CHILDREN: Final = ("registry", "public", "internal")
"""Ports that a child process opens itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The claimed ports: a number for each name, and a socket for each that this process serves."""

    numbers: dict[str, int]
    sockets: dict[str, socket.socket] = field(repr=False)

    def url(self, name: str) -> str:
        """Return the URL of a port."""
        return f"http://127.0.0.1:{self.numbers[name]}"

    def close(self) -> None:
        """Release the ports that are not being served."""
        for held in self.sockets.values():
            held.close()

    async def serve(self, name: str, app: web.Application) -> Callable[[], object]:
        """Serve an application on its port; return a function that stops it (await it)."""
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.SockSite(runner, self.sockets[name]).start()
        return runner.cleanup


def claim(first: int | None) -> Ports:
    """Claim eight ports: `first` and the seven after it; None means any free ones.

    Raises:
        PartFailed: one of them is taken or not allowed; the message says what to do.
    """
    with ExitStack() as stack:
        sockets = {
            name: stack.enter_context(closing(_bound(name, 0 if first is None else first + offset)))
            for offset, name in enumerate(NAMES)
        }
        numbers = {name: int(held.getsockname()[1]) for name, held in sockets.items()}
        for name in CHILDREN:
            sockets.pop(name).close()
        stack.pop_all()
        return Ports(numbers=numbers, sockets=sockets)


def _bound(name: str, port: int) -> socket.socket:
    try:
        return bind(port)
    except OSError as error:
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise PartFailed(
            f"port {port} ({NAMES[name]}) {why}: choose eight others with --port, such as --port 9400"
        ) from error
