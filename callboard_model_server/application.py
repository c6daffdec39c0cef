"""The web application: MLflow's /ping /health /version /invocations, and /readyz, /model and /metrics.

The event loop only reads and writes; predictions run in threads, so that probes are answered in the meantime.
"""

import asyncio
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from mlflow.version import VERSION
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from callboard_model_server.bodies import Bodies, Crowded, TooLong
from callboard_model_server.metrics import KIND, Metrics
from callboard_model_server.predicting import Answer, Predictor, refusal
from callboard_model_server.resolve import Found
from callboard_model_server.settings import Limits

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The version that this process has actually loaded, and the time of loading."""

    found: Found
    stage: str | None
    digest: str
    flavor: str
    at: datetime


class Application:
    """The web application of a loaded model."""

    def __init__(self, model: Any, loaded: Loaded, limits: Limits) -> None:
        self.draining = False
        """Whether the server is draining: clients should use other pods."""
        self.web = Starlette(
            routes=[
                Route("/ping", self._ping),
                Route("/health", self._ping),
                Route("/version", self._version),
                Route("/readyz", self._readyz),
                Route("/model", self._say),
                Route("/metrics", self._count),
                Route("/invocations", self._invocations, methods=["POST"]),
            ]
        )
        self._limits = limits
        self._bodies = Bodies(largest=limits.body, within=limits.body_seconds)
        self._predictor = Predictor(model)
        self._said = _said(loaded)
        labels = {"name": loaded.found.model, "version": str(loaded.found.version), "stage": loaded.stage or ""}
        self._metrics = Metrics(**labels, digest=loaded.digest, flavor=loaded.flavor)
        self._threads = ThreadPoolExecutor(limits.threads, thread_name_prefix="predict")
        self._stuck: set[Future[Answer]] = set()
        self._waiting = 0

    async def _ping(self, _request: Request) -> Response:
        """Return 200 as long as predictions are possible; if every thread is stuck, only a restart helps."""
        status = 200 if self._alive else 503
        return Response("\n", status, self._headers(status), media_type=JSON)

    @property
    def _alive(self) -> bool:
        return len(self._stuck) < self._limits.threads

    async def _version(self, _request: Request) -> Response:
        return Response(VERSION, headers=self._headers(), media_type=JSON)

    async def _readyz(self, _request: Request) -> Response:
        status = 200 if self._alive and not self.draining else 503
        return JSONResponse(self._said, status, self._headers(status))

    async def _say(self, _request: Request) -> Response:
        return JSONResponse(self._said, headers=self._headers())

    async def _count(self, _request: Request) -> Response:
        return Response(self._metrics.text(), headers={"Content-Type": KIND, **self._headers()})

    async def _invocations(self, request: Request) -> Response:
        self._metrics.waiting.inc()
        try:
            answer = await self._answer(request)
        except asyncio.CancelledError:  # uvicorn cancels at the end of the drain; it still sends this response
            answer = _busy("this server is shutting down: try again to reach another one")
        finally:
            self._metrics.waiting.dec()
        self._metrics.answers.labels(answer.status).inc()
        if answer.failed is not None:
            self._metrics.errors.labels(answer.failed).inc()
        headers = self._headers(answer.status, unread=answer.unread)
        return Response(answer.body, answer.status, headers, media_type=answer.kind)

    async def _answer(self, request: Request) -> Answer:
        kind = request.headers.get("content-type")
        if kind is None:
            return refusal(415, "INVALID_PARAMETER_VALUE", "set Content-Type to application/json or text/csv")
        try:
            async with self._bodies.received(request) as body:
                return await self._in_turn(body, kind)
        except TimeoutError:
            late = f"the body did not arrive within {self._limits.body_seconds:g} seconds (MODEL_BODY_TIMEOUT)"
            return refusal(408, "BAD_REQUEST", late, unread=True)
        except ClientDisconnect:
            return refusal(400, "BAD_REQUEST", "the body is incomplete")
        except TooLong:
            large = f"a body may have at most {self._limits.body} bytes (MODEL_MAX_BODY)"
            return refusal(413, "BAD_REQUEST", large, unread=True)
        except Crowded:
            return _busy("too many requests are being received: try again later", unread=True)

    async def _in_turn(self, body: bytes, kind: str) -> Answer:
        """Return the answer, after those of earlier requests; a limited number may wait."""
        if self._waiting >= self._limits.queue:
            return _busy(f"{self._limits.queue} requests are already waiting: try again later")
        self._waiting += 1
        try:
            return await self._predict(body, kind)
        finally:
            self._waiting -= 1

    async def _predict(self, body: bytes, kind: str) -> Answer:
        began = time.perf_counter()
        work = self._threads.submit(self._predictor.answer, body, kind)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(work), self._limits.seconds)
        except TimeoutError:
            if not work.done():
                self._stuck.add(work)
                work.add_done_callback(self._stuck.discard)
            return refusal(
                504, "DEADLINE_EXCEEDED", f"no prediction within {self._limits.seconds:g} seconds (MODEL_TIMEOUT)"
            )
        finally:
            self._metrics.seconds.observe(time.perf_counter() - began)

    def _headers(self, status: int = HTTPStatus.OK, *, unread: bool = False) -> dict[str, str]:
        """Return headers that close the connection if the request is unread or the server is draining."""
        close = {"Connection": "close"} if self.draining or unread else {}
        return {**close, "Retry-After": "1"} if status == HTTPStatus.SERVICE_UNAVAILABLE else close


def _busy(because: str, *, unread: bool = False) -> Answer:
    return refusal(503, "TEMPORARILY_UNAVAILABLE", because, unread=unread)


def _said(loaded: Loaded) -> dict[str, str | int | None]:
    return {
        "name": loaded.found.model,
        "version": loaded.found.version,
        "run": loaded.found.run,
        "stage": loaded.stage,
        "digest": loaded.digest,
        "flavor": loaded.flavor,
        "loaded_at": loaded.at.isoformat(timespec="milliseconds"),
    }
