"""Figures, one JSON line each: {"name", "value", "unit", "limit", "ratio"}.  Run by `make bench`.

`make bench B=reliability` shows those of the chaos, `make bench B=serving` the model server beside MLflow's,
`make bench B=cluster` how many rollouts are followed at once.
"""

import asyncio
import io
import json
import statistics
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import psutil

from callboard_demo.cluster.scripted import ScriptedRuntime
from callboard_demo.home import Home
from callboard_demo.ports import claim
from callboard_demo.registry.registry import Registry
from callboard_demo.world import World
from tests.bench import cluster, reliability, serving
from tests.fixtures.story_world import StoryWorld, story_world
from tests.stories.registry import models_of

COMMANDS = 200
IDLE = 3
"""Seconds."""
ROUNDS = 3


def figure(name: str, value: float, unit: str, limit: float) -> None:
    """Print one figure; of what must not be at all, the limit is 0."""
    ratio = round(value / limit, 3) if limit else float(value > 0)
    line = {"name": name, "value": round(value, 2), "unit": unit, "limit": limit, "ratio": ratio}
    sys.stdout.write(json.dumps(line) + "\n")


async def slash_commands(world: StoryWorld) -> float:
    """Return the 99th percentile of a command's answer, one caller, in milliseconds."""
    took = []
    for _ in range(COMMANDS):
        answer = await world.chat.send(user="alice", channel="#ml-releases", text=f"/models {world.model}")
        took.append(float(answer["ms"]))
    return statistics.quantiles(took, n=100)[98]


async def requests_to_a_pull(world: StoryWorld) -> int:
    """Return how many requests GitHub sees from the command to the open pull request."""
    before = len(world.forge.log)
    await world.type("alice", f"/promote {world.model} production")
    await world.pull()
    asked = list(world.forge.log)[before:]
    opened = next(i for i, one in enumerate(asked) if one.method == "POST" and one.template.endswith("/pulls"))
    return opened + 1


async def bot_process(folder: Path) -> tuple[float, float]:
    """Return the CPU seconds from the bot's start until it is ready, and what it holds in memory then, in MB."""
    cpu, memory = [], []
    world = World(Home.open(folder, fresh=True), claim(None), out=io.StringIO(), runtime=ScriptedRuntime())
    async with world:
        for _ in range(ROUNDS):
            world.bot.kill()
            await world.start_bot()
            process = psutil.Process(world.bot.state()["pid"])
            times = process.cpu_times()
            cpu.append(times.user + times.system)
            await asyncio.sleep(IDLE)
            memory.append(process.memory_info().rss / 1e6)
    return statistics.median(cpu), statistics.median(memory)


async def main() -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        registry = Registry(folder=folder / "registry")
        try:
            cpu, memory = await bot_process(folder / "world")
            figure("bot_ready_cpu", cpu, "s", 3)
            figure("bot_memory_idle", memory, "MB", 180)
            await registry.start()
            await registry.seed()
            models = await models_of(registry.url)
            model = await models.model(versions=2, aliases={"production": 1, "staging": 2})
            async with story_world(folder, model=model, mlflow=registry.url) as world:
                rounds = [await slash_commands(world) for _ in range(ROUNDS)]
                figure("slash_command_p99", statistics.median(rounds), "ms", 100)
                figure("github_requests_to_pull", await requests_to_a_pull(world), "requests", 6)
        finally:
            await registry.close()


async def rollouts() -> None:
    """Measure how many rollouts are followed at once."""
    for over in (cluster.SPREAD, timedelta(0)):
        async for name, value, unit, limit in cluster.measure(over):
            figure(name, value, unit, limit)
    async for name, value, unit, limit in cluster.outages():
        figure(name, value, unit, limit)


async def model_server() -> None:
    """Measure the model server."""
    async for name, value, unit, limit in serving.figures():
        figure(name, value, unit, limit)


if sys.argv[1:] == ["reliability"]:
    sys.exit(reliability.run())
MEASURED = {"serving": model_server, "cluster": rollouts}
asyncio.run(MEASURED[sys.argv[1]]() if sys.argv[1:] else main())
