"""One bot per database: the second one waits, and says so.

On SQLite the lock is a file lock, which the kernel takes back when its holder dies, however it dies.
"""

import asyncio
import fcntl
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

log = logging.getLogger(__name__)


@asynccontextmanager
async def lead(database: Path) -> AsyncIterator[None]:
    """Hold the leadership of `database`; wait for it where another bot holds it."""
    lock = database.with_name(database.name + ".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        said = False
        while not _taken(file.fileno()):
            if not said:
                log.warning("another Callboard works on %s: waiting until it stops", database)
                said = True
            await asyncio.sleep(0.5)
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
