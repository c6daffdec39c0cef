"""Socket Mode: the app opens a WebSocket and receives envelopes over it.

An envelope is acknowledged when the app sends its id back within three seconds, over any of its sockets.  Slack sends
`disconnect` before it closes a socket; a socket can also just break.
Sources: https://docs.slack.dev/apis/events-api/using-socket-mode ,
https://docs.slack.dev/reference/methods/apps.connections.open
"""

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from aiohttp import WSMsgType, web

from bot.domain.json import Json
from callboard_demo.chat.answers import parsed
from callboard_demo.chat.arguments import Arguments, Refusal
from callboard_demo.chat.calls import Method
from callboard_demo.chat.limits import Tier
from callboard_demo.chat.world import APP, World

PATIENCE: Final = 3.0
NOTICE: Final = 10.0
"""Seconds between the `disconnect` with the reason "warning" and the close."""
MOST: Final = 10
"""The most sockets that one app may have open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The app's response to one request or envelope."""

    status: int = 0
    """0 if there was no response."""
    ms: float
    text: str = ""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    """Why it was not acknowledged, as a value of `X-Slack-Retry-Reason`; empty if it was."""

    @property
    def error(self) -> str:
        """Return the error that Slack shows to the person whose command or click failed."""
        return "operation_timeout" if self.reason in {"http_timeout", "timeout"} else "dispatch_failed"


class Sockets:
    """The sockets that one app has open."""

    def __init__(self, world: World, *, patience: float = PATIENCE) -> None:
        self.world = world
        self.lost = 0
        """How many of the next acknowledgements get lost."""
        self._patience = patience
        self._sockets: dict[int, web.WebSocketResponse] = {}
        self._number = count(1)
        self._waiting: dict[str, asyncio.Future[Json | None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> int:
        """Return the number of sockets over which the app can be reached."""
        return len(self._sockets)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one socket until either side closes it.  A ticket opens one."""
        if not self.world.redeem(request.query.get("ticket", "")):
            return web.Response(status=404)
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        if len(self._sockets) >= MOST:
            await socket.send_json(_disconnect("too_many_websockets"))
            return socket
        number = next(self._number)
        self._sockets[number] = socket
        try:
            await socket.send_json(_hello(len(self._sockets)))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(message.data)
        except ConnectionError:
            pass
        finally:
            self._sockets.pop(number, None)
        return socket

    async def deliver(self, kind: str, payload: Mapping[str, Any], **again: Any) -> Answer:
        """Send an envelope over the most recently opened socket, and wait for the acknowledgement."""
        start, envelope = time.monotonic(), str(uuid.uuid4())
        body = {"envelope_id": envelope, "type": kind, "accepts_response_payload": kind != "events_api"}
        waiting = self._waiting[envelope] = asyncio.get_running_loop().create_future()
        try:
            socket = self._sockets[max(self._sockets)]
            await socket.send_json(body | {"payload": payload} | again)
            answer = await asyncio.wait_for(waiting, self._patience)
        except TimeoutError:
            return Answer(ms=_since(start), reason="timeout")
        except ConnectionError:
            return Answer(ms=_since(start), reason="connection_failed")
        finally:
            del self._waiting[envelope]
        text = json.dumps(answer) if answer else ""
        return Answer(status=200, ms=_since(start), text=text, content_type="application/json")

    def _acknowledge(self, text: str) -> None:
        try:
            body = parsed(text)
        except Refusal:
            return
        waiting = self._waiting.get(str(body.get("envelope_id")))
        if self.lost:
            self.lost -= 1
        elif waiting is not None and not waiting.done():
            waiting.set_result(body.get("payload"))

    async def dismiss(self, reason: str = "warning", *, notice: float = NOTICE) -> None:
        """Ask the app to reconnect: its open sockets get no more envelopes and are closed after the notice period."""
        leaving, self._sockets = self._sockets, {}
        for socket in leaving.values():
            await socket.send_json(_disconnect(reason))
            task = asyncio.create_task(_close(socket, notice))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Close all open sockets."""
        for task in self._leaving:
            task.cancel()
        for socket in list(self._sockets.values()):
            await socket.close()


async def _close(socket: web.WebSocketResponse, notice: float) -> None:
    try:
        await asyncio.sleep(notice)
    finally:
        await socket.close()


def _hello(number: int) -> Json:
    debug = {"host": "applink-1", "build_number": 1, "approximate_connection_time": 18060}
    return {"type": "hello", "num_connections": number, "connection_info": {"app_id": APP}, "debug_info": debug}


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}}


def _since(start: float) -> float:
    return round((time.monotonic() - start) * 1000, 1)


def _open(world: World, given: Arguments) -> Json:
    return {"url": f"{world.url.replace('http', 'ws', 1)}/link/?ticket={world.ticket()}&app_id={APP}"}


METHODS: Final = (Method(name="apps.connections.open", tier=Tier.ONE, scope=None, app_level=True, run=_open),)
