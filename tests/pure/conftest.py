"""What is pure takes milliseconds: here no test opens a socket, a database or a process, or runs an event loop."""

import asyncio
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from typing import Any, Final, NoReturn

import pytest
from hypothesis import settings

from tests.chaos.extent import FULL

ENTRANCES: Final[tuple[tuple[Any, str, str], ...]] = (
    (socket.socket, "__init__", "opens a socket"),
    (subprocess.Popen, "__init__", "starts a process"),
    (sqlite3, "connect", "opens a database"),
    (sqlite3.dbapi2, "connect", "opens a database"),
    (asyncio.events.BaseDefaultEventLoopPolicy, "new_event_loop", "makes an event loop"),
    (asyncio.BaseEventLoop, "run_forever", "runs an event loop"),
)
"""What every way to the world leads through: asyncio.run() asks the policy, and SQLAlchemy connects with sqlite3."""


settings.register_profile("callboard", max_examples=1000 if FULL else 20, deadline=None)
settings.load_profile("callboard")


class Impure(BaseException):
    """A test of tests/pure that is not.  No `except Exception` catches it."""


def refused(does: str) -> Callable[..., NoReturn]:
    """Return what stands in the place of an entrance."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise Impure(f"this test {does}: it belongs outside tests/pure, into the folder that mirrors its subject")

    return refuse


@pytest.fixture(autouse=True, scope="module")
def nothing_but_values() -> Iterator[None]:
    """Fail what leaves the world of values."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name, does in ENTRANCES:
            patch.setattr(owner, name, refused(does))
        yield
