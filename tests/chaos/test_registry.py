"""Versions that are registered during an outage are announced afterwards, each once; old ones never."""

import re
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from callboard_demo.registry.server import Server
from tests.chaos.extent import FULL
from tests.fixtures.story_world import StoryWorld, everything, story_world
from tests.ports import free_port
from tests.stories.registry import Models

pytestmark = pytest.mark.slow

APP = """\
repository: acme/models-gitops
channel: "#ml-releases"
stages: {{staging: {{approvals: 1}}, production: {{approvals: 2}}}}
models: {{{model}: {{}}}}
"""
BURST = 500 if FULL else 60
OLD = 10_000 if FULL else 2_000
WITHIN = 60.0
"""Seconds from when everything answers again."""


def announced(world: StoryWorld) -> Counter[int]:
    """Return how often each version was announced, alone or as one of many."""
    alone = (re.search(r"New version: (\S+) v(\d+)", everything(m)) for m in world.messages("New version"))
    found = Counter(int(each[2]) for each in alone if each and each[1] == world.model)
    for many in world.messages("new versions", f"`{world.model}`"):
        for first, last in re.findall(r"v(\d+)(?:–v(\d+))?", everything(many).partition(f"`{world.model}` ")[2]):
            found.update(range(int(first), int(last or first) + 1))
    return found


@pytest.mark.timeout(900)
async def test_a_burst_while_registry_and_bot_were_down_is_announced_once_each(
    tmp_path: Path, registry: Models
) -> None:
    model = await registry.model(versions=3, aliases={"production": 1})
    async with story_world(tmp_path, model=model, mlflow=registry.url, text=APP.format(model=model)) as world:
        await world.stop()
        fresh = [await registry.version(model) for _ in range(BURST // 2)]
        world.faults.set("mlflow", "down", 600)
        world.bot = world.start()
        fresh += [await registry.version(model) for _ in range(BURST - BURST // 2)]
        assert world.messages() == []
        world.faults.set("mlflow", "down", 0)
        await world.until(lambda: [True] * (announced(world).keys() >= set(fresh)), f"{BURST} announcements", WITHIN)
        await world.stop()
        world.bot = world.start()
        last = await registry.version(model)
        await world.until(lambda: [True] * (last in announced(world)), "one more", WITHIN)
        assert announced(world) == Counter([*fresh, last])


@pytest.mark.timeout(900)
async def test_of_a_registry_that_is_old_nothing_is_announced_and_of_one_that_restarts_nothing_is_missed(
    tmp_path: Path,
) -> None:
    server = Server(folder=tmp_path / "mlflow", port=(port := free_port()))
    await server.start()
    try:
        models = await nothing_logged(f"http://127.0.0.1:{port}")
        model = await models.model(versions=1, aliases={"production": 1})
        age(tmp_path / "mlflow" / "mlflow.db", OLD)
        async with story_world(tmp_path, model=model, mlflow=models.url, text=APP.format(model=model)) as world:
            await server.close()
            await server.start()
            fresh = [await models.version(model) for _ in range(3)]
            assert fresh[0] == OLD + 1
            await world.until(lambda: [True] * (announced(world).keys() >= set(fresh)), "three announcements", WITHIN)
            assert announced(world) == Counter(fresh)
    finally:
        await server.close()


async def nothing_logged(url: str) -> Models:
    """Return a registry whose versions are all made of one logged model without a file."""
    empty = await Models(url, "", None).post("logged-models", {"experiment_id": "0", "name": "empty"})
    return Models(url, f"models:/{empty['model']['info']['model_id']}", None)


def age(database: Path, versions: int) -> None:
    """Give the registry's one version so many successors, as if they had been registered long ago."""
    with sqlite3.connect(database) as db:
        db.row_factory = sqlite3.Row
        one = dict(db.execute("SELECT * FROM model_versions").fetchone())
        rows = [
            one | {"version": number, "creation_time": one["creation_time"] - number}
            for number in range(2, versions + 1)
        ]
        names, places = ", ".join(one), ", ".join(f":{name}" for name in one)
        db.executemany(f"INSERT INTO model_versions ({names}) VALUES ({places})", rows)
    db.close()
