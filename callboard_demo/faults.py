"""Fault injection: make one of the demo's systems unreachable for a while.

It wraps a system's web application from outside, so the systems know nothing of it.  It does not simulate a slow
network and never changes a response: a request gets its whole response, or its connection is dropped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from bot.domain.json import Json

SYSTEMS = ("slack", "github", "kubernetes", "mlflow")
MAX_FAULT = 600  # seconds
READS = {"GET", "HEAD", "OPTIONS"}


class FaultKind(StrEnum):
    """How a system fails."""

    DOWN = "down"  # no request is handled
    LOST_ANSWER = "lost_answer"  # a write takes effect, but its response never arrives; reads work


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A system's fault, and when it ends (monotonic clock, seconds)."""

    kind: FaultKind
    until: float


class Faults:
    """The current faults: at most one per system, and the newest replaces the last."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        self.on_change: list[Callable[[], None]] = []
        self._clock = clock
        self._faults: dict[str, Fault] = {}
        self._open: dict[str, dict[int, web.Request]] = {system: {} for system in SYSTEMS}  # a request has no hash

    def set(self, system: str, kind: str, seconds: float) -> None:
        """Make a system fail from now on; zero seconds end its fault.  `down` also cuts requests in progress.

        Raises:
            ValueError: there is no such system or kind, or the duration is negative or above ten minutes.
        """
        if system not in SYSTEMS:
            raise ValueError(f'There is no system "{system}"; known: {", ".join(SYSTEMS)}.')
        if not 0 <= seconds <= MAX_FAULT:
            raise ValueError(f"A fault may last 0 to {MAX_FAULT} seconds.")
        self._faults[system] = Fault(kind=FaultKind(kind), until=self._clock() + seconds)
        if self.present(system) is FaultKind.DOWN:
            for request in list(self._open[system].values()):
                drop(request)
        for changed in self.on_change:
            changed()

    def present(self, system: str) -> FaultKind | None:
        """Return how a system currently fails, or None."""
        fault = self._faults.get(system)
        return fault.kind if fault and fault.until > self._clock() else None

    def state(self) -> Json:
        """Return `{"slack": {"kind": "down", "seconds": 12}, …}`: the current faults and their remaining seconds."""
        return {
            system: {"kind": fault.kind.value, "seconds": round(fault.until - self._clock(), 1)}
            for system, fault in self._faults.items()
            if self.present(system)
        }

    def middleware(self, system: str) -> Middleware:
        """Return the middleware for this system's application.

        Raises:
            ValueError: there is no such system.
        """
        if system not in SYSTEMS:
            raise ValueError(f'There is no system "{system}"; known: {", ".join(SYSTEMS)}.')

        @web.middleware
        async def fail(request: web.Request, handler: Handler) -> web.StreamResponse:
            if self.present(system) is FaultKind.DOWN:
                return drop(request)
            self._open[system][id(request)] = request
            try:
                return await self._answer(system, request, handler)
            finally:
                self._open[system].pop(id(request), None)

        return fail

    async def _answer(self, system: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            answer = await handler(request)
        except web.HTTPException as refusal:
            answer = refusal
        lost = self.present(system) is FaultKind.LOST_ANSWER and request.method not in READS
        if lost:
            return drop(request)
        if isinstance(answer, web.HTTPException):
            raise answer
        return answer


def drop(request: web.Request) -> web.Response:
    """Cut the connection without a response.  The return value is never sent; the framework requires one."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)
