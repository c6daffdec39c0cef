"""Slack's `hello` on a new socket.  `bot.clients.slack.client` opens the socket."""

import aiohttp

from bot.clients.failures import cause
from bot.clients.limits import Malformed, decoded
from bot.clients.slack.answers import Hello
from bot.domain.errors import Temporary
from bot.domain.reason import Said
from bot.domain.reasons import systems
from bot.domain.reasons.slack import Socket, SocketRefused
from bot.rules.wording.redaction import excerpt


async def await_hello(socket: aiohttp.ClientWebSocketResponse) -> aiohttp.ClientWebSocketResponse:
    """Return a socket after Slack's `hello`; close one on which anything else arrives."""
    ready = False
    try:
        first = decoded(await socket.receive_str(), Hello)
        ready = first.type == "hello"
    except (TypeError, Malformed) as error:  # it was closed at once, or the other side is not Slack
        raise Temporary(systems.Malformed(system=systems.SLACK, during=Socket(), cause=cause(error))) from error
    finally:
        if not ready:
            await socket.close()
    if not ready:
        said = Said(excerpt(first.reason, 200)) if isinstance(first.reason, str) else None
        raise Temporary(SocketRefused(said=said))
    return socket
