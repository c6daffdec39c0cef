"""A stage that pins the digest of a model's files gets exactly what was verified on the preceding stage."""

from pathlib import Path

import pytest

from callboard_demo.cluster.scripted import digest
from tests.fixtures.story_world import StoryWorld, everything, manifests, story_world
from tests.stories.registry import Models

pytestmark = pytest.mark.slow


def path(model: str) -> str:
    return f"manifests/{model}/production/deployment.yaml"


def pinning(model: str) -> dict[str, str]:
    """Return manifests of which production's pins what its v1 is."""
    files = manifests(model)
    files[path(model)] += f'            - {{name: MODEL_DIGEST, value: "{digest(model, 1)}"}}\n'
    return files


async def released(world: StoryWorld, version: int) -> None:
    card = await world.message(f"{world.model} v{version}", "production", "2 approvals")
    await world.react("bob", card)
    await world.react("carol", card)
    await world.message(f"Released v{version} to production")


async def test_the_digest_that_was_proven_on_staging_is_pinned_on_production_and_emptied_where_none_is_known(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    async with story_world(tmp_path, model=model, mlflow=registry.url, files=pinning(model)) as world:
        await world.type("alice", f"/promote {model} production")
        blocked = await world.message(f"{model} v2", "Blocked", "MODEL_DIGEST")
        assert "the digest of v2 is not known" in everything(blocked)
        assert digest(model, 1) in (world.forge.read(path(model)) or ""), "nothing was changed"

        await registry.version(model)
        await world.hint(3)
        await world.message("Released v3 to staging")
        await world.type("alice", f"/promote {model} production")
        await released(world, 3)
        assert f'value: "{digest(model, 3)}"' in (world.forge.read(path(model)) or "")
        assert await world.served("production") == [3, 3, 3]

        await world.type("bob", f"/rollback {model} production")
        await world.message("Released v1 to production")
        assert 'MODEL_VERSION\n              value: "1"\n            - {name: MODEL_DIGEST, value: ""}' in (
            world.forge.read(path(model)) or ""
        )
