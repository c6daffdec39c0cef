"""The registry that all chaos shares, records on two databases, and the door that is knocked at."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext

import pytest

from tests.fixtures.inbound_world import door
from tests.fixtures.postgres import running
from tests.stories.registry import registry

__all__ = ["door", "records", "registry"]

Records = Callable[[], AbstractAsyncContextManager[str | None]]
"""Gives the address of a new record; None: an SQLite file of the story's own."""


@pytest.fixture
def records(request: pytest.FixtureRequest) -> Iterator[Records]:
    """Return what makes the records on the database that the test names."""
    if request.param == "sqlite":
        yield nullcontext
        return
    with running() as server:
        yield server.database
