"""Socket Mode: the way in where nobody can call us.  Slack's envelopes come over a socket that we have opened.

An envelope is acknowledged after what it tells is committed; one that is not acknowledged comes again, and is known by
its key.  When Slack says that a socket will end, the next one is opened while the old one still hears.  How a socket is
opened stands in `bot.clients.slack`, what is made of an envelope in `public`; why this is not the SDK's client, in
docs/adr/0006-our-own-socket.md.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

import aiohttp
import msgspec

from bot.domain.errors import Misunderstood
from bot.domain.json import Json
from bot.rules.parsing.slack_requests import Kind

log = logging.getLogger(__name__)

LOST: Final = "the socket ended, or Slack asks for another; until there is one, nothing is heard from Slack"

KINDS: Final = frozenset(Kind)

Connect: TypeAlias = Callable[[], Awaitable[aiohttp.ClientWebSocketResponse]]
Hear: TypeAlias = Callable[[Kind, Json], Awaitable[Json | None]]


class _Envelope(msgspec.Struct):
    """What is read of it (https://docs.slack.dev/apis/events-api/using-socket-mode)."""

    type: str = ""
    envelope_id: str = ""
    payload: dict[str, Any] = {}


async def run(connect: Connect, hear: Hear, *, lost: Callable[[], None]) -> None:
    """Have a socket open, for ever.  `connect` returns when there is one; `lost` is called when another is needed."""
    async with asyncio.TaskGroup() as sockets:
        while True:
            socket = await connect()
            ending = asyncio.Event()
            sockets.create_task(_listen(socket, hear, ending))
            await ending.wait()
            lost()


async def _listen(socket: aiohttp.ClientWebSocketResponse, hear: Hear, ending: asyncio.Event) -> None:
    """Hear what comes over one socket, each after the one before, until it is closed."""
    try:
        async for message in socket:
            envelope = _read(message)
            if envelope.type == "disconnect":
                ending.set()
            elif envelope.type in KINDS:
                await _take(socket, envelope, hear)
    finally:
        ending.set()
        await socket.close()


def _read(message: aiohttp.WSMessage) -> _Envelope:
    try:
        return msgspec.json.decode(message.data, type=_Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
        log.warning("Slack sent something over its socket that is no envelope; it is passed over")
        return _Envelope()


async def _take(socket: aiohttp.ClientWebSocketResponse, envelope: _Envelope, hear: Hear) -> None:
    """Hear one envelope, then acknowledge it."""
    try:
        answer = await hear(Kind(envelope.type), envelope.payload)
    except Misunderstood as error:  # it is acknowledged: the next time it would be no better
        log.warning("an envelope of Slack's was passed over: %s", error)
        answer = None
    except Exception:
        log.exception("an envelope of Slack's could not be taken; it is not acknowledged, so that it comes again")
        return
    said = {"envelope_id": envelope.envelope_id} | ({} if answer is None else {"payload": answer})
    with suppress(aiohttp.ClientError, ConnectionError):  # a socket that broke: it comes again over the next one
        await socket.send_json(said)
