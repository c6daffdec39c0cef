"""Control planes for the contract tests: `real` ones only where KUBEBUILDER_ASSETS names their binaries."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot.demo.cluster import Runtime
from bot.demo.cluster.scripted import ScriptedRuntime
from tests.contract.kubernetes.planes import Plane, binaries, control_plane, fake_plane, real_plane

PLANES = ["fake", pytest.param("real", marks=pytest.mark.real)]


@pytest.fixture(scope="session")
def real_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real API server, running for the session."""
    with control_plane(binaries(), tmp_path_factory.mktemp("control-plane")) as url:
        yield url


@pytest.fixture
def runtime() -> ScriptedRuntime:
    """The runtime of the node, whose containers a test may script."""
    return ScriptedRuntime()


@pytest_asyncio.fixture(params=PLANES)
async def plane(request: pytest.FixtureRequest, tmp_path: Path, runtime: Runtime) -> AsyncIterator[Plane]:
    """A control plane of either kind."""
    if request.param == "real":
        async with real_plane(request.getfixturevalue("real_url"), runtime) as found:
            yield found
    else:
        async with fake_plane(tmp_path / "cluster", runtime) as found:
            yield found


@pytest_asyncio.fixture
async def cluster(tmp_path: Path, runtime: Runtime) -> AsyncIterator[Plane]:
    """The fake cluster alone, for what only it can be asked to do."""
    async with fake_plane(tmp_path / "cluster", runtime) as found:
        yield found
