"""A rollback during a rollout restores the verified release, not the one before it."""

from datetime import timedelta
from pathlib import Path

import pytest

from callboard_demo.cluster.scripted import Behaviour
from tests.fixtures.story_world import story_world
from tests.stories.registry import Models

pytestmark = pytest.mark.slow

APP = """\
repository: acme/models-gitops
channel: "#ml-releases"
stages:
  staging: {{approvals: 0, watch: 0s, timeout: 1m}}
  production: {{approvals: 0, watch: 0s, timeout: 5m, rollback: {{automatic: false, approvals: 0}}}}
models: {{{model}: {{}}}}
"""
NEVER = Behaviour(ready_after=None)
AT_ONCE = Behaviour(ready_after=None, crash_after=timedelta(milliseconds=300))


async def test_who_does_not_wait_for_the_end_of_a_rollout_gets_the_proven_release_back(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=3, aliases={"production": 1})
    text = APP.format(model=model)
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text, behaviours={"3": NEVER}) as world:
        await world.type("alice", f"/promote {model} production 2")
        await world.message("Released v2 to production")
        await world.type("alice", f"/promote {model} production 3")
        rolling = await world.message(f"{model} v3", "production", "Rolling out")
        refused = await world.type("bob", f"/promote {model} production 1")
        assert "v3 is already being merged or rolled out to `production`" in refused
        assert "replacing promotion 2 (v3)" in await world.type("bob", f"/rollback {model} production")
        back = await world.message("Released v2 to production", "promotion 3")
        assert back["ts"] != rolling["ts"]
        assert await world.served("production") == [2, 2, 2]
        assert '"2"' in world.pinned(f"manifests/{model}/production/deployment.yaml")


async def test_a_rollout_that_failed_and_was_left_so_is_taken_back_as_its_message_says(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1})
    text = APP.format(model=model)
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=text, behaviours={"2": AT_ONCE}) as world:
        await world.type("alice", f"/promote {model} production 2")
        await world.message("Failed", f"To roll back to v1, type `/rollback {model} production`")
        assert "Started: " in await world.type("bob", f"/rollback {model} production")
        await world.message("Released v1 to production")
        assert await world.served("production") == [1, 1, 1]
