"""Three stories of people who do not give up, and what each leaves in the world, of which the bot is not asked.

The main one: staging by itself, production with approvals, and back.  The other has all that goes otherwise: pods that
die and are taken back, a veto, a cancellation, an approved pull request that somebody closes.  In the third, the pin is
in Git before anybody asks.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import aiohttp

from callboard_demo.cluster.scripted import Behaviour
from tests.chaos.mortal import Mortal
from tests.fixtures.story_world import ON_ITS_WAY, StoryWorld, everything, has
from tests.stories.registry import Models

STAGES: Final = ("staging", "production")
DIES: Final = Behaviour(output="RuntimeError", ready_after=None, crash_after=timedelta(seconds=0.3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What people do, and what is left in the world where nothing is lost and nothing doubled."""

    live: Callable[[StoryWorld, Models], Awaitable[None]]
    left: Mapping[str, object]
    pods: Mapping[str, Behaviour] = field(default_factory=dict)


async def _main(world: StoryWorld, registry: Models) -> None:
    await _new_version(world, registry)
    await world.message("Released v3 to staging")
    await _insist(world, "alice", f"/promote {world.model} production", ON_ITS_WAY)
    card = await world.message(f"{world.model} v3", "production", "2 approvals")
    await world.react("bob", card)
    await world.react("carol", card)
    await world.message("Released v3 to production")
    await _insist(world, "bob", f"/rollback {world.model} production", ON_ITS_WAY)
    await world.message("Released v1 to production")


async def _other(world: StoryWorld, registry: Models) -> None:
    await _new_version(world, registry)
    await world.message("v3 → staging: Failed")
    await world.message("Released v2 to staging")
    for ending in (_veto, _cancel, _close):
        await _insist(world, "alice", f"/promote {world.model} production", ON_ITS_WAY)
        await ending(world, await world.message(f"{world.model} v2", "production", "2 approvals", "React"))


async def _by_hand(world: StoryWorld, registry: Models) -> None:
    del registry
    world.forge.on_change.append(world.agent.wake)
    path = f"manifests/{world.model}/production/deployment.yaml"
    text = world.forge.read(path) or ""
    world.forge.commit({path: text.replace('"1"', '"2"')}, "Pin v2")
    await _insist(world, "alice", f"/promote {world.model} production 2", ON_ITS_WAY)
    card = await world.message(f"{world.model} v2", "production", "2 approvals", "set by hand")
    await world.react("bob", card)
    await world.react("carol", card)
    await world.message("Released v2 to production")


async def _veto(world: StoryWorld, card: Mapping[str, object]) -> None:
    await world.react("carol", card, "x")
    await world.message("v2 → production: Rejected")


async def _cancel(world: StoryWorld, card: Mapping[str, object]) -> None:
    number = re.search(r"promotion (\d+)", everything(card))
    assert number is not None
    await _insist(world, "alice", f"/promotions cancel {number[1]}", "ancel")
    await world.message("v2 → production: Cancelled")


async def _close(world: StoryWorld, card: Mapping[str, object]) -> None:
    """Close an approved pull request by hand: nobody may merge that commit by another one."""
    world.forge.protect("main", checks=["callboard/approval", "ci/test"])
    await world.react("bob", card)
    await world.react("carol", card)
    await world.until(lambda: list(world.loose_approvals()), "an approved commit")
    pull = world.forge.hub.pull(int(world.pulls()[0]["number"]))
    world.forge.hub.edit(pull, {"state": "closed"}, by="dave")
    await world.message("v2 → production: Rejected: pull request #5 was closed")


async def _new_version(world: StoryWorld, registry: Models) -> None:
    world.forge.on_change.append(world.agent.wake)
    await registry.version(world.model)  # 3
    with suppress(aiohttp.ClientError):
        await world.hint(3)
    await world.message("New version", "v3")


async def _insist(world: StoryWorld, who: str, text: str, answer: str | tuple[str, ...]) -> None:
    """Type a command again until it is answered."""
    while not has(await world.type(who, text), answer):
        await world.until(lambda: [bot for bot in [world.bot] if bot is not None and not bot.done()], "a bot")


async def left(world: StoryWorld, mortal: Mortal) -> dict[str, object]:
    """Return what a story left in the world."""
    model = world.model
    return {
        "served": {stage: await world.served(stage) for stage in STAGES},
        "aliases": {stage: await world.alias(stage) for stage in STAGES},
        "pins": {s: world.pinned(f"manifests/{model}/{s}/deployment.yaml").split()[1:] for s in STAGES},
        "pulls": sorted((pull["number"], pull["state"]) for pull in world.forge.state()["pulls"]),
        "words on pulls": sum(len(pull["comments"]) for pull in world.forge.state()["pulls"]),
        "approved and not merged": world.loose_approvals(),
        "merges": mortal.done["github PUT /repos/acme/models-gitops/pulls/…/merge"],
        "alias moves": mortal.done["mlflow POST /api/2.0/mlflow/registered-models/alias"],
        "messages": [_start(message, model) for message in world.messages()],
    }


def _start(message: Mapping[str, object], model: str) -> str:
    """Return how a message begins: as far as it is the same in every run."""
    line = everything(message).splitlines()[0].replace(model, "M")
    return re.split(r" in \d|: pod | by <", line)[0]


MAIN: Final = Story(
    live=_main,
    left={
        "served": {"staging": [3], "production": [1, 1, 1]},
        "aliases": {"staging": 3, "production": 1},
        "pins": {"staging": ["staging", '"3"'], "production": ["production", '"1"']},
        "pulls": [(1, "merged"), (2, "merged"), (3, "merged")],
        "words on pulls": 0,
        "approved and not merged": set(),
        "merges": 3,
        "alias moves": 3,
        "messages": [
            "New version: M v3. It will be released to staging automatically.",
            "M v3 → staging: Released v3 to staging",
            "M v3 → production: Released v3 to production",
            "M v1 → production (rollback): Released v1 to production",
        ],
    },
)
OTHER: Final = Story(
    live=_other,
    pods={"3": DIES},
    left={
        "served": {"staging": [2], "production": [1, 1, 1]},
        "aliases": {"staging": 2, "production": 1},
        "pins": {"staging": ["staging", '"2"'], "production": ["production", '"1"']},
        "pulls": [(1, "merged"), (2, "merged"), (3, "closed"), (4, "closed"), (5, "closed")],
        "words on pulls": 2,
        "approved and not merged": set(),
        "merges": 2,
        "alias moves": 0,
        "messages": [
            "New version: M v3. It will be released to staging automatically.",
            "M v3 → staging: Failed",
            "M v2 → staging (rollback): Released v2 to staging",
            "M v2 → production: Rejected: vetoed",
            "M v2 → production: Cancelled.",
            "M v2 → production: Rejected: pull request #5 was closed.",
        ],
    },
)
BY_HAND: Final = Story(
    live=_by_hand,
    left={
        "served": {"staging": [2], "production": [2, 2, 2]},
        "aliases": {"staging": 2, "production": 2},
        "pins": {"staging": ["staging", '"2"'], "production": ["production", '"2"']},
        "pulls": [],
        "words on pulls": 0,
        "approved and not merged": set(),
        "merges": 0,
        "alias moves": 1,
        "messages": ["M v2 → production: Released v2 to production"],
    },
)
