"""A PostgreSQL server of Debian's, for tests: one for a whole run, a database for each test."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import psycopg

from tests.ports import free_port
from tests.skips import POSTGRESQL, skip_without

BINARIES: Final = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
USER: Final = "callboard"


class Server:
    """A server on loopback, as the user `nobody` where the tests run as root, which it refuses."""

    def __init__(self, folder: Path) -> None:
        assert BINARIES is not None
        self.folder, self.port = folder, free_port()
        self._as: dict[str, Any] = {"user": "nobody"} if os.geteuid() == 0 else {}
        if self._as:
            shutil.chown(folder, "nobody")
            folder.chmod(0o700)
        initdb = [str(BINARIES / "initdb"), "-D", str(folder / "data"), "-U", USER, "-A", "trust", "--no-sync"]
        subprocess.run([*initdb, "-E", "UTF8"], check=True, capture_output=True, cwd="/", **self._as)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        assert BINARIES is not None
        told = [str(BINARIES / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), "-k", "", "-F"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*told, "-c", "listen_addresses=127.0.0.1"], stdout=log, stderr=log, cwd="/", **self._as
            )
        ready = [str(BINARIES / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port), "-t", "1"]
        for _ in range(60):
            if subprocess.run(ready, check=False).returncode == 0:
                return
        raise AssertionError("PostgreSQL does not come up")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT cuts every connection, SIGQUIT is a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    @asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """Make a database of one's own; yield its address."""
        name = f"test_{uuid4().hex[:12]}"
        await asyncio.to_thread(self._do, f"CREATE DATABASE {name}")
        yield self.url(name)
        await asyncio.to_thread(self._do, f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def _do(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def running() -> Iterator[Server]:
    """Run a server; skip where there is none."""
    skip_without(BINARIES, POSTGRESQL)
    folder = Path(tempfile.mkdtemp(prefix="callboard-postgresql-"))
    server = Server(folder)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
