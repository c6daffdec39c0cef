"""Many promotions at once, while every system fails in its ways and the bot is killed again and again.

Each ends as the oracle says, which knows only what people did and how pods behave; nothing is lost and nothing doubled.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import replace
from itertools import cycle, pairwise
from pathlib import Path
from random import Random
from typing import Final

import pytest
from aiohttp.test_utils import TestServer

from tests.chaos import oracle
from tests.chaos.conftest import Records
from tests.chaos.extent import FULL, SEED, figure
from tests.chaos.oracle import Fate, Model, foretold
from tests.chaos.people import Pods, Story, line, told
from tests.chaos.process import Victim
from tests.chaos.weather import Post, Weather
from tests.fixtures.story_world import DEPLOYMENT, StoryWorld, Work, story_world
from tests.stories.registry import Models

pytestmark = pytest.mark.slow

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


def channel(models: Mapping[str, Model]) -> Counter[str]:
    """Return how the messages must begin: one for each promotion, one for each new version."""
    news = [f"New version: {name} v{v}." for name, its in models.items() for v in range(3, its.newest + 1)]
    return Counter(news) + Counter(line(name, end) for name, its in models.items() for end in its.ends)


def shown(world: StoryWorld, wanted: Counter[str]) -> Counter[str]:
    """Return how the messages do begin; one that nobody foretold as it is."""
    return Counter(next((start for start in wanted if text.startswith(start)), text) for text in told(world))


async def stands(world: StoryWorld) -> list[object]:
    """Return what a model's stages serve, pin and are called."""
    paths = [f"manifests/{world.model}/{stage}/deployment.yaml" for stage in STAGES]
    pins = [world.pinned(path) for path in paths]
    return [[await world.served(stage) for stage in STAGES], pins, [await world.alias(stage) for stage in STAGES]]


def must_stand(name: str, its: Model) -> list[object]:
    """Return the same, as foretold."""
    live = [its.live(stage) for stage in STAGES]
    return [[[v] for v in live], [f'{name} {stage} "{v}"' for stage, v in zip(STAGES, live, strict=True)], live]


@asynccontextmanager
async def storm(
    folder: Path, registry: Models, weather: Weather, pods: Pods, *, names: Sequence[str], work: Work, records: Records
) -> AsyncIterator[list[StoryWorld]]:
    """Start the world; yield it as each model's people see it, with the storm's post between it and the bot."""
    async with records() as record, story_world(
        folder, model="", mlflow=registry.url, runtime=pods, in_front=weather.in_front, work=work, record=record,
        files={path: text for name in names for path, text in manifests(name).items()},
        text=APP + "".join(f'  {n}: {{channel: "{at}"}}\n' for n, at in zip(names, cycle(CHANNELS), strict=False)),
    ) as world:  # fmt: skip
        world.forge.on_change.append(world.agent.wake)
        world.forge.access.allowance.limit = 10**9  # hours of promotions pass in minutes here
        async with TestServer(Post(weather=weather, to=world.public, http=world.http).application()) as post:
            public = str(post.make_url("")).rstrip("/")
            world.chat.connect(f"{public}/slack/events")
            world.forge.connect(f"{public}/webhooks/github")
            yield [replace(world, model=name, public=public) for name in names]


@pytest.mark.timeout(3 * 3600 if FULL else 400)
@pytest.mark.parametrize("records", ["sqlite", "postgresql"] if FULL else ["sqlite"], indirect=True)
async def test_every_promotion_ends_as_predicted_and_none_is_lost_or_duplicated(
    tmp_path: Path, registry: Models, records: Records
) -> None:
    name = "storm" if records is nullcontext else "storm_postgresql"
    dice = Random(SEED)
    fates = dealt(dice)
    names = [await registry.model(versions=2, aliases={"production": 1, "staging": 2}) for _ in range(MODELS)]
    models = dict(zip(names, map(foretold, fates), strict=True))
    victim = Victim(folder=tmp_path)
    weather = Weather(dice=dice, kill=victim.kill, between=BETWEEN, patient=FULL)
    pods = Pods(fated(names, fates))
    async with storm(tmp_path, registry, weather, pods, names=names, work=victim.work, records=records) as worlds:
        weather.fair = False
        await asyncio.gather(*(live(world, registry, its) for world, its in zip(worlds, fates, strict=True)))
        wanted = channel(models)
        await worlds[0].until(lambda: [1] if shown(worlds[0], wanted) == wanted else [], "every message", 60)
        weather.fair = True
        report(name, weather, victim, models.values())
        messages, pulls = shown(worlds[0], wanted), Counter(pull["state"] for pull in worlds[0].forge.state()["pulls"])
        assert [await stands(world) for world in worlds] == [must_stand(name, its) for name, its in models.items()]
    moves, foretold_moves = weather.moves_of(names), {name: its.moves for name, its in models.items()}
    wrong = unlike(messages, wanted) + unlike(pulls, oracle.pulls(models.values()))
    wrong += sum(times != 1 for times in weather.merges.values()) + sum(moves[n] != foretold_moves[n] for n in names)
    figure(f"{name}_lost_or_doubled", wrong, "pull requests, merges, messages, alias moves", 0)
    assert (messages, pulls) == (wanted, oracle.pulls(models.values()))
    assert worlds[0].loose_approvals() == set()
    assert set(weather.merges.values()) == {1}
    assert moves == foretold_moves
    assert victim.kills >= KILLS
    assert not weather.unseen()


def unlike(found: Counter[str], told: Counter[str]) -> int:
    """Return how many there are too many or too few."""
    return ((found - told) + (told - found)).total()


def report(name: str, weather: Weather, victim: Victim, models: Iterable[Model]) -> None:
    """Print what there was; most of it must be what people hope for, or the storm shows little."""
    words = Counter(end.word for its in models for end in its.ends)
    for word, times in sorted(words.items()):
        figure(f"{name}_{word.lower()}", times, "promotions", words.total())
    figure(f"{name}_github_calls", weather.calls["github"] / words.total(), "calls a promotion", 60)
    figure(f"{name}_kills", victim.kills, "kill -9", KILLS)
    for (system, fault), times in sorted(weather.struck.items()):
        figure(f"{name}_fault {system}: {fault}", times, "times", 1)
    figure(f"{name}_calls_failed", 100 * weather.failed(), "%", 10)
    assert words["Released"] >= 0.6 * words.total()
