"""A pass looks at the cluster of its own target; one that is down is named, and delays only its own."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from bot.cluster.clusters import Clusters
from bot.config.app_yaml import parse
from bot.domain.errors import Temporary
from bot.domain.promotion import Kind, Request, State, Status
from bot.domain.reason import Name
from bot.domain.reasons.cluster import InCluster, NotListed
from bot.domain.target import Place, Target
from bot.engine.evidence import gather
from bot.engine.message_sync import build_message
from bot.rules.release.decision import Rollout
from bot.store.store import Loaded, Store
from tests.fixtures.clusters import NAMESPACE, merged, server
from tests.fixtures.story_world import everything
from tests.fixtures.waiting import until

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
CONFIG = parse("repository: a/b\nstages: {staging: {cluster: dev}, production: {cluster: prod}}\n")


@dataclass
class Systems:
    """The clusters, and no other system."""

    clusters: Clusters
    github: None = None
    slack: None = None
    mlflow: None = None


async def merged_in(store: Store, stage: str, cluster: str) -> Loaded:
    """Return a promotion that is merged, and waits for its cluster."""
    target = Target(model="iris", stage=stage)
    await store.place(target, None)
    request = Request(target=target, kind=Kind.PROMOTE, version=2, by="U1", at=NOON)
    assert await store.ask(request, key=stage) is not None
    loaded = await store.load(target)
    assert loaded.promotion is not None
    place = Place(paths=("d.yaml",), namespace=NAMESPACE, workload="iris-production", cluster=cluster)
    status = Status(place=place)
    return replace(loaded, promotion=replace(loaded.promotion, state=State.SYNCING, status=status, entered_at=NOON))


async def test_a_cluster_that_is_down_delays_only_its_own_targets_and_is_named(store: Store, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        up, down = [await stack.enter_async_context(server(tmp_path / name)) for name in ("dev", "prod")]
        (tmp_path / "config").write_text(merged(dev=up.kubeconfig, prod=down.kubeconfig))
        await down.runner.cleanup()
        await up.apply("1")
        clusters = Clusters(str(tmp_path / "config"))
        stack.push_async_callback(clusters.close)
        clients = cast("Any", Systems(clusters))
        staging, production = await merged_in(store, "staging", "dev"), await merged_in(store, "production", "prod")

        async def seen() -> Rollout | None:
            try:
                found = await gather(staging, config=CONFIG, store=store, clients=clients, now=NOON)
            except Temporary:
                return None  # the first lists take a moment
            return found if isinstance(found, Rollout) and found.health is not None else None

        rollout = await until(seen, "the Deployment of the cluster that is up", within=20)
        assert rollout.health is not None
        assert rollout.health.pin is not None
        assert rollout.health.pin.version == 1
        with pytest.raises(Temporary) as raised:
            await gather(production, config=CONFIG, store=store, clients=clients, now=NOON)
        blind = NotListed(namespace=Name(NAMESPACE))
        assert raised.value.reason == InCluster(cluster=Name("prod"), cause=blind)
        assert production.promotion is not None
        troubled = replace(
            production.promotion, status=replace(production.promotion.status, trouble=raised.value.reason)
        )
        message = build_message(troubled, None, CONFIG.policy(troubled.target), NOON)
        shown = everything({"text": message.text, "blocks": list(message.blocks)})
        assert "Waiting for cluster `prod` to pick up the change" in shown
        assert "cluster `prod`: the cluster has not listed all objects of namespace `models` yet" in shown.lower()
