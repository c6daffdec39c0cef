"""A test in tests/pure that opens a socket, a database or a process, or runs an event loop, fails loudly."""

import asyncio
import socket
import sqlite3
import subprocess
from collections.abc import Callable

import pytest
import sqlalchemy

from tests.pure.conftest import Impure


async def nothing() -> None:
    pass


def run_a_loop() -> None:
    work = nothing()
    try:
        asyncio.run(work)
    finally:
        work.close()


def connect(url: str) -> Callable[[], object]:
    return lambda: sqlalchemy.create_engine(url).connect()


@pytest.mark.parametrize(
    ("impure", "why"),
    [
        (socket.socket, "opens a socket"),
        (lambda: socket.create_connection(("127.0.0.1", 9)), "opens a socket"),
        (lambda: subprocess.run(["true"], check=False), "starts a process"),
        (lambda: subprocess.check_output("true"), "starts a process"),
        (lambda: sqlite3.connect(":memory:"), "opens a database"),
        (connect("sqlite://"), "opens a database"),
        (asyncio.new_event_loop, "makes an event loop"),
        (run_a_loop, "makes an event loop"),
    ],
)
def test_it_is_refused_here(impure: Callable[[], object], why: str) -> None:
    with pytest.raises(Impure, match=why):
        impure()
