"""The main story as people live it who do not give up: staging by itself, production with approvals, and back.

What came of it is asked of the world, never of the bot.
"""

from contextlib import suppress

import aiohttp

from tests.chaos.mortal import Mortal
from tests.stories.registry import Models
from tests.story_world import StoryWorld, everything


async def live(world: StoryWorld, registry: Models) -> None:
    """Live the story to its end, however often the bot has to be asked."""
    world.forge.on_change.append(world.agent.wake)
    await registry.version(world.model)  # 3
    with suppress(aiohttp.ClientError):
        await world.hint(3)
    await world.message("New version", "v3")
    await world.message("Released v3 to staging")
    await insist(world, "alice", f"/promote {world.model} production")
    card = await world.message(f"{world.model} v3", "production", "2 approvals")
    await world.react("bob", card)
    await world.react("carol", card)
    await world.message("Released v3 to production")
    await insist(world, "bob", f"/rollback {world.model} production")
    await world.message("Released v1 to production")


async def insist(world: StoryWorld, who: str, text: str) -> None:
    """Type a command again until it is answered."""
    while "n its way" not in await world.say(who, text):
        await world.until(lambda: [bot for bot in [world.bot] if bot is not None and not bot.done()], "a bot")


async def outcome(world: StoryWorld, mortal: Mortal) -> dict[str, object]:
    """Return what the story left in the world."""
    model = world.model
    stages = ("staging", "production")
    return {
        "served": {stage: await world.served(stage) for stage in stages},
        "aliases": {stage: await world.alias(stage) for stage in stages},
        "pins": {stage: world.pinned(f"manifests/{model}/{stage}/deployment.yaml").split()[1:] for stage in stages},
        "pulls": sorted((pull["number"], pull["state"]) for pull in world.forge.state()["pulls"]),
        "merges": mortal.done["github PUT /repos/acme/models-gitops/pulls/…/merge"],
        "alias moves": mortal.done["mlflow POST /api/2.0/mlflow/registered-models/alias"],
        "messages": [everything(m).splitlines()[0].partition(" in ")[0].replace(model, "M") for m in world.messages()],
    }
