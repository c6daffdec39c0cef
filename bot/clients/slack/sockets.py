"""Slack's greeting at a socket.  How a socket is opened is in `bot.clients.slack.client`."""

import aiohttp

from bot.clients.limits import Malformed, decoded
from bot.clients.slack.answers import Greeting
from bot.domain.errors import Temporary
from bot.rules.wording.redaction import excerpt


async def greeted(socket: aiohttp.ClientWebSocketResponse) -> aiohttp.ClientWebSocketResponse:
    """Return a socket at which Slack said hello; one at which it says anything else is closed."""
    hello = False
    try:
        said = decoded(await socket.receive_str(), Greeting)
        hello = said.type == "hello"
    except (TypeError, Malformed) as error:  # it was closed at once, or the other side is not Slack
        raise Temporary("what answered at Slack's socket was not Slack") from error
    finally:
        if not hello:
            await socket.close()
    if not hello:
        reason = excerpt(said.reason, 200) if isinstance(said.reason, str) else "no reason given"
        raise Temporary(f"Slack did not take the socket ({reason})")
    return socket
