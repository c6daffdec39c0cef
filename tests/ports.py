"""Ports that nobody takes before what a test starts has opened them, and one that nobody ever answers at.

They are below those that the kernel hands out by itself (from 32768 on, on Linux); each worker of a test run has 2,000
of its own, and none comes twice before all have.
"""

import itertools
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final

from callboard_demo.children import bind

_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw9").removeprefix("gw")) % 10
_NUMBERS: Final = itertools.cycle(range(10_000 + 2_000 * _WORKER, 12_000 + 2_000 * _WORKER))


def free_port() -> int:
    """Return a port that nothing listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return so many of them in a row."""
    while True:
        row = list(itertools.islice(_NUMBERS, count))
        with suppress(OSError), ExitStack() as held:
            for port in row:
                held.enter_context(bind(port))
            if row[-1] - row[0] == count - 1:
                return row


@contextmanager
def silent_port() -> Iterator[int]:
    """Hold a port at which everybody is refused: it is taken, and nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
