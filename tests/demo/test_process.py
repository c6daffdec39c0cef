"""`callboard demo` as a process that is stopped while it starts.

That it runs, goes on where it was and leaves nothing behind is tested where it is installed
(tests/project/test_packaging.py).
"""

import os
import signal
import sys
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from callboard_demo.ports import NAMES
from tests.fixtures.demo_process import Demo, started
from tests.fixtures.waiting import until
from tests.paths import ROOT
from tests.ports import free_ports


def demo(folder: Path, port: int) -> AbstractAsyncContextManager[Demo]:
    """Start the demo of this checkout."""
    return started((sys.executable, "-m", "bot"), folder, port, os.environ | {"PYTHONPATH": str(ROOT)})


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
async def test_it_ends_cleanly_while_it_starts(tmp_path: Path, sign: signal.Signals) -> None:
    async with demo(tmp_path, free_ports(len(NAMES))[0]) as starting:
        await starting.says("Starting the registry")
        await until(lambda: bool(starting.family()), "the registry's process")
        assert await starting.ended(sign, starting.family()) == 0
