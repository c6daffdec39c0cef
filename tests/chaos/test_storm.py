"""Many promotions at once, while every system fails in its ways and the bot is killed again and again.

Each ends as the oracle says, which knows only what people did and how pods behave; nothing is lost and nothing doubled.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, pairwise
from pathlib import Path
from random import Random
from typing import Final

import pytest
from aiohttp.test_utils import TestServer

from tests.chaos import oracle
from tests.chaos.extent import FULL, SEED, figure
from tests.chaos.oracle import Fate, Model, foretold
from tests.chaos.people import Pods, Story, line, lines
from tests.chaos.process import Victim
from tests.chaos.weather import Post, Weather
from tests.stories.registry import Models
from tests.story_world import DEPLOYMENT, StoryWorld, story_world

MODELS, ROUNDS = (20, 5) if FULL else (8, 1)
KILLS, BETWEEN = (50, (20, 50)) if FULL else (5, (30, 45))
STAGES: Final = ("staging", "production")
CHANNELS: Final = ("#ml-releases", "#random")
"""Slack takes about one message a second in each."""
APP: Final = """\
repository: acme/models-gitops
channel: "#ml-releases"
stages:
  staging: {auto: true, approvals: 0, watch: 0s, timeout: 10m}
  production: {after: {stage: staging}, approvals: 2, approvers: ["@ml-release-captains"], watch: 0s, timeout: 10m}
models:
"""


def dealt(dice: Random) -> list[list[Fate]]:
    """Return the fates of each model's versions: every kind comes up, and most are approved."""
    rest = MODELS * ROUNDS - len(Fate)
    all_of_them = [*Fate, *dice.choices(list(Fate), weights=[9, 2, 1, 1, 1, 1, 1], k=rest)]
    dice.shuffle(all_of_them)
    return [all_of_them[at : at + ROUNDS] for at in range(0, len(all_of_them), ROUNDS)]


def fated(names: Sequence[str], fates: Sequence[Sequence[Fate]]) -> set[tuple[str, str, str]]:
    """Return the pods that die."""
    where = {Fate.BREAKS_ON_STAGING: "staging", Fate.BREAKS_ON_PRODUCTION: "production"}
    return {
        (name, where[fate], str(version))
        for name, its in zip(names, fates, strict=True)
        for version, fate in enumerate(its, 3)
        if fate in where
    }


def manifests(name: str) -> dict[str, str]:
    """Return where the model starts: v2 on staging, v1 on production, one pod each."""
    return {
        f"manifests/{name}/{stage}/deployment.yaml": DEPLOYMENT.format(
            name=f"{name}-{stage}", replicas=1, model=name, stage=stage, version=version
        )
        for stage, version in (("staging", 2), ("production", 1))
    }


async def live(world: StoryWorld, registry: Models, fates: Sequence[Fate]) -> None:
    """Let one version of a model after the other meet its fate."""
    told = [foretold(fates[:count]).ends for count in range(len(fates) + 1)]
    for fate, (before, after) in zip(fates, pairwise(told), strict=True):
        version = await registry.version(world.model)
        await Story(world=world, version=version, fate=fate, ends=tuple(after[len(before) :])).live()


def channel(names: Sequence[str], models: Sequence[Model]) -> Counter[str]:
    """Return how the messages must begin: one for each promotion, one for each new version."""
    news = [
        f"New version: {name} v{v}." for name, its in zip(names, models, strict=True) for v in range(3, its.newest + 1)
    ]
    return Counter(news) + Counter(line(name, end) for name, its in zip(names, models, strict=True) for end in its.ends)


def shown(world: StoryWorld, wanted: Counter[str]) -> Counter[str]:
    """Return how the messages do begin; one that nobody foretold as it is."""
    return Counter(next((start for start in wanted if text.startswith(start)), text) for text in lines(world).values())


async def stands(world: StoryWorld) -> dict[str, object]:
    """Return what a model's stages serve, pin and are called."""
    return {
        stage: (
            await world.served(stage),
            world.pinned(f"manifests/{world.model}/{stage}/deployment.yaml"),
            await world.alias(stage),
        )
        for stage in STAGES
    }


@pytest.mark.timeout(3 * 3600 if FULL else 400)
async def test_every_promotion_ends_as_foretold_and_none_is_lost_or_doubled(tmp_path: Path, registry: Models) -> None:
    dice = Random(SEED)
    fates = dealt(dice)
    models = [foretold(its) for its in fates]
    names = [await registry.model(versions=2, aliases={"production": 1, "staging": 2}) for _ in range(MODELS)]
    victim = Victim(folder=tmp_path)
    weather = Weather(dice=dice, kill=victim.kill, between=BETWEEN, patient=FULL)
    async with story_world(
        tmp_path, model="", mlflow=registry.url, runtime=Pods(fated(names, fates)), in_front=weather.in_front,
        files={path: text for name in names for path, text in manifests(name).items()},
        text=APP + "".join(f'  {n}: {{channel: "{at}"}}\n' for n, at in zip(names, cycle(CHANNELS), strict=False)),
        work=victim.work,
    ) as world:  # fmt: skip
        async with TestServer(Post(weather=weather, to=world.public, http=world.http).application()) as post:
            public = str(post.make_url("")).rstrip("/")
            world.chat.connect(f"{public}/slack/events")
            world.forge.connect(f"{public}/webhooks/github")
            world.forge.on_change.append(world.agent.wake)
            world.forge.door.allowance.limit = 10**9  # hours of promotions pass in minutes here
            each = [replace(world, model=name, public=public) for name in names]
            weather.fair = False
            await asyncio.gather(*(live(one, registry, its) for one, its in zip(each, fates, strict=True)))
            wanted = channel(names, models)
            await world.until(lambda: [1] if shown(world, wanted) == wanted else [], "every message", 60)
            weather.fair = True
        report(weather, victim, models)
        assert sum(end.word == "Released" for its in models for end in its.ends) >= 0.6 * sum(
            len(its.ends) for its in models
        )
        assert {one.model: await stands(one) for one in each} == {
            name: {
                stage: ([its.live(stage)], f'{name} {stage} "{its.live(stage)}"', its.live(stage)) for stage in STAGES
            }
            for name, its in zip(names, models, strict=True)
        }
        assert Counter(pull["state"] for pull in world.forge.state()["pulls"]) == oracle.pulls(models)
        assert set(weather.merges.values()) == {1}
        for name, its in zip(names, models, strict=True):
            assert [(stage, version) for model, stage, version in weather.moves if model == name] == its.moves
        figure("storm_lost_or_doubled", 0, "pull requests, merges, messages, alias moves", 0)
        assert victim.kills >= KILLS
        assert not weather.unseen()


def report(weather: Weather, victim: Victim, models: Sequence[Model]) -> None:
    """Print what there was."""
    words = Counter(end.word for its in models for end in its.ends)
    for word, times in sorted(words.items()):
        figure(f"storm_{word.lower()}", times, "promotions", words.total())
    figure("storm_github_calls", weather.calls["github"] / words.total(), "calls a promotion", 60)
    figure("storm_kills", victim.kills, "kill -9", KILLS)
    for (system, fault), times in sorted(weather.struck.items()):
        figure(f"storm_fault {system}: {fault}", times, "times", 1)
    figure("storm_calls_failed", 100 * weather.failed(), "%", 10)
