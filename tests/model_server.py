"""`python -m bot.serving` as a process under test.  Not itself a test."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tests.ports import free_port

ROOT = Path(__file__).parent.parent
STARTS_WITHIN = 90.0


def environment(url: str, **more: str) -> dict[str, str]:
    """Return the environment of a pod, with nothing of ours but what Python needs."""
    ours = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    pod = {"MODEL_NAME": "iris-classifier", "MLFLOW_TRACKING_URI": url, "MODEL_HOST": "127.0.0.1"}
    return ours | {"PYTHONPATH": str(ROOT)} | pod | more


def ended(environ: dict[str, str]) -> tuple[int, list[str]]:
    """Run a server that is expected to end by itself; return its exit code and the lines that it wrote."""
    done = subprocess.run(
        [sys.executable, "-m", "bot.serving"],
        check=False,
        env=environ,
        capture_output=True,
        text=True,
        timeout=STARTS_WITHIN,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


@dataclass(kw_only=True)
class ModelServer:
    """A running server: where it listens, and what a probe saw while it started."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    probed: list[int | None] = field(default_factory=list)
    """The status of /readyz at each try; None where nothing listened."""

    def get(self, path: str) -> tuple[int, bytes]:
        """Return the status and the body of a GET."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, bytes]:
        """Return the status and the body of an answer."""
        status, _, answer = self.hear(method, path, body, kind)
        return status, answer

    def hear(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> tuple[int, Message, bytes]:
        """Return the status, the headers and the body of an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, {"Content-Type": kind} if kind else {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def wait(self) -> None:
        """Wait until it is ready."""
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline and self.process.poll() is None:
            status = None
            with suppress(OSError):
                status, _ = self.get("/readyz")
            self.probed.append(status)
            if status == 200:
                return
            time.sleep(0.1)
        raise AssertionError(f"the model server is not ready:\n{self.log.read_text()}")


@contextmanager
def serving(folder: Path, environ: dict[str, str]) -> Iterator[ModelServer]:
    """Start a server, wait until it is ready, and end it."""
    port, log = free_port(), folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot.serving"], env=environ | {"PORT": str(port)}, stdout=out, stderr=out
        )
    server = ModelServer(process=process, port=port, log=log)
    try:
        server.wait()
        yield server
    finally:
        process.send_signal(signal.SIGINT)  # which ends it at once, without the moment that SIGTERM leaves to others
        try:
            process.wait(20)
        finally:
            process.kill()
            process.wait()


@contextmanager
def way_to(url: str) -> Iterator[str]:
    """Yield another address of the same server, which leads nowhere once the context ends."""
    parts = urlsplit(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_forward, args=(listener, parts.hostname, parts.port), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _forward(listener: socket.socket, host: str, port: int) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        far = socket.create_connection((host, port))
        for a, b in ((near, far), (far, near)):
            threading.Thread(target=_copy, args=(a, b), daemon=True).start()


def _copy(a: socket.socket, b: socket.socket) -> None:
    with suppress(OSError), a:
        while data := a.recv(65536):
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
