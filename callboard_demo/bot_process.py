"""The bot of the demo: the same program as in production, a child process that can be killed and started again.

Only addresses and tokens differ from production; it is told them by its environment, and nothing else of ours.
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

from bot.domain.errors import Permanent
from bot.domain.json import Json
from callboard_demo.children import die_with_parent, end

ROOT = Path(__file__).parents[1]
READY_WITHIN = timedelta(seconds=60)
PATIENCE = timedelta(seconds=10)
PASSED_ON = ("PATH", "HOME", "LANG", "PYTHONPATH")
FRESH = 0.5  # seconds that an answer of /promotions is shown before it is asked for again


class BotProcess:
    """The bot's process.

    `environ` is what it is told beside PATH and the like; `internal` is the address of its internal listener; its log
    is appended to `folder`/bot.log.
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
        """Say whether the process runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start the bot and wait until it says that it is ready; does nothing where it runs already.

        Raises:
            Permanent: it ended instead, or was not ready within a minute; says what its log ends with.
        """
        async with self._starting:
            if self._killed and self._process is not None:
                await self._process.wait()  # a killed process counts as alive until it is reaped
            if not self.alive:
                await self._spawn()
                self._changed()
            await self._until_ready()

    def kill(self) -> None:
        """Kill the process outright (SIGKILL): it gets no chance to tidy up."""
        if self._process is not None and self.alive:
            self._killed = True
            os.killpg(self._process.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Ask the bot to end, and wait until it is gone."""
        if self._process is not None:
            self._killed = True
            await end(self._process, patience=PATIENCE)
        if self._watch is not None:
            await self._watch
        if self._http is not None:
            await self._http.close()
            self._http = None

    def state(self) -> Json:
        """Return `{"alive", "ready", "pid", "exit", "last_words"}`; the last two where it ended by itself."""
        by_itself = self._process is not None and not self.alive and not self._killed
        return {
            "alive": self.alive,
            "ready": self.alive and self._ready,
            "pid": self._process.pid if self._process is not None and self.alive else None,
            "exit": self._process.returncode if self._process is not None and by_itself else None,
            "last_words": tail(self.log, lines=3) if by_itself else None,
        }

    async def promotions(self) -> list[Json]:
        """Return what the bot says of its promotions; nothing while it is down."""
        if not self.alive:
            self._promotions = []
        elif monotonic() - self._asked > FRESH:
            self._asked = monotonic()
            self._ready = self._ready or await self._get("/readyz") is not None
            answer = await self._get("/promotions")
            self._promotions = answer.get("promotions", []) if answer is not None else self._promotions
        return self._promotions

    async def slack_manifest(self) -> Json:
        """Return the manifest of the app, as it is installed in a workspace.

        Raises:
            Permanent: the command failed; says how.
        """
        command = (sys.executable, "-m", "bot", "slack-manifest", "--format", "json")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, env=self._environ, stdout=pipe, stderr=pipe)
        out, err = await process.communicate()
        if process.returncode:
            raise Permanent(f"callboard slack-manifest failed: {err.decode(errors='replace').strip()}")
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
                raise Permanent(f"The bot ended at once.  Its log {self.log} ends with: {tail(self.log, lines=3)}")
            if await self._get("/readyz") is not None:
                self._ready = True
                self._changed()
                return
            await asyncio.sleep(0.1)
        raise Permanent(f"The bot was not ready in a minute.  Its log {self.log} ends with: {tail(self.log, lines=3)}")

    async def _get(self, path: str) -> Json | None:
        """Return the JSON that the bot answers ({} for other text); None when it does not answer with 200."""
        if self._http is None:
            timeout = aiohttp.ClientTimeout(total=1)
            self._http = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(force_close=True))
        try:
            async with self._http.get(self._internal + path) as answer:
                if answer.status != 200:  # noqa: PLR2004  the one good answer
                    return None
                said = await answer.json() if answer.content_type == "application/json" else {}
                return said if isinstance(said, dict) else {}
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None

    def _changed(self) -> None:
        for changed in self.on_change:
            changed()


def tail(path: Path, *, lines: int) -> str:
    """Return the last lines of a log file; empty where there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 8192))
        return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
