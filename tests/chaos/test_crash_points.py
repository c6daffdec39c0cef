"""The bot is killed before and after each of its writes, one at a time: the story ends the same each time.

The writes are found by living the story once, so one that is new is covered without a change here.
"""

import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

import pytest

from bot.clients.slack.client import Slack
from tests.chaos.conftest import Records
from tests.chaos.extent import FULL, SEED, figure
from tests.chaos.mortal import Mortal, Point, When
from tests.chaos.stories import BY_HAND, MAIN, OTHER, Story, left
from tests.fixtures.story_world import story_world
from tests.stories.registry import Models

pytestmark = pytest.mark.slow

A_FEW: Final = 2
WHEN: Final[tuple[When, ...]] = ("before", "after")
STORIES: Final = {"main": MAIN, "other": OTHER, "by_hand": BY_HAND}


async def lived(
    story: Story, folder: Path, registry: Models, at: Point | None, records: Records = nullcontext
) -> tuple[Mortal, dict[str, object]]:
    """Live a story with a bot that dies at this point, and return what it left in the world."""
    model = await registry.model(versions=2, aliases={"production": 1, "staging": 2})
    mortal = Mortal(model=model)
    told: dict[str, Any] = {"behaviours": story.pods, "in_front": mortal.in_front}
    async with (
        records() as record,
        story_world(folder, model=model, mlflow=registry.url, record=record, **told) as world,
    ):
        mortal.at = at
        world.patience = 75  # a reaction whose event was lost with the bot is found when all are looked at: every 30 s
        with mortal.over_the_store():
            async with mortal.reborn(world):
                try:
                    await story.live(world, registry)
                except AssertionError as error:
                    return mortal, {"not lived to its end": str(error)}
                return mortal, await left(world, mortal)


def chosen(seen: Mapping[str, int]) -> Iterator[Point]:
    """Yield the points to kill at: all of them, or a few of different names."""
    if FULL:
        whole = ((name, nth) for name, times in seen.items() for nth in range(1, times + 1))
        yield from (Point(name=name, nth=nth, when=when) for name, nth in whole for when in WHEN)
        return
    dice = random.Random(SEED)
    for name in dice.sample(sorted(seen), A_FEW):
        yield Point(name=name, nth=dice.randint(1, seen[name]), when=dice.choice(WHEN))


@pytest.mark.timeout(4 * 3600 if FULL else 180)
@pytest.mark.parametrize(
    ("name", "records"),
    [("main", "sqlite"), ("other", "sqlite"), ("by_hand", "sqlite"), ("main", "postgresql")],
    indirect=["records"],
)
async def test_a_story_ends_the_same_wherever_the_bot_is_killed(
    tmp_path: Path, registry: Models, name: str, records: Records
) -> None:
    story = STORIES[name]
    whole, outcome = await lived(story, tmp_path / "whole", registry, None, records)
    assert outcome == story.left
    wrong: dict[str, object] = {}
    tried = reached = 0
    for number, point in enumerate(chosen(whole.seen)):
        died, outcome = await lived(story, tmp_path / str(number), registry, point, records)
        tried, reached = tried + 1, reached + died.deaths
        if outcome != story.left:
            wrong[str(point)] = {key: value for key, value in outcome.items() if value != story.left.get(key)}
            sys.stdout.write(f"killed {point}: {wrong[str(point)]}\n")
    name += "" if records is nullcontext else "_postgresql"
    figure(f"crash_points_{name}", whole.seen.total(), "writes", whole.seen.total())
    figure(f"crash_kills_{name}", reached, "kills", tried)
    figure(f"crash_other_ends_{name}", len(wrong), "stories", 0)
    assert not wrong, f"seed {SEED}"
    assert reached >= 0.8 * tried, "a point that a run did not come by is no proof"


async def test_a_bot_that_posts_without_checking_first_is_detected(
    tmp_path: Path, registry: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def blind(*_: object) -> None:
        return None

    monkeypatch.setattr(Slack, "_posted", blind)
    unheard = Point(name="slack POST /api/chat.postMessage", nth=1, when="after")
    _, outcome = await lived(MAIN, tmp_path, registry, unheard)
    assert outcome["messages"] == [
        "New version: M v3. It will be released to staging automatically.",
        *MAIN.left["messages"],
    ]  # type: ignore[misc]  # what was left is a mapping of anything
