"""The bot is killed before and after each of its writes, one at a time: the story ends the same each time.

The writes are found by living the story once, so one that is new is covered without a change here.
"""

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bot.clients.slack import Slack
from tests.chaos import main_story
from tests.chaos.extent import FULL, SEED, figure
from tests.chaos.mortal import Mortal, Point, When
from tests.stories.registry import Models
from tests.story_world import story_world

A_FEW: Final = 4
WHEN: Final[tuple[When, ...]] = ("before", "after")
ONCE: Final[dict[str, object]] = {
    "served": {"staging": [3], "production": [1, 1, 1]},
    "aliases": {"staging": 3, "production": 1},
    "pins": {"staging": ["staging", '"3"'], "production": ["production", '"1"']},
    "pulls": [(1, "merged"), (2, "merged"), (3, "merged")],
    "merges": 3,
    "alias moves": 3,
    "messages": [
        "New version: M v3. It goes to staging by itself.",
        "M v3 → staging: Released v3 to staging",
        "M v3 → production: Released v3 to production",
        "M v1 → production (rollback): Released v1 to production",
    ],
}
"""What the main story leaves in the world: nothing lost, nothing doubled."""


async def lived(folder: Path, registry: Models, at: Point | None) -> tuple[Mortal, dict[str, object]]:
    """Live the main story with a bot that dies at this point, and return what it left in the world."""
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    mortal = Mortal(model=model)
    async with story_world(folder, model=model, mlflow=registry.url, in_front=mortal.in_front) as world:
        mortal.at = at
        with mortal.over_the_store():
            async with mortal.reborn(world):
                try:
                    await main_story.live(world, registry)
                except AssertionError as error:
                    return mortal, {"not lived to its end": str(error)}
                return mortal, await main_story.outcome(world, mortal)


def chosen(seen: Mortal) -> Iterator[Point]:
    """Yield the points to kill at: all of them, or a few of different names."""
    if FULL:
        yield from (Point(name=name, nth=nth, when=when) for name, nth in seen.points() for when in WHEN)
        return
    dice = random.Random(SEED)
    for name in dice.sample(sorted(seen.seen), A_FEW):
        yield Point(name=name, nth=dice.randint(1, seen.seen[name]), when=dice.choice(WHEN))


@pytest.mark.timeout(4 * 3600 if FULL else 180)
async def test_the_story_ends_the_same_wherever_the_bot_is_killed(tmp_path: Path, registry: Models) -> None:
    whole, outcome = await lived(tmp_path / "whole", registry, None)
    assert outcome == ONCE
    wrong: dict[str, object] = {}
    tried = reached = 0
    for number, point in enumerate(chosen(whole)):
        died, outcome = await lived(tmp_path / str(number), registry, point)
        tried, reached = tried + 1, reached + died.deaths
        if outcome != ONCE:
            wrong[str(point)] = {key: value for key, value in outcome.items() if value != ONCE.get(key)}
            sys.stdout.write(f"killed {point}: {wrong[str(point)]}\n")
    figure("crash_points", len(whole.points()), "writes", len(whole.points()))
    figure("crash_kills", reached, "kills", tried)
    figure("crash_other_ends", len(wrong), "stories", 0)
    assert not wrong, f"seed {SEED}"
    assert reached >= 0.8 * tried, "a point that a run did not come by is no proof"


async def test_a_bot_that_posts_without_looking_first_is_found_out(
    tmp_path: Path, registry: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def blind(*_: object) -> None:
        return None

    monkeypatch.setattr(Slack, "_posted", blind)
    unheard = Point(name="slack POST /api/chat.postMessage", nth=1, when="after")
    _, outcome = await lived(tmp_path, registry, unheard)
    assert outcome["messages"] == ["New version: M v3. It goes to staging by itself.", *ONCE["messages"]]  # type: ignore[misc]
