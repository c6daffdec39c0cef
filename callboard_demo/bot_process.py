"""The demo's bot: the same program as in production, as a child process that can be killed and restarted.

Only addresses and tokens differ from production; they are set in its environment.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from time import monotonic

import aiohttp

from bot.domain.json import Json
from callboard_demo.children import die_with_parent, end
from callboard_demo.errors import PartFailed

ROOT = Path(__file__).parents[1]
READY_WITHIN = timedelta(seconds=60)
PATIENCE = timedelta(seconds=10)
PASSED_ON = ("PATH", "HOME", "LANG", "PYTHONPATH")
FRESH = 0.5  # seconds before /promotions is read again


class BotProcess:
    """The bot's process.

    `environ` is its environment in addition to PATH and the like; `internal` is the URL of its internal listener; its
    log is appended to `folder`/bot.log.
    """

    def __init__(self, *, folder: Path, environ: Mapping[str, str], internal: str) -> None:
        self.on_change: list[Callable[[], None]] = []
        self.log = folder / "bot.log"
        self._environ = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | dict(environ)
        self._environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), self._environ.get("PYTHONPATH")]))
        self._internal = internal
        self._process: Process | None = None
        self._starting = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None
        self._http: aiohttp.ClientSession | None = None
        self._promotions: list[Json] = []
        self._asked = float("-inf")
        self._killed = False
        self._ready = False
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def alive(self) -> bool:
        """Return whether the process is running."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the bot and wait until it reports that it is ready; do nothing if it is already running.

        Raises:
            PartFailed: it exited, or was not ready within a minute; the message has the end of its log.
        """
        async with self._starting:
            if self._killed and self._process is not None:
                await self._process.wait()  # a killed process counts as alive until it is reaped
            if not self.alive:
                await self._spawn()
                self._changed()
            await self._until_ready()

    def kill(self) -> None:
        """Kill the process (SIGKILL): it gets no chance to shut down cleanly."""
        if self._process is not None and self.alive:
            self._killed = True
            os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Stop the bot, and wait until it has exited."""
        if self._process is not None:
            self._killed = True
            await end(self._process, patience=PATIENCE)
        if self._watch is not None:
            await self._watch
        if self._http is not None:
            await self._http.close()
            self._http = None

    def state(self) -> Json:
        """Return `{"alive", "ready", "pid", "exit", "last_words"}`; the last two only if it exited unexpectedly."""
        unexpected = self._process is not None and not self.alive and not self._killed
        return {
            "alive": self.alive,
            "ready": self.alive and self._ready,
            "pid": self._process.pid if self._process is not None and self.alive else None,
            "exit": self._process.returncode if self._process is not None and unexpected else None,
            "last_words": tail(self.log, lines=3) if unexpected else None,
        }

    async def promotions(self) -> list[Json]:
        """Return the bot's promotions; empty while it is down."""
        if not self.alive:
            self._promotions = []
        elif monotonic() - self._asked > FRESH:
            self._asked = monotonic()
            self._ready = self._ready or await self._get("/readyz") is not None
            answer = await self._get("/promotions")
            self._promotions = answer.get("promotions", []) if answer is not None else self._promotions
        return self._promotions

    async def slack_manifest(self) -> Json:
        """Return the Slack app manifest that `callboard slack-manifest` prints.

        Raises:
            PartFailed: the command failed.
        """
        command = (sys.executable, "-m", "bot", "slack-manifest", "--format", "json")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, env=self._environ, stdout=pipe, stderr=pipe)
        out, err = await process.communicate()
        if process.returncode:
            raise PartFailed(f"callboard slack-manifest failed: {err.decode(errors='replace').strip()}")
        return json.loads(out)  # type: ignore[no-any-return]  # the command prints an object

    async def _spawn(self) -> None:
        self._killed = self._ready = False
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run"),
                env=self._environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self._watch = asyncio.create_task(self._watch_over(self._process))

    async def _watch_over(self, process: Process) -> None:
        await process.wait()
        self._changed()

    async def _until_ready(self) -> None:
        deadline = monotonic() + READY_WITHIN.total_seconds()
        while monotonic() < deadline:
            if not self.alive:
                raise PartFailed(f"The bot exited at once.  Its log {self.log} ends with: {tail(self.log, lines=3)}")
            if await self._get("/readyz") is not None:
                self._ready = True
                self._changed()
                return
            await asyncio.sleep(0.1)
        raise PartFailed(
            f"The bot was not ready within a minute.  Its log {self.log} ends with: {tail(self.log, lines=3)}"
        )

    async def _get(self, path: str) -> Json | None:
        """Return the bot's JSON response ({} for other text); None if the status is not 200."""
        if self._http is None:
            timeout = aiohttp.ClientTimeout(total=1)
            self._http = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(force_close=True))
        try:
            async with self._http.get(self._internal + path) as answer:
                if answer.status != 200:
                    return None
                body = await answer.json() if answer.content_type == "application/json" else {}
                return body if isinstance(body, dict) else {}
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None

    def _changed(self) -> None:
        for changed in self.on_change:
            changed()


def tail(path: Path, *, lines: int) -> str:
    """Return the last lines of a log file; empty if it does not exist."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 8192))
        return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
