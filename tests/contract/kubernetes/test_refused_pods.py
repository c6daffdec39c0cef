"""How Callboard judges a StatefulSet whose pods the API server refuses: only the real one has admission and quotas."""

from datetime import timedelta

import pytest

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from tests.contract.kubernetes.manifests import template
from tests.contract.kubernetes.onlooker import Onlooker, names
from tests.contract.kubernetes.test_stateful_sets import BOTH, rolled_out

pytestmark = pytest.mark.real


async def test_pods_that_are_refused_are_the_cause_until_they_are_created(onlooker: Onlooker) -> None:
    """The controller says so in an event alone, and does not even observe the new generation."""
    limit: Json = {"type": "Container", "max": {"memory": "1Gi"}, "default": {"memory": "1Gi"}}
    its: Json = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "small"}, "spec": {"limits": [limit]}}
    await onlooker.apply("limitranges", its)
    await rolled_out(onlooker)
    large = template(2)
    large["spec"]["containers"][0]["resources"] = {"limits": {"memory": "2Gi"}}
    await onlooker.change({"template": large})
    refused = await onlooker.until_told(HealthStatus.DEGRADED, "maximum memory usage per Container is 1Gi")
    assert refused.patience == timedelta(seconds=30)
    await onlooker.change({"template": template(3)})
    done = await onlooker.until_healthy(3)
    assert names(done) == BOTH


async def test_a_quota_is_the_cause_once_no_pod_leaves(onlooker: Onlooker) -> None:
    await rolled_out(onlooker)
    hard: Json = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"pods": "2"}},
    }
    await onlooker.apply("resourcequotas", hard)
    await onlooker.plane.rest.patch(onlooker.path("statefulsets", "model"), {"spec": {"replicas": 3}})
    full = await onlooker.until_told(HealthStatus.DEGRADED, "quota exceeded: few")
    assert full.patience == timedelta(minutes=5)
    await onlooker.delete("resourcequotas", "few")
    await onlooker.until(lambda v: len(v.pods) == 3 and v.status is HealthStatus.HEALTHY, within=60)
