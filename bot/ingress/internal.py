"""The internal listener: is it alive, is it ready, what is under way.  For the cluster and its operators only.

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
from bot.rules.parsing.hosts import REFUSAL, may_answer
from bot.store.store import Store

RECORD: Final = "the record"
NAMED: Final = 5
"""Promotions that the same trouble keeps are named up to this many, and then counted."""


@dataclass(slots=True)
class Readiness:
    """What the bot still waits for, and what troubles it."""

    waiting_for: set[str]
    trouble: dict[str, str] = field(default_factory=dict)
    """By system: what it answered instead."""
    store: Store | None = None

    def has(self, what: str) -> None:
        """Note that something answers."""
        self.waiting_for.discard(what)
        self.trouble.pop(what, None)

    def lacks(self, what: str, why: str) -> None:
        """Note that something does not."""
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
        return web.json_response({"promotions": [_shown(it) for it in newest]})

    app = web.Application(middlewares=[_known_host, _away])
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/promotions", promotions)
    return app


@web.middleware
async def _known_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a request for a name that a web page can have, whatever its path."""
    if not may_answer(request.headers.getall("Host", [])):
        return web.Response(text=REFUSAL, status=HTTPStatus.MISDIRECTED_REQUEST)
    return await handler(request)


@web.middleware
async def _away(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Say it where nothing can be looked up."""
    try:
        return await handler(request)
    except Temporary as error:
        return web.json_response({"waiting_for": [RECORD], "trouble": {RECORD: str(error)}}, status=503)


def troubled(under_way: Iterable[Promotion]) -> dict[str, str]:
    """Return what keeps turns from going on, by the promotions that it keeps: one system that is down keeps many.

    It is over when the next turn is, so it need not be taken back.
    """
    kept: dict[str, list[int]] = {}
    for it in under_way:
        if it.record.trouble is not None:
            kept.setdefault(it.record.trouble, []).append(it.id)
    return {_named(sorted(numbers)): trouble for trouble, numbers in kept.items()}


def _named(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return f"promotion {numbers[0]}"
    more = f" and {len(numbers) - NAMED} more" if len(numbers) > NAMED else ""
    return f"promotions {', '.join(map(str, numbers[:NAMED]))}{more}"


def _shown(it: Promotion) -> dict[str, object]:
    record = it.record
    return {
        "id": it.id,
        "model": it.pair.model,
        "stage": it.pair.stage,
        "kind": it.kind.value,
        "version": it.version,
        "previous": it.previous,
        "state": it.state.value,
        "because": it.because,
        "requested_by": it.requested_by,
        "requested_at": it.requested_at.isoformat(),
        "entered_at": it.entered_at.isoformat(),
        "pull": {"number": record.pull, "url": record.pull_url} if record.pull else None,
        "message": {"channel": record.message.channel, "ts": record.message.ts} if record.message else None,
        "trouble": record.trouble,
    }
