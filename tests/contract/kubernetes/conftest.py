"""Both control planes with the official client on them, the demo's alone, and the real one with Callboard's watch."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.contract.control_plane import ControlPlane
from tests.contract.kubernetes.onlooker import Onlooker, looking_on
from tests.contract.kubernetes.plane import Plane, looked_at


@pytest.fixture
def backoff() -> timedelta:
    """Short, so that crashes come one after the other."""
    return timedelta(seconds=0.3)


@pytest.fixture
async def plane(control_plane: ControlPlane) -> AsyncIterator[Plane]:
    """Each of the two, one after the other."""
    async with looked_at(control_plane) as found:
        yield found


@pytest.fixture
async def cluster(fake: ControlPlane) -> AsyncIterator[Plane]:
    """The demo's alone, for what only it can be asked to do."""
    async with looked_at(fake) as found:
        yield found


@pytest.fixture
async def onlooker(real: ControlPlane) -> AsyncIterator[Onlooker]:
    """The real one alone, as Callboard sees it."""
    async with looking_on(real) as found:
        yield found
