"""A reverse proxy in front of the registry, so that faults can be put between it and the bot and the pods.

It passes on what it gets and changes nothing; what goes wrong is the business of the middlewares around it.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from io import BytesIO

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Middleware
from yarl import URL

HOP_BY_HOP = {
    "connection", "content-length", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
    "transfer-encoding", "upgrade",
}  # fmt: skip
"""https://www.rfc-editor.org/rfc/rfc9110.html#section-7.6.1, and what is written anew for the other side.

`Host` is passed on, so that MLflow's own check of it holds: a web page that points a name of its own at 127.0.0.1 (DNS
rebinding) must not read the registry."""
LARGEST = 64 << 20
"""Bytes of a request: artifacts are uploaded this way too."""
READS = {"GET", "HEAD", "OPTIONS"}
TIMEOUT = aiohttp.ClientTimeout(total=60)


def proxy(target: str, *, middlewares: Sequence[Middleware], written: Callable[[], None]) -> web.Application:
    """Return an application that stands for the server at `target`; `written` is called after each write."""
    session = web.AppKey("session", aiohttp.ClientSession)

    async def connected(app: web.Application) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(auto_decompress=False, timeout=TIMEOUT) as app[session]:
            yield

    async def pass_on(request: web.Request) -> web.Response:
        answer = await _forward(request.app[session], request, URL(target))
        if request.method not in READS:
            written()
        return answer

    app = web.Application(client_max_size=LARGEST, middlewares=list(middlewares))
    app.cleanup_ctx.append(connected)
    app.router.add_route("*", "/{path:.*}", pass_on)
    return app


async def _forward(session: aiohttp.ClientSession, request: web.Request, target: URL) -> web.Response:
    url = URL(f"{target}{request.raw_path}", encoded=True)
    headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
    body = await request.read()
    try:
        async with session.request(
            request.method, url, headers=headers, data=BytesIO(body) if body else None, allow_redirects=False
        ) as answer:
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())
    except (aiohttp.ClientError, TimeoutError) as error:
        raise web.HTTPBadGateway(text=f"the registry does not answer: {error}") from error
