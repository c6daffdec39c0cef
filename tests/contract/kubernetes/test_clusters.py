"""Two contexts of one kubeconfig, on a real control plane: each has its own credentials, and its own troubles."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import yaml

from bot.cluster.clusters import Clusters
from bot.domain.reason import Name
from bot.domain.reasons.cluster import CredentialsRefused, InCluster, Listing
from tests.contract.control_plane import ControlPlane
from tests.fixtures.clusters import merged
from tests.fixtures.waiting import until
from tests.fixtures.watch_world import NAME, manifest

pytestmark = [pytest.mark.slow, pytest.mark.real]


async def test_each_context_is_a_cluster_of_its_own(real: ControlPlane, tmp_path: Path) -> None:
    good = real.kubeconfig.read_text()
    bad = yaml.safe_load(good)
    bad["users"][0]["user"] = {"token": "revoked"}
    (tmp_path / "two").write_text(merged(other=yaml.safe_dump(bad), prod=good))
    async with AsyncExitStack() as stack:
        clusters = Clusters(str(tmp_path / "two"))
        stack.push_async_callback(clusters.close)
        await real.rest.post(real.path("deployments"), manifest("3", 8080, replicas=1))
        other, prod = clusters.of("other").watch, clusters.of("prod").watch
        for watch in (other, prod):
            await watch.ensure(real.namespace)
        await until(lambda: prod.fresh(real.namespace) and prod.trouble(real.namespace) is None, "the objects of prod")
        seen = prod.snapshot(real.namespace, "iris", "production")
        assert seen is not None
        assert seen.workload["metadata"]["name"] == NAME
        await until(lambda: other.trouble(real.namespace), "the trouble of the other one")
        why = other.trouble(real.namespace)
        assert isinstance(why, InCluster)
        assert why.cluster == Name("other")
        assert isinstance(why.cause, CredentialsRefused)
        assert isinstance(why.cause.during, Listing)
        assert not other.fresh(real.namespace)
