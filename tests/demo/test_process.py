"""`callboard demo` as a process: it starts the whole world, goes on where it was, and leaves nothing behind.

The one slow test here is worth its time: it is the command that every newcomer types first.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil

from bot.domain.json import Json
from callboard_demo.ports import NAMES
from tests.fixtures.processes import alive
from tests.fixtures.waiting import until
from tests.paths import ROOT
from tests.ports import free_ports
from tests.skips import LINUX, needs


class Demo:
    """A demo that was started in a folder of its own."""

    def __init__(self, process: asyncio.subprocess.Process, out: asyncio.StreamReader) -> None:
        self.process = process
        self.said = ""
        self._out = out

    async def says(self, words: str, within: float = 120) -> None:
        """Read on until it has said these words."""
        async with asyncio.timeout(within):
            while words not in self.said:
                read = await self._out.read(4096)
                assert read, f"it ended without saying {words!r}: {self.said}"
                self.said += read.decode()

    def family(self) -> list[psutil.Process]:
        """Return every process below it."""
        return psutil.Process(self.process.pid).children(recursive=True)

    async def ended(self, sign: signal.Signals, family: list[psutil.Process]) -> int:
        """Send a signal, and return the exit code once neither it nor any of its family is left."""
        self.process.send_signal(sign)
        code = await asyncio.wait_for(self.process.wait(), 30)
        await until(lambda: not any(alive(it) for it in family), f"no process left of {family}")
        return code


@asynccontextmanager
async def demo(folder: Path, port: int) -> AsyncIterator[Demo]:
    """Start a demo; kill it at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--port", str(port)),
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield Demo(process, process.stdout)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def state(port: int) -> Json:
    """Return what the page shows."""
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/api/state") as answer:
        picture: Json = await answer.json()
        return picture


@needs(sys.platform == "linux", LINUX)
async def test_a_demo_goes_on_where_it_was_and_leaves_no_process_behind(tmp_path: Path) -> None:
    port = free_ports(len(NAMES))[0]
    async with demo(tmp_path, port) as first:
        await first.says("Waiting for the model servers")
        await until(lambda: len(first.family()) >= 5, "the registry, the bot and some pods")
        assert await first.ended(signal.SIGKILL, first.family()) == -signal.SIGKILL

    keys = json.loads((tmp_path / ".callboard" / "keys.json").read_text())
    async with demo(tmp_path, port) as second:
        await second.says("Ctrl-C stops it.")
        assert "Training" not in second.said
        assert json.loads((tmp_path / ".callboard" / "keys.json").read_text()) == keys
        shown = await state(port)
        assert shown["bot"]["ready"]
        served = sorted((pod["model"], pod["stage"], pod["serves"]) for pod in shown["pods"])
        production = ("iris-classifier", "production", 1)
        assert served == [("churn", "production", 1), *[production] * 3, ("iris-classifier", "staging", 2)]
        async with demo(tmp_path, port) as third:
            await third.says(f"port {port} (the page) is taken", within=20)
            assert await third.process.wait() == 1
        assert await second.ended(signal.SIGINT, second.family()) == 0


async def test_ctrl_c_while_it_starts_ends_it_cleanly(tmp_path: Path) -> None:
    async with demo(tmp_path, free_ports(len(NAMES))[0]) as starting:
        await starting.says("Starting the registry")
        await until(lambda: bool(starting.family()), "the registry's process")
        assert await starting.ended(signal.SIGINT, starting.family()) == 0
