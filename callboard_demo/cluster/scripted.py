"""A runtime for tests: its containers are small servers in this process with configurable behaviour.

Each container serves `/ping /health /version /readyz /model /invocations` on its pod's address, as
`callboard_model_server` does, with name and version from its environment.  One with the wrong MODEL_DIGEST exits.
"""

import asyncio
import hashlib
import json
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatch
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from callboard_demo.children import bind
from callboard_demo.cluster.runtime import MISSING, Order, StartError


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How the containers of one version behave."""

    ready_after: timedelta | None = timedelta(0)
    """When `/readyz` starts to return 200; None: never."""
    crash_after: timedelta | None = None
    exit_code: int = 1
    output: str = ""
    """What it prints when it starts."""
    slow: timedelta = timedelta(0)
    """How long each response takes."""
    says_version: int | None = None
    """What `/model` reports; None: what it was started with."""
    predictions: Any = None
    """What `/invocations` returns; None: the version, once."""
    ignores_term: bool = False
    pages: Mapping[str, Any] | None = None
    """Another server than Callboard's: what it answers by path, also to POST; `{version}` in a text is the version."""
    firewalled: bool = False
    """Whether only the kubelet and the API server get an answer, as behind a NetworkPolicy."""


GOOD: Final = Behaviour()
FORWARDED: Final = "X-Forwarded-Uri"
"""The header that the API server's proxy adds."""


def digest(name: str, version: int | None) -> str:
    """Return a made-up digest of a version's files."""
    return f"sha256:{hashlib.sha256(f'{name} {version}'.encode()).hexdigest()}"


class ScriptedRuntime:
    """Containers by MODEL_VERSION; versions without an entry use `default`."""

    def __init__(
        self,
        behaviours: Mapping[str, Behaviour] | None = None,
        *,
        default: Behaviour = GOOD,
        missing: Sequence[str] = MISSING,
    ) -> None:
        self.behaviours = dict(behaviours or {})
        """May be changed at any time; it applies to containers that start afterwards."""
        self.default = default
        self._missing = tuple(missing)
        self.started: list[Order] = []
        """All started containers, in order."""

    def refuses(self, image: str, *, has_command: bool) -> str | None:
        """Return why an image cannot be pulled."""
        if any(fnmatch(image, pattern) for pattern in self._missing):
            return f'rpc error: code = NotFound desc = failed to pull and unpack image "{image}": not found'
        return None

    async def start(self, order: Order) -> "ScriptedRunning":
        """Start a server on the pod's address."""
        self.started.append(order)
        behaviour = self.behaviours.get(order.env.get("MODEL_VERSION", ""), self.default)
        running = ScriptedRunning(order, behaviour)
        try:
            await running.listen()
        except OSError as error:
            raise StartError(f"listen tcp {order.address}:{order.port}: {error}") from error
        return running


class ScriptedRunning:
    """One scripted container."""

    def __init__(self, order: Order, behaviour: Behaviour) -> None:
        self._order, self._behaviour = order, behaviour
        self._exit: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._began = asyncio.get_running_loop().time()
        app = web.Application(middlewares=[self._guarded])
        for path in ("/ping", "/health", "/version"):
            app.router.add_get(path, self._alive)
        app.router.add_get("/readyz", self._readyz)
        for path in behaviour.pages or ():
            app.router.add_route("*", path, self._page)
        if behaviour.pages is None:
            app.router.add_get("/model", self._model)
            app.router.add_post("/invocations", self._invocations)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        self._listener: socket.socket | None = None
        self._crash: asyncio.TimerHandle | None = None

    async def listen(self) -> None:
        """Start to listen."""
        listener = bind(self._order.port, self._order.address)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()
        self._listener = listener
        if self._behaviour.output:
            self._order.write(self._behaviour.output.encode() + b"\n")
        if (after := self._behaviour.crash_after) is not None:
            loop = asyncio.get_running_loop()
            self._crash = loop.call_later(after.total_seconds(), self._end, self._behaviour.exit_code)
        if self._order.env.get("MODEL_DIGEST", "") not in {"", self._digest()}:
            self._order.write(b"the model's files are not those of MODEL_DIGEST\n")
            self._end(1)

    def _end(self, code: int) -> None:
        if not self._exit.done():
            self._exit.set_result(code)

    async def wait(self) -> int:
        """Wait until it exits."""
        try:
            return await asyncio.shield(self._exit)
        finally:
            if self._crash is not None:
                self._crash.cancel()
            await self._close()

    async def _close(self) -> None:
        """Stop accepting connections, and close.

        In Python 3.11, a connection that is accepted just before its server closes is leaked.
        """
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener = None
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await self._runner.cleanup()

    def terminate(self) -> None:
        """Ask it to stop."""
        if not self._behaviour.ignores_term:
            self._end(0)

    def kill(self) -> None:
        """Kill it."""
        self._end(137)

    async def execute(self, command: Sequence[str]) -> tuple[int, str]:
        """Fail: there is no container to run a command in."""
        return 126, f"{command[0]}: not found"

    async def _pause(self) -> None:
        if self._behaviour.slow:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._exit), self._behaviour.slow.total_seconds())

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Reset connections, if a firewall is asked for: a real one would only be slower."""
        passed = request.path == "/readyz" or FORWARDED in request.headers
        if self._behaviour.firewalled and not passed and request.transport is not None:
            request.transport.abort()
        return await handler(request)

    async def _page(self, request: web.Request) -> web.Response:
        text = json.dumps((self._behaviour.pages or {})[request.path]).replace("{version}", str(self._version()))
        return web.Response(text=text, content_type="application/json")

    async def _alive(self, request: web.Request) -> web.Response:
        await self._pause()
        return web.Response(text="\n")

    def _is_ready(self) -> bool:
        after = self._behaviour.ready_after
        return after is not None and asyncio.get_running_loop().time() - self._began >= after.total_seconds()

    async def _readyz(self, request: web.Request) -> web.Response:
        await self._pause()
        return web.Response(status=200 if self._is_ready() else 503, text="\n")

    def _version(self) -> int | None:
        text = self._order.env.get("MODEL_VERSION", "")
        return self._behaviour.says_version or (int(text) if text.isdigit() else None)

    def _digest(self) -> str:
        return digest(self._order.env.get("MODEL_NAME", ""), self._version())

    async def _model(self, request: web.Request) -> web.Response:
        await self._pause()
        reply = {"name": self._order.env.get("MODEL_NAME"), "version": self._version(), "digest": self._digest()}
        return web.json_response(reply | {"run": None, "loaded_at": None})

    async def _invocations(self, request: web.Request) -> web.Response:
        await self._pause()
        fixed = self._behaviour.predictions
        return web.json_response({"predictions": [self._version()] if fixed is None else fixed})
