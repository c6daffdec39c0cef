"""What every test of this folder may ask for: an open record, a listener, and that nothing is complained of."""

import logging
from collections.abc import Iterator

import pytest

from tests.fixtures.inbound_world import complaints, listener
from tests.fixtures.records import store

__all__ = ["listener", "quiet", "store"]


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test whose requests leave a traceback in the log: a way to flood it from outside."""
    with caplog.at_level(logging.WARNING):
        yield
    assert complaints(caplog) == []
