"""`python -m callboard_model_server`: resolve, download, inspect, load, rehearse, serve.

The port responds only after all of that, so /ping and /readyz never return 200 without a model that has predicted.
After that, the registry is no longer needed.
"""

import os
import signal
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from callboard_model_server import logs, settings, trust
from callboard_model_server.inspection import inspect
from callboard_model_server.logs import say
from callboard_model_server.refusals import Exit, Refusal
from callboard_model_server.resolve import Found, resolve
from callboard_model_server.settings import Settings

MLFLOW = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # including pauses, an unresponsive registry gets 40 s
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_CONFIGURE_LOGGING": "false",  # our own handler gets its records instead
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
}
"""Settings of MLflow's library, unless the environment overrides them.

https://mlflow.org/docs/latest/api_reference/python_api/mlflow.environment_variables.html
"""
DATA_ONLY = {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
"""Additional settings if only data may be loaded: MLflow's loaders are not used then, and would not unpickle."""


def main() -> int:
    """Serve until SIGTERM, and return the exit code."""
    # As PID 1 in a container, a process ignores SIGTERM unless it has a handler.  uvicorn re-raises it after draining.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    logs.configure()
    try:
        serve(settings.read(os.environ))
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        return refusal.code
    return 0


def serve(told: Settings) -> None:
    """Resolve, load and serve the model.

    Raises:
        Refusal: it cannot be served; the message says why.
    """
    with _bind(told.host, told.port) as listener, TemporaryDirectory(prefix="model-") as folder:
        found = resolve(told.wanted, told.registry)
        say("resolved", model=found.model, version=found.version, run=found.run, stage=told.wanted.stage)
        _load_and_listen(told, found, Path(folder), listener)


def _load_and_listen(told: Settings, found: Found, folder: Path, listener: socket.socket) -> None:
    for name, value in (MLFLOW if told.demands.flavors - trust.DATA else MLFLOW | DATA_ONLY).items():
        os.environ.setdefault(name, value)
    # Imported here: MLflow takes a second to import, and an unreachable registry should be reported before that.
    from callboard_model_server import application, listening, loading  # noqa: PLC0415  (heavy: mistakes in the settings are reported before)

    path = loading.download(found, folder, told.registry)
    digest, admitted = inspect(path, told.demands)
    files = sum(file.is_file() for file in path.rglob("*"))
    say("downloaded", files=files, digest=digest, flavor=admitted.flavor)
    model = loading.load(path, admitted)
    say("loaded")
    say("predicted its input example" if loading.rehearse(model, path) else "has no input example")
    loaded = application.Loaded(
        found=found, stage=told.wanted.stage, digest=digest, flavor=admitted.flavor, at=datetime.now(UTC)
    )
    say("serving", host=told.host, port=listener.getsockname()[1])
    logs.configure(discreet=True)
    listening.listen(listener, application.Application(model, loaded, told.limits))


def _bind(host: str, port: int) -> socket.socket:
    """Bind the port at once, so that a taken one is reported before any download.  No connection is accepted yet."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Without an explicit protocol, asyncio leaves Nagle's algorithm on, which costs 40 ms per response.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise Refusal(Exit.PORT_TAKEN, f"cannot listen on MODEL_HOST:PORT ({host}:{port}): {error.strerror}") from error
    return listener


if __name__ == "__main__":
    sys.exit(main())
