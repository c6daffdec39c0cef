"""What every child process of the demo has in common: it ends with its parent, and it is never left behind.

Children run in a session of their own, so that Ctrl-C in a terminal reaches only the parent, which then ends them in
order.  Where the parent is killed outright, Linux kills them (elsewhere they would stay).
"""

import asyncio
import ctypes
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from contextlib import suppress
from datetime import timedelta

PR_SET_PDEATHSIG = 1  # https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None  # loaded here: not after a fork


def die_with_parent(by: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to end this process when its parent ends.  For `preexec_fn`: it runs between fork and exec.

    SIGTERM is for a child that has children of its own and takes them along.
    """
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, by)


async def end(process: Process, *, patience: timedelta) -> None:
    """Ask a child to end, insist once the patience is over, and wait until it is gone.

    Both signals go to its whole process group, so that nothing it has started stays.
    """
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), patience.total_seconds())
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)  # a child that leads a session leads a group of the same number
    except ProcessLookupError:
        return


def bind(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Return a socket that holds the port (0: any free one).

    Raises:
        OSError: the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
