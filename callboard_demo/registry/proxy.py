"""A reverse proxy in front of the registry, in which faults for the bot and the pods can be injected.

It forwards everything unchanged; the middlewares around it inject the faults.
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
"""https://www.rfc-editor.org/rfc/rfc9110.html#section-7.6.1, and headers that are set anew for the other side.

`Host` is passed on, so that MLflow's own check of it works: a web page that resolves its own host name to 127.0.0.1
(DNS rebinding) must not read the registry."""
LARGEST = 64 << 20
"""The largest request in bytes: artifacts are uploaded this way too."""
READS = {"GET", "HEAD", "OPTIONS"}
TIMEOUT = aiohttp.ClientTimeout(total=60)


def proxy(target: str, *, middlewares: Sequence[Middleware], written: Callable[[], None]) -> web.Application:
    """Return an application that forwards to the server at `target`; `written` is called after each write."""
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
        raise web.HTTPBadGateway(text=f"the registry is not responding: {error}") from error
