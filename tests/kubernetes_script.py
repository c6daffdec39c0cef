"""An API server that does as it is told, for faults that no real one gives on demand."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.clients.kubernetes import Kubernetes
from bot.domain import Json

TOKEN = "s3cr3t-bearer"  # the token of a cluster that lives as long as one test

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def kubeconfig(url: str, token: str = TOKEN) -> str:
    """Return the text of a kubeconfig."""
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": {"token": token}}],
        }
    )


@asynccontextmanager
async def scripted(answer: Answer, folder: Path) -> AsyncIterator[Kubernetes]:
    """Give a client of a server that answers every request with `answer`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(shutdown_timeout=0.1)
    config = folder / "kubeconfig"
    config.write_text(kubeconfig(str(server.make_url("/"))))
    kubernetes = await Kubernetes.connect(str(config))
    try:
        yield kubernetes
    finally:
        await kubernetes.close()
        await server.close()


def listed(kind: str, *items: Json, version: str = "100", following: str = "") -> web.Response:
    """Return a list as API servers send it: the items themselves say no kind."""
    meta = {"resourceVersion": version} | ({"continue": following} if following else {})
    return web.json_response({"apiVersion": "v1", "kind": f"{kind}List", "metadata": meta, "items": list(items)})


def refusal(code: int, message: str, **headers: str) -> web.Response:
    """Return a no as API servers say it."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "code": code}
    return web.json_response(body, status=code, headers=headers)


def line(kind: str, obj: Json) -> bytes:
    """Return one line of a watch."""
    return json.dumps({"type": kind, "object": obj}, ensure_ascii=False).encode() + b"\n"


async def stream(request: web.Request, chunks: Sequence[bytes] = (), *, hold: bool = False) -> web.StreamResponse:
    """Send the chunks one by one, each in a packet of its own; then end in good order, or hold the line."""
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    await answer.prepare(request)
    for chunk in chunks:
        await answer.write(chunk)
        await asyncio.sleep(0)
    if hold:
        await asyncio.Event().wait()
    return answer


async def cut(request: web.Request, chunks: Sequence[bytes] = ()) -> web.StreamResponse:
    """Send the chunks, then drop the connection in mid-answer."""
    answer = await stream(request, chunks)
    assert request.transport is not None
    request.transport.abort()
    return answer


def thing(name: str, version: int = 1, **more: Any) -> Json:
    """Return an object with no more than a name and a version."""
    return {"metadata": {"name": name, "resourceVersion": str(version)}, **more}
