"""No redirect is followed by those libraries that would: no API of ours sends one, and it would take our words along.

Beside the clients whose library makes the requests; the others say so with each request.
"""

from types import SimpleNamespace

import aiohttp


def unfollowed() -> aiohttp.TraceConfig:
    """Return what makes a session take a redirect for a failure."""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_stop)
    return trace


async def _stop(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, redirect: aiohttp.TraceRequestRedirectParams
) -> None:
    raise aiohttp.ClientError(f"it answers {redirect.response.status}, which leads elsewhere")
