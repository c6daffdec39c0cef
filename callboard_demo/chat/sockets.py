"""Slack's other way to the app: Socket Mode, where the app opens a WebSocket and is sent envelopes over it.

An envelope counts as taken when the app sends its id back, in three seconds and over any of its sockets.  Slack says
`disconnect` before it closes a socket; it can also just break.
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
"""Seconds between the `disconnect` with the reason "warning" and the end."""
MOST: Final = 10
"""Sockets of one app."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the app said to one request or envelope."""

    status: int = 0
    """0 where there was no answer."""
    ms: float
    text: str = ""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    """Why it does not count as taken, in the words of `X-Slack-Retry-Reason`; empty where it does."""

    @property
    def error(self) -> str:
        """Return what a person reads whose command or click failed so."""
        return "operation_timeout" if self.reason in {"http_timeout", "timeout"} else "dispatch_failed"


class Sockets:
    """The sockets that one app has open."""

    def __init__(self, world: World, *, patience: float = PATIENCE) -> None:
        self.world = world
        self.lost = 0
        """So many of the next acknowledgements get lost on their way."""
        self._patience = patience
        self._sockets: dict[int, web.WebSocketResponse] = {}
        self._number = count(1)
        self._waiting: dict[str, asyncio.Future[Json | None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def connected(self) -> int:
        """Return over how many sockets the app can be reached."""
        return len(self._sockets)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Be one socket, until either side closes it.  A ticket opens one."""
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
                    self._hear(message.data)
        except ConnectionError:
            pass
        finally:
            self._sockets.pop(number, None)
        return socket

    async def deliver(self, kind: str, payload: Mapping[str, Any], **again: Any) -> Answer:
        """Send an envelope over the socket that was opened last, and wait for its acknowledgement."""
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

    def _hear(self, text: str) -> None:
        try:
            said = parsed(text)
        except Refusal:
            return
        waiting = self._waiting.get(str(said.get("envelope_id")))
        if self.lost:
            self.lost -= 1
        elif waiting is not None and not waiting.done():
            waiting.set_result(said.get("payload"))

    async def dismiss(self, reason: str = "warning", *, notice: float = NOTICE) -> None:
        """Ask the app to come again; what it has open gets no more envelopes, and is closed after the notice."""
        leaving, self._sockets = self._sockets, {}
        for socket in leaving.values():
            await socket.send_json(_disconnect(reason))
            task = asyncio.create_task(_close(socket, notice))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Close what is open."""
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
