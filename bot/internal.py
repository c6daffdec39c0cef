"""The internal listener: is it alive, is it ready, what is under way.  For the cluster and its operators only."""

from dataclasses import dataclass, field

from aiohttp import web

from bot.promotion import Promotion
from bot.store import Store


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
        return web.json_response({"waiting_for": sorted(ready.waiting_for), "trouble": ready.trouble}, status=status)

    async def promotions(_: web.Request) -> web.Response:
        newest = await ready.store.promotions(limit=50) if ready.store else ()
        return web.json_response({"promotions": [_shown(it) for it in newest]})

    app = web.Application()
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/promotions", promotions)
    return app


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
