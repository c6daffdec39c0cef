"""The registry that all chaos shares, records on two databases, and the listener that is attacked."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext

import pytest

from tests.fixtures.inbound_world import listener
from tests.fixtures.postgres import running
from tests.stories.registry import registry

__all__ = ["listener", "records", "registry"]

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
