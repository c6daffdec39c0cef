"""The internal listener: liveness, readiness, and the promotions.  For the cluster and its operators only.

It has no login, so no web page may read it through an operator's browser: every path answers only to addresses and
private names (`bot.rules.parsing.hosts`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.domain.errors import Temporary
from bot.domain.promotion import Promotion
from bot.rules.parsing.hosts import REFUSED, may_answer
from bot.rules.wording.reasons import complete, plain
from bot.store.store import Store

DATABASE: Final = "the database"
NAMED: Final = 5
"""How many promotions with the same trouble are named; the rest are counted."""


@dataclass(slots=True)
class Readiness:
    """What the bot still waits for, and why."""

    waiting_for: set[str]
    trouble: dict[str, str] = field(default_factory=dict)
    """Why, by system."""
    store: Store | None = None

    def has(self, what: str) -> None:
        """Note that a system answers."""
        self.waiting_for.discard(what)
        self.trouble.pop(what, None)

    def lacks(self, what: str, why: str) -> None:
        """Note that a system does not answer, and why."""
        self.trouble[what] = why


def internal(ready: Readiness) -> web.Application:
    """Return the application."""

    async def livez(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        status = 503 if ready.waiting_for else 200
        under_way = await ready.store.under_way() if ready.store else ()
        trouble = ready.trouble | troubled(under_way)
        return web.json_response({"waiting_for": sorted(ready.waiting_for), "trouble": trouble}, status=status)

    async def promotions(_: web.Request) -> web.Response:
        newest = await ready.store.promotions(limit=50) if ready.store else ()
        return web.json_response({"promotions": [_as_json(promotion) for promotion in newest]})

    app = web.Application(middlewares=[_known_host, _away])
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/promotions", promotions)
    return app


@web.middleware
async def _known_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a request for a name that a web page can have, whatever its path."""
    if not may_answer(request.headers.getall("Host", [])):
        return web.Response(text=complete(plain(REFUSED)) + "\n", status=HTTPStatus.MISDIRECTED_REQUEST)
    return await handler(request)


@web.middleware
async def _away(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 503 if the database is unreachable."""
    try:
        return await handler(request)
    except Temporary as error:
        return web.json_response({"waiting_for": [DATABASE], "trouble": {DATABASE: plain(error.reason)}}, status=503)


def troubled(under_way: Iterable[Promotion]) -> dict[str, str]:
    """Return what keeps promotions waiting, with their names: one system that is down keeps many.

    The next pass that succeeds removes it.
    """
    kept: dict[str, list[int]] = {}
    for promotion in under_way:
        if promotion.status.trouble is not None:
            kept.setdefault(plain(promotion.status.trouble), []).append(promotion.id)
    return {_named(sorted(numbers)): trouble for trouble, numbers in kept.items()}


def _named(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"promotion {numbers[0]}"
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    return f"promotions {', '.join(map(str, numbers[:NAMED]))}{more}"


def _as_json(promotion: Promotion) -> dict[str, object]:
    pull, message, trouble = promotion.status.pull, promotion.status.message, promotion.status.trouble
    return {
        "id": promotion.id,
        "model": promotion.target.model,
        "stage": promotion.target.stage,
        "kind": promotion.kind.value,
        "version": promotion.version,
        "previous": promotion.previous,
        "state": promotion.state.value,
        "reason": promotion.reason.code if promotion.reason else None,
        "because": plain(promotion.reason) if promotion.reason else "",
        "requested_by": promotion.requested_by,
        "requested_at": promotion.requested_at.isoformat(),
        "entered_at": promotion.entered_at.isoformat(),
        "pull": {"number": pull.number, "url": pull.url} if pull else None,
        "message": {"channel": message.posted.channel, "ts": message.posted.ts} if message else None,
        "trouble": plain(trouble) if trouble else None,
    }
