"""A real `mlflow server` as a child process: SQLite and artifacts in one folder, on loopback, with little memory."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import monotonic

import aiohttp
from cryptography.fernet import Fernet

from callboard_demo.children import bind, die_with_parent, end
from callboard_demo.errors import PartFailed

READY_WITHIN = timedelta(minutes=2)
"""It takes 9 s on two idle cores, including migrations."""
PATIENCE = timedelta(seconds=8)
LINES = 12
"""Lines of its log to show if it does not start."""
CLEAN = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV")
"""The variables that a child inherits: no proxies, and no settings meant for other programs."""


class Server:
    """An MLflow server and its folder."""

    def __init__(self, *, folder: Path, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder.resolve()
        self._port = port
        self._process: Process | None = None
        self.log = self._folder / "mlflow.log"

    async def start(self) -> None:
        """Start it and wait until it responds.

        Raises:
            PartFailed: its port is taken, or it did not start; the message has the end of its log.
        """
        try:
            bind(self._port).close()
        except OSError as error:
            raise PartFailed(f"port {self._port}, which the MLflow server needs, is taken") from error
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                cwd=self._folder,
                env=self._environ(),
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # `mlflow server` is the parent of the serving process, and stops it only on SIGTERM.
                preexec_fn=partial(die_with_parent, signal.SIGTERM),
            )
        await self._until_ready(self._process)

    async def close(self) -> None:
        """Stop it and wait until it has exited."""
        if self._process is not None:
            await end(self._process, patience=PATIENCE)
            self._process = None

    async def _until_ready(self, process: Process) -> None:
        deadline = monotonic() + READY_WITHIN.total_seconds()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while monotonic() < deadline and process.returncode is None:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(f"http://127.0.0.1:{self._port}/health") as answer:
                        if answer.ok:
                            return
                await asyncio.sleep(0.1)
        said = "\n".join(self.log.read_text(errors="replace").splitlines()[-LINES:])
        raise PartFailed(f"The MLflow server did not start.  Its log {self.log} ends with:\n{said}")

    def _command(self) -> tuple[str, ...]:
        return (
            *(sys.executable, "-m", "mlflow", "server"),
            *("--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{self._folder / 'mlflow.db'}"),
            *("--artifacts-destination", str(self._folder / "artifacts"), "--serve-artifacts"),
        )

    def _environ(self) -> dict[str, str]:
        """Return its settings.  https://mlflow.org/docs/latest/ml/webhooks/#environment-variables."""
        return clean() | {
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # 505 MB instead of 2.2 GB
            "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": self._key(),
            "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
            "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
            "MLFLOW_WEBHOOK_CACHE_TTL": "1",
            "MLFLOW_WEBHOOK_REQUEST_TIMEOUT": "5",
        }

    def _key(self) -> str:
        """Return the key that encrypts webhook secrets.  With another key MLflow could not even list them."""
        path = self._folder / "webhook.key"
        if not path.exists():
            fresh = path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_bytes(Fernet.generate_key())
            fresh.rename(path)
        return path.read_text()


def clean() -> dict[str, str]:
    """Return an environment for a child process that uses MLflow, with only what it needs to run."""
    ours = {name: os.environ[name] for name in CLEAN if name in os.environ}
    return ours | {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "GIT_PYTHON_REFRESH": "quiet",
    }
