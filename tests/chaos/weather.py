"""The storm around the bot: calls that fail as each system fails, webhooks that are lost, doubled or late, and kill -9.

It stands in front of the fakes, which know nothing of it, and keeps its own log of what took effect there.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from callboard_demo.faults import drop
from tests.chaos.writes import by_agent, is_write

RATE: Final = 0.1
EAGER: Final = 0.3
"""How often a call fails in a way that was not seen yet."""
HELD: Final = 20
"""Seconds: longer than any client of the bot waits for an answer."""
FORM: Final = "application/x-www-form-urlencoded"
MERGE: Final = re.compile(r".*/pulls/\d+/merge")
ALIAS: Final = re.compile(r".*/registered-models/alias")


class Fault(StrEnum):
    """How a call fails, or a webhook."""

    BROKEN = "5xx"
    BUSY = "429"
    LOST = "connection lost after it took effect"
    TIME_OUT = "time-out after it took effect"
    DROPPED = "connection dropped"
    EXPIRED = "410 watch"
    WEBHOOK_LOST = "webhook lost"
    WEBHOOK_TWICE = "webhook doubled"
    WEBHOOK_LATE = "webhook overtaken"


AFTER: Final = frozenset({Fault.LOST, Fault.TIME_OUT})
"""What strikes only writes, after they took effect."""
CALLS: Final = (Fault.BROKEN, Fault.BUSY, Fault.LOST, Fault.TIME_OUT, Fault.DROPPED)
FAILS: Final[dict[str, tuple[Fault, ...]]] = {
    "slack": CALLS,
    "github": CALLS,
    "mlflow": CALLS,
    "kubernetes": (Fault.BROKEN, Fault.BUSY, Fault.DROPPED, Fault.EXPIRED),  # the bot writes nothing there
}
WEBHOOKS: Final = (Fault.WEBHOOK_LOST, Fault.WEBHOOK_TWICE, Fault.WEBHOOK_LATE)
BROKEN_AS: Final = {"slack": 503, "github": 502, "mlflow": 503, "kubernetes": 503}
TOO_OLD: Final = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Expired", "code": 410}


@dataclass(slots=True, kw_only=True)
class Weather:
    """What strikes, and what has."""

    dice: Random
    kill: Callable[[], None]
    between: tuple[int, int]
    """How many writes of passes there are from one kill to the next, at least and at most."""
    patient: bool = False
    """Time-outs, which take long, strike more than once."""
    fair: bool = True
    struck: Counter[tuple[str, Fault]] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    merges: Counter[str] = field(default_factory=Counter)
    """Merges that took effect, by the path of the pull request."""
    moves: list[tuple[str, str, int]] = field(default_factory=list)
    """Moves of aliases that took effect: model, alias, version."""
    _left: int = 0

    def unseen(self) -> list[tuple[str, Fault]]:
        """Return what has not struck yet."""
        wanted = [(system, fault) for system, faults in FAILS.items() for fault in faults]
        wanted += [(sender, fault) for sender in ("slack", "github", "mlflow") for fault in WEBHOOKS]
        return [each for each in wanted if not self.struck[each]]

    def moves_of(self, models: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
        """Return how each model's aliases were moved, in order."""
        return {model: [(alias, version) for name, alias, version in self.moves if name == model] for model in models}

    def failed(self) -> float:
        """Return which part of all calls failed."""
        return sum(times for (_, fault), times in self.struck.items() if fault not in WEBHOOKS) / self.calls.total()

    # ── calls ──

    def in_front(self, system: str) -> Sequence[Middleware]:
        """Return what stands in front of a system."""

        @web.middleware
        async def blow(request: web.Request, handler: Handler) -> web.StreamResponse:
            if self.fair or by_agent(request):
                return await handler(request)
            self.calls[system] += 1
            if self._strikes_dead(system, request):
                if self.dice.random() < 0.5:  # else it never arrived
                    await self._handled(request, handler)
                self.kill()
                return drop(request)
            fault = self.strike(system, self._possible(system, request))
            return await (self._handled(request, handler) if fault is None else self._fail(fault, request, handler))

        return (blow,)

    def _strikes_dead(self, system: str, request: web.Request) -> bool:
        """Say whether the bot dies in the middle of this: a write that only a pass makes."""
        if not is_write(system, request) or request.path.endswith("chat.update"):
            return False
        self._left -= 1
        if self._left >= 0:
            return False
        self._left = self.dice.randint(*self.between)
        return True

    def _possible(self, system: str, request: web.Request) -> list[Fault]:
        watches, writes = "watch" in request.query, is_write(system, request)
        return [
            fault
            for fault in FAILS[system]
            if (writes or fault not in AFTER) and (watches or fault is not Fault.EXPIRED)
        ]

    def strike(self, system: str, possible: Sequence[Fault], *, eager: float = EAGER) -> Fault | None:
        """Return what strikes now, if anything does; it counts as done.  `eager`: how often what was not seen yet."""
        new = [fault for fault in possible if not self.struck[system, fault]]
        if not possible or self.dice.random() >= (eager if new else RATE):
            return None
        weights = [self._weight(fault) for fault in possible]
        rare = [fault for fault in new if fault in AFTER]  # writes are few: what only they can suffer comes first
        fault = self.dice.choice(rare or new) if new else self.dice.choices(possible, weights)[0]
        self.struck[system, fault] += 1
        return fault

    def _weight(self, fault: Fault) -> float:
        """Return how often a fault strikes against others: what stops everybody for seconds is rare."""
        match fault:
            case Fault.TIME_OUT:
                return 0.1 if self.patient else 0
            case Fault.BUSY:  # every pass heeds it: at its full share nobody would ask anything most of the time
                return 0.1
            case _:
                return 1

    async def _fail(self, fault: Fault, request: web.Request, handler: Handler) -> web.StreamResponse:
        match fault:
            case Fault.BROKEN:
                system = "kubernetes" if "/namespaces/" in request.path else "github"
                return web.json_response({"message": "Server Error"}, status=BROKEN_AS[system])
            case Fault.BUSY:
                return web.json_response(
                    {"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "1"}
                )
            case Fault.EXPIRED:
                return web.Response(text=json.dumps({"type": "ERROR", "object": TOO_OLD}) + "\n")
            case Fault.LOST:
                await self._handled(request, handler)
            case Fault.TIME_OUT:
                await self._handled(request, handler)
                await asyncio.sleep(HELD)
            case _:
                pass
        return drop(request)

    async def _handled(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let it take effect, and write that down."""
        answer = await handler(request)
        if answer.status < 400 and MERGE.fullmatch(request.path):
            self.merges[request.path] += 1
        if answer.status < 400 and request.method == "POST" and ALIAS.fullmatch(request.path):
            said = json.loads(await request.read())
            self.moves.append((said["name"], said["alias"], int(said["version"])))
        return answer


@dataclass(slots=True, kw_only=True)
class Post:
    """Carries webhooks to the bot: some twice, some so late that others overtake them, some never."""

    weather: Weather
    to: str
    http: aiohttp.ClientSession
    _late: set[asyncio.Task[int]] = field(default_factory=set)

    def application(self) -> web.Application:
        """Return where the senders deliver."""
        app = web.Application()
        app.router.add_post("/{path:.*}", self._carry)
        return app

    async def _carry(self, request: web.Request) -> web.Response:
        body, sender = await request.read(), "slack" if request.path == "/slack/events" else request.path.split("/")[-1]
        once = request.content_type == FORM  # a command or a button: a person waits for the answer
        match self.weather.strike(sender, () if once else WEBHOOKS, eager=1):
            case Fault.WEBHOOK_LOST:
                return web.Response()
            case Fault.WEBHOOK_TWICE:
                await self._deliver(request, body)
            case Fault.WEBHOOK_LATE:
                late = asyncio.create_task(self._deliver(request, body, after=self.weather.dice.uniform(0.3, 2)))
                self._late.add(late)
                late.add_done_callback(self._late.discard)
                return web.Response()
            case _:
                pass
        return await self._answered(request, body)

    async def _answered(self, request: web.Request, body: bytes) -> web.Response:
        try:
            async with self.http.post(self.to + request.path, data=body, headers=_headers(request)) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)
        except (aiohttp.ClientError, TimeoutError):
            return web.Response(status=502)

    async def _deliver(self, request: web.Request, body: bytes, *, after: float = 0) -> int:
        await asyncio.sleep(after)
        return (await self._answered(request, body)).status


def _headers(request: web.Request) -> dict[str, str]:
    own = {"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}
    return {name: value for name, value in request.headers.items() if name.lower() not in own}
