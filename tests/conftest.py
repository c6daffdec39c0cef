"""What all tests share: plugins, and the record that a store is opened on."""

from pathlib import Path

import pytest

pytest_plugins = ["tests.contract.control_plane", "tests.contract.openapi", "tests.registry"]


@pytest.fixture
def record(tmp_path: Path) -> str:
    """Return the address of a record that is empty.  `tests/contract/test_postgresql.py` says another one."""
    return f"sqlite:///{tmp_path}/callboard.db"
