"""The demo's handle on the training process: started on first use, one command at a time.

The commands are implemented in `__main__` of this package, which this module must not import: MLflow and scikit-learn
belong in the child process.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from bot.domain.json import Json
from callboard_demo.children import die_with_parent, end
from callboard_demo.errors import PartFailed

PATIENCE = timedelta(seconds=3)
"""How long the child may take to exit after its stdin is closed."""


class Trainer:
    """A training process, which gets the registry's address from its environment."""

    def __init__(self, *, log: Path, environ: Mapping[str, str]) -> None:
        self._log = log
        self._environ = dict(environ)
        self._process: Process | None = None
        self._one_at_a_time = asyncio.Lock()

    async def request(self, command: Json, progress: Callable[[str], None]) -> Json:
        """Return the trainer's reply to a command; progress lines are passed on.

        Raises:
            PartFailed: it failed or exited; the message names its log.
        """
        async with self._one_at_a_time:
            process = self._process
            if process is None or process.returncode is not None:
                process = self._process = await self._spawn()
            try:
                return await self._converse(process, command, progress)
            except asyncio.CancelledError:
                await self._end(process)  # otherwise its late reply would be taken for the next command's
                raise

    async def close(self) -> None:
        """Stop the process."""
        if self._process is not None:
            await self._end(self._process)

    async def _converse(self, process: Process, command: Json, progress: Callable[[str], None]) -> Json:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the trainer uses pipes")
        process.stdin.write(json.dumps(command).encode() + b"\n")
        while line := await process.stdout.readline():
            answer: Json = json.loads(line)
            if "progress" in answer:
                progress(answer["progress"])
            elif "failed" in answer:
                raise PartFailed(f"Training failed: {answer['failed']} (more in {self._log})")
            else:
                return answer
        await self._end(process)  # its stdout has ended; the next command must start a new one
        raise PartFailed(f"The training process exited; its log is {self._log}")

    async def _spawn(self) -> Process:
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "callboard_demo.training"),
                env=self._environ,
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    async def _end(self, process: Process) -> None:
        if process.stdin is not None:
            process.stdin.close()
        await end(process, patience=PATIENCE)
