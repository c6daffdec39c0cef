"""The training process as the demo sees it: started when it is first needed, one order at a time.

What it does with an order is in `__main__` of this package, which this module must not import: MLflow and scikit-learn
belong in the child.
"""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

from bot.domain.errors import Permanent
from bot.domain.json import Json
from callboard_demo.children import die_with_parent, end

PATIENCE = timedelta(seconds=3)
"""For the child to end once its stdin has."""


class Trainer:
    """One training process, which knows the registry by its environment."""

    def __init__(self, *, log: Path, environ: Mapping[str, str]) -> None:
        self._log = log
        self._environ = dict(environ)
        self._process: Process | None = None
        self._one_at_a_time = asyncio.Lock()

    async def obey(self, order: Json, say: Callable[[str], None]) -> Json:
        """Return what the trainer answers to an order; what it says in between is passed on.

        Raises:
            Permanent: it failed, or ended; its log is named.
        """
        async with self._one_at_a_time:
            process = self._process
            if process is None or process.returncode is not None:
                process = self._process = await self._spawn()
            try:
                return await self._converse(process, order, say)
            except asyncio.CancelledError:
                await self._end(process)  # else its late answer would be taken for that to the next order
                raise

    async def close(self) -> None:
        """End the process."""
        if self._process is not None:
            await self._end(self._process)

    async def _converse(self, process: Process, order: Json, say: Callable[[str], None]) -> Json:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a trainer is spoken to through pipes")
        process.stdin.write(json.dumps(order).encode() + b"\n")
        while line := await process.stdout.readline():
            answer: Json = json.loads(line)
            if "said" in answer:
                say(answer["said"])
            elif "failed" in answer:
                raise Permanent(f"Training failed: {answer['failed']} (more in {self._log})")
            else:
                return answer
        await self._end(process)  # its stdout has ended; the next order must find it gone
        raise Permanent(f"The training process ended; its log is {self._log}")

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
