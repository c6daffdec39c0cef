"""Refuse redirects: none of our APIs sends one, and following it would forward our request.

For the clients whose library makes the requests; the others pass `allow_redirects=False` with each request.
"""

from types import SimpleNamespace

import aiohttp


class Redirected(aiohttp.ClientError):
    """An answer is a redirect."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def refuse_redirects() -> aiohttp.TraceConfig:
    """Return what makes a session raise `Redirected` for a redirect."""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse)
    return trace


async def _refuse(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, redirect: aiohttp.TraceRequestRedirectParams
) -> None:
    raise Redirected(redirect.response.status)
