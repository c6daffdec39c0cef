"""`callboard demo` as a process: it starts the whole world, goes on where it was, and leaves nothing behind.

The one slow test here is worth its time: it is the command that every newcomer types first.
"""

import json
import os
import signal
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from callboard_demo.ports import NAMES
from tests.fixtures.demo_process import Demo, started, state
from tests.fixtures.waiting import until
from tests.paths import ROOT
from tests.ports import free_ports
from tests.skips import LINUX, needs


def demo(folder: Path, port: int) -> AbstractAsyncContextManager[Demo]:
    """Start the demo of this checkout."""
    return started((sys.executable, "-m", "bot"), folder, port, os.environ | {"PYTHONPATH": str(ROOT)})


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
