"""What all child processes of the demo share: they end with their parent, and none is left behind.

Children run in their own session, so that Ctrl-C in a terminal reaches only the parent, which then stops them in order.
If the parent is killed, Linux kills them (other systems would not).
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

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None  # never load after a fork


def die_with_parent(by: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to signal this process when its parent exits.  For `preexec_fn`: it runs between fork and exec.

    Use SIGTERM for a child that has children and stops them itself.
    """
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, by)


async def end(process: Process, *, patience: timedelta) -> None:
    """Send SIGTERM to a child, SIGKILL after a timeout, and wait until it has exited.

    Both signals go to its whole process group, so that none of its children is left.
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
    """Return a socket that is bound to the port (0: any free one).

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
