"""What all tests share: plugins, and the record that a store is opened on."""

from pathlib import Path

import pytest

from tests.ports import free_port

pytest_plugins = [
    "tests.skips",
    "tests.contract.control_plane",
    "tests.contract.forge.openapi",
    "tests.fixtures.registry",
    "pytester",
]


@pytest.fixture
def unused_tcp_port() -> int:
    """Return a port that nobody takes before the test does: pytest-asyncio's may be handed out again."""
    return free_port()


@pytest.fixture
def record(tmp_path: Path) -> str:
    """Return the address of a record that is empty.  `tests/store/test_postgresql.py` says another one."""
    return f"sqlite:///{tmp_path}/callboard.db"
