"""The bot as a real process that is killed with kill -9 at any moment and started again."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from callboard_demo.bot_process import PASSED_ON, ROOT, tail
from callboard_demo.children import die_with_parent


@dataclass(slots=True, kw_only=True)
class Victim:
    """One process after the other, on one store."""

    folder: Path
    kills: int = 0
    _process: Process | None = None

    @property
    def log(self) -> Path:
        """Return where all of them write."""
        return self.folder / "bot.log"

    @property
    def pid(self) -> int:
        """Return the number of the present one."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """Kill the present one outright."""
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    async def work(self, text: str, environ: Mapping[str, str]) -> None:
        """Keep a bot running, until cancelled; one that ends by itself is a failure."""
        config = self.folder / "app.yaml"
        config.write_text(text)
        passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        whole = {**passed, "PYTHONPATH": str(ROOT), "CALLBOARD_CONFIG": str(config), **environ}
        try:
            while await self._live(whole) == -signal.SIGKILL:
                self.kills += 1
        finally:
            self.kill()
        raise AssertionError(f"the bot ended by itself; its last words: {tail(self.log, lines=5)}")

    async def _live(self, environ: Mapping[str, str]) -> int:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", "run"), env=environ, stdin=DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=die_with_parent,
            )  # fmt: skip
        return await self._process.wait()
