"""Staging follows one cluster and production another: what is wrong with one is named, and delays only its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from callboard_demo.cluster import Cluster
from callboard_demo.cluster.scripted import ScriptedRuntime
from callboard_demo.faults import Faults
from callboard_demo.gitops.agent import Agent
from tests.fixtures.chat_world import TOKEN
from tests.fixtures.story_world import StoryWorld, everything, story_world
from tests.stories.registry import Models

pytestmark = pytest.mark.slow


@asynccontextmanager
async def another_cluster(folder: Path, world: StoryWorld, faults: Faults) -> AsyncIterator[tuple[Cluster, str]]:
    """Give a second cluster whose own agent applies the manifests, and its kubeconfig."""
    cluster = Cluster(
        folder=folder, token=TOKEN, runtime=ScriptedRuntime(), middlewares=[faults.middleware("kubernetes")]
    )
    runner = web.AppRunner(cluster.app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    files = partial(world.forge.files, "main", f"manifests/{world.model}/production")
    agent = Agent(head=world.forge.head, files=files, apply_url=url, token=TOKEN)
    await cluster.start()
    await agent.start()
    try:
        yield cluster, cluster.kubeconfig(url)
    finally:
        await agent.close()
        await cluster.close()
        await runner.cleanup()


async def test_production_runs_in_a_cluster_of_its_own(tmp_path: Path, registry: Models) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    mounted, faults = tmp_path / "production", Faults()
    text = (
        'repository: acme/models-gitops\nchannel: "#ml-releases"\nstages:\n'
        "  staging: {approvals: 0, watch: 0s}\n"
        f"  production: {{approvals: 0, watch: 0s, cluster: {mounted}}}\n"
        f"models: {{{model}: {{}}}}\n"
    )
    async with (
        story_world(tmp_path, model=model, mlflow=registry.url, text=text) as world,
        another_cluster(tmp_path / "other", world, faults) as (production, kubeconfig),
    ):
        named = f"cluster `{mounted}`"
        await world.type("alice", f"/promote {model} production")
        held = await world.message(f"{model} v2", named, "there is no such file")
        assert "could not follow the rollout" in everything(held)
        assert world.pulls("merged") == []
        mounted.write_text(kubeconfig)
        faults.set("kubernetes", "down", 600)
        await world.message(f"{model} v2", f"Waiting for {named} to pick up the change", f"⚠️ Cluster `{mounted}`")
        await world.type("alice", f"/promote {model} staging 1")
        await world.message("Released v1 to staging")
        assert await world.alias("production") == 1
        faults.set("kubernetes", "down", 0)
        await world.message("Released v2 to production", "Every new pod serves v2")
        assert [p["serves"] for p in production.state()["pods"] if p["ready"] and not p["terminating"]] == [2, 2, 2]
