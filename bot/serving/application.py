"""The web application: MLflow's own (/ping /health /version /invocations), and two answers more.

https://mlflow.org/docs/latest/deployment/deploy-model-locally/#inference-server-specification
"""

import socket
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import uvicorn
from fastapi import FastAPI
from mlflow.pyfunc import scoring_server

from bot.serving.resolve import Found

DRAIN = 5
"""Seconds that requests under way are given after SIGTERM."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The version that this process has really loaded, and since when."""

    found: Found
    stage: str | None
    digest: str
    flavor: str
    at: datetime


def application(model: Any, loaded: Loaded) -> FastAPI:
    """Return the application for a model that is loaded and has been rehearsed: it is ready as soon as it listens."""
    app: FastAPI = scoring_server.init(model)
    said: dict[str, str | int | None] = {
        "name": loaded.found.model,
        "version": loaded.found.version,
        "run": loaded.found.run,
        "stage": loaded.stage,
        "digest": loaded.digest,
        "flavor": loaded.flavor,
        "loaded_at": loaded.at.isoformat(timespec="milliseconds"),
    }

    async def answer() -> dict[str, str | int | None]:
        return said

    app.get("/readyz")(answer)
    app.get("/model")(answer)
    return app


def listen(listener: socket.socket, app: FastAPI) -> None:
    """Answer on the socket, in this one process, until SIGTERM; then finish what is under way."""
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=DRAIN)
    uvicorn.Server(config).run(sockets=[listener])
