"""Socket Mode, for a bot without a public address: Slack's envelopes come over a socket that the bot opens.

An envelope is acknowledged after its content is committed; one that is not acknowledged comes again, and is recognized
by its key.  When Slack announces the end of a socket, the next one is opened while the old one still receives.
`bot.clients.slack` opens the socket, `public` handles an envelope; docs/adr/0006-our-own-socket.md says why this is not
the SDK's client.
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
from bot.rules.wording.reasons import plain

log = logging.getLogger(__name__)

LOST: Final = "the socket ended, or Slack asks for another; until there is one, nothing is heard from Slack"

KINDS: Final = frozenset(Kind)

Connect: TypeAlias = Callable[[], Awaitable[aiohttp.ClientWebSocketResponse]]
Receive: TypeAlias = Callable[[Kind, Json], Awaitable[Json | None]]


class _Envelope(msgspec.Struct):
    """What is read of it (https://docs.slack.dev/apis/events-api/using-socket-mode)."""

    type: str = ""
    envelope_id: str = ""
    payload: dict[str, Any] = {}


async def run(connect: Connect, receive: Receive, *, lost: Callable[[], None]) -> None:
    """Keep a socket open, for ever.  `connect` opens one; `lost` is called when another is needed."""
    async with asyncio.TaskGroup() as sockets:
        while True:
            socket = await connect()
            ending = asyncio.Event()
            sockets.create_task(_read(socket, receive, ending))
            await ending.wait()
            lost()


async def _read(socket: aiohttp.ClientWebSocketResponse, receive: Receive, ending: asyncio.Event) -> None:
    """Receive envelopes from one socket, one after another, until it is closed."""
    try:
        async for message in socket:
            envelope = _decode(message)
            if envelope.type == "disconnect":
                ending.set()
            elif envelope.type in KINDS:
                await _take(socket, envelope, receive)
    finally:
        ending.set()
        await socket.close()


def _decode(message: aiohttp.WSMessage) -> _Envelope:
    try:
        return msgspec.json.decode(message.data, type=_Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
        log.warning("Slack sent something over its socket that is no envelope; it is passed over")
        return _Envelope()


async def _take(socket: aiohttp.ClientWebSocketResponse, envelope: _Envelope, receive: Receive) -> None:
    """Receive one envelope, then acknowledge it."""
    try:
        answer = await receive(Kind(envelope.type), envelope.payload)
    except Misunderstood as error:  # acknowledged: a redelivery would be no better
        log.warning("an envelope of Slack's was passed over: %s", plain(error.reason))
        answer = None
    except Exception:
        log.exception("an envelope of Slack's could not be taken; it is not acknowledged, so that it comes again")
        return
    said = {"envelope_id": envelope.envelope_id} | ({} if answer is None else {"payload": answer})
    with suppress(aiohttp.ClientError, ConnectionError):  # the socket broke: Slack sends it again over the next one
        await socket.send_json(said)
