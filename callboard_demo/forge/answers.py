"""Reading requests and writing responses: JSON bodies and paged lists."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from aiohttp import web

from callboard_demo.forge.hub import Hub
from callboard_demo.forge.refused import Refused

Handler: TypeAlias = Callable[[Hub, web.Request], Awaitable[web.StreamResponse]]
Route: TypeAlias = tuple[str, str, Handler]
"""Method, path and handler: one entry of a routes_*.py."""

REPO = "/repos/{owner}/{repo}"
LOGIN = web.RequestKey("login", str)
T = TypeVar("T")


async def body(request: web.Request) -> dict[str, Any]:
    """Return the request's JSON object; an empty body is an empty object.

    Raises:
        Refused: 400, not JSON or not an object.
    """
    text = await request.read()
    try:
        found = await request.json() if text else {}
    except ValueError as error:
        raise Refused(400, "Problems parsing JSON") from error
    if not isinstance(found, dict):
        raise Refused(400, "Body should be a JSON object")
    return found


def decoded(text: str) -> bytes:
    """Decode base64; line breaks are allowed.

    Raises:
        ValueError: it is not base64.
    """
    return base64.b64decode("".join(text.split()), validate=True)


def answer(data: object, status: int = 200) -> web.Response:
    """Return `data` as JSON."""
    return web.json_response(data, status=status)


def paged(request: web.Request, items: Sequence[T], shape: Callable[[T], object]) -> web.Response:
    """Return the requested page of `items`, with a Link header to the others.

    Source: https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api
    """
    per_page = max(1, min(100, _whole(request, "per_page", 30)))
    page, last = max(1, _whole(request, "page", 1)), max(1, -(-len(items) // per_page))
    page_items = [shape(item) for item in items[(page - 1) * per_page : page * per_page]]
    places = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    useful = {word: n for word, n in places.items() if 1 <= n <= last and n != page}
    response = answer(page_items)
    if useful:
        links = (f'<{request.url.update_query(page=n)}>; rel="{word}"' for word, n in useful.items())
        response.headers["Link"] = ", ".join(links)
    return response


def _whole(request: web.Request, name: str, otherwise: int) -> int:
    text = request.query.get(name, "")
    return int(text) if text.isdecimal() else otherwise
