"""`python -m callboard_model_server`: resolve, download, inspect, load, rehearse, serve.

The port answers only once all of that is done, so /ping and /readyz are never 200 without a model that has predicted.
Afterwards the registry may go away: nothing is asked of it again.
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
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # with the pauses between them, a silent registry is given 40 s
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_CONFIGURE_LOGGING": "false",  # its records reach our own handler instead
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_HTTP_REDIRECTS": "false",
}
"""How MLflow's library is to behave, unless the environment says otherwise.

https://mlflow.org/docs/latest/api_reference/python_api/mlflow.environment_variables.html
"""
DATA_ONLY = {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
"""And where nothing but data may be loaded: none of MLflow's loaders is asked then, and none would unpickle."""


def main() -> int:
    """Serve until SIGTERM, and return the exit code."""
    # A container's first process ignores SIGTERM unless it asks for it.  uvicorn raises it again once it has drained.
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
    """Find, load and serve the model.

    Raises:
        Refusal: it cannot be served, and why.
    """
    with _bind(told.host, told.port) as listener, TemporaryDirectory(prefix="model-") as folder:
        found = resolve(told.wanted, told.registry)
        say("resolved", model=found.model, version=found.version, run=found.run, stage=told.wanted.stage)
        _load_and_listen(told, found, Path(folder), listener)


def _load_and_listen(told: Settings, found: Found, folder: Path, listener: socket.socket) -> None:
    for name, value in (MLFLOW if told.demands.flavors - trust.DATA else MLFLOW | DATA_ONLY).items():
        os.environ.setdefault(name, value)
    # Here and not above: MLflow takes a second to import, and a registry that is down should be said before that.
    from callboard_model_server import application, listening, loading  # noqa: PLC0415

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
    """Take the port at once, so that a taken one is said before anything is downloaded.  Nothing is accepted yet."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, or else asyncio leaves Nagle's algorithm on, which costs 40 ms an answer.
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
