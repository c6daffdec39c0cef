"""How the bot follows many rollouts at once: what it asks of the API server, and how soon it knows."""

import asyncio
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import psutil
from aiohttp import web

from bot import clock
from bot.clients.kubernetes.client import Kubernetes
from bot.cluster.watch import Watch
from bot.domain.promotion import State
from bot.store.store import Store
from tests.bench.rollouts import NAMESPACE, STAGE, Play, begin, config, deployment, end, manifest, models, record
from tests.chaos.process import Victim
from tests.fixtures.kubernetes_script import kubeconfig
from tests.fixtures.story_world import StoryWorld, story_world
from tests.fixtures.waiting import until
from tests.ports import free_port

ROLLOUTS: Final = 500
SPREAD: Final = timedelta(minutes=1)
PATIENCE: Final = timedelta(minutes=3)
"""How long is waited for the last verdict."""

Figure = tuple[str, float, str, float]


@asynccontextmanager
async def following(folder: Path, play: Play, names: Sequence[str]) -> AsyncIterator[tuple[StoryWorld, psutil.Process]]:
    """Start the bot, a process of its own, while all of these are being rolled out; give it back when all is listed."""
    url = f"sqlite:///{folder}/callboard.db"
    await record(url, list(names))
    for name in names:
        await begin(play, name)
    bot = Victim(folder=folder)
    files = {f"models/{name}/production/deployment.yaml": manifest(name) for name in names}
    async with story_world(
        folder, model="", mlflow="http://127.0.0.1:9", files=files, in_front=play.in_front, text=config(list(names)),
        work=bot.work, record=url, ready_within=120,
    ) as world:  # fmt: skip
        yield world, psutil.Process(bot.pid)


async def decided(url: str, since: Mapping[str, datetime]) -> list[float]:
    """Return the seconds from each rollout's last change until the bot called it complete, once all are."""
    store = await Store.open(url)
    took: dict[str, float] = {}
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            while len(took) < len(since):
                await asyncio.sleep(1)
                for one in await store.under_way():
                    if one.state is State.VERIFYING and one.target.model in since:
                        took[one.target.model] = (one.entered_at - since[one.target.model]).total_seconds()
    finally:
        await store.close()
    return list(took.values())


async def finish(play: Play, names: Sequence[str], over: timedelta) -> dict[str, datetime]:
    """Let all rollouts end, evenly spread; return when the last object of each changed."""
    since: dict[str, datetime] = {}
    for name in names:
        await end(play, name)
        since[name] = clock.now()
        await asyncio.sleep(over.total_seconds() / len(names))
    return since


async def measure(over: timedelta) -> AsyncIterator[Figure]:
    """Follow all rollouts to their end, spread over a time."""
    how = "burst" if over == timedelta(0) else "spread"
    with tempfile.TemporaryDirectory() as name:
        folder, play, names = Path(name), Play(), models(ROLLOUTS)
        async with following(folder, play, names) as (_, process):
            await asyncio.sleep(5)
            opened = Counter(play.asked)
            before = process.cpu_times()
            since = await finish(play, names, over)
            took = await decided(f"sqlite:///{folder}/callboard.db", since)
            after = process.cpu_times()
            yield f"cluster_{how}_verdict_p90", statistics.quantiles(took, n=10)[8], "s", 1 if over else 20
            cpu = after.user + after.system - before.user - before.system
            yield f"cluster_{how}_cpu", cpu, "s", 60
            yield f"cluster_{how}_memory", process.memory_info().rss / 1e6, "MB", 180
            yield f"cluster_{how}_watches", sum(opened.values()) / 2, "watches", 4
            yield f"cluster_{how}_polls", (play.asked - opened).total(), "requests", 0


@asynccontextmanager
async def serving(play: Play, port: int) -> AsyncIterator[None]:
    """Serve the cluster at a port."""
    runner = web.AppRunner(play.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        yield
    finally:
        await runner.cleanup()


async def outages() -> AsyncIterator[Figure]:
    """Let the API server restart, be away, forget, and hang; measure how soon the watch knows."""
    [name], port, play = models(1), free_port(), Play()
    await begin(play, name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        path.write_text(kubeconfig(f"http://127.0.0.1:{port}"))
        kubernetes = await Kubernetes.connect(str(path))
        watch = Watch(kubernetes, lambda _: None)
        try:
            for what, away, forgets in (("restart", 0.2, False), ("outage", 60, False), ("expiry", 0.2, True)):
                play.forgets = False
                async with serving(play, port):
                    await watch.ensure(NAMESPACE)
                    await _until(lambda: watch.fresh(NAMESPACE) and watch.trouble(NAMESPACE) is None)
                    await asyncio.sleep(6)
                play.forgets = forgets
                await play.apply("deployments", deployment(name, done=what != "outage"))
                await asyncio.sleep(away)
                async with serving(play, port):
                    took = await _until(lambda: _version(watch, name) == play.version)
                yield f"cluster_current_after_{what}", took, "s", 5
            async with serving(play, port):
                await _until(lambda: watch.trouble(NAMESPACE) is None)
                await asyncio.sleep(6)
                play.hung = True
                yield "cluster_hung_noticed", await _until(lambda: watch.trouble(NAMESPACE) is not None), "s", 40
                await play.resume()
        finally:
            await watch.close()
            await kubernetes.close()


def _version(watch: Watch, name: str) -> int:
    found = watch.snapshot(NAMESPACE, name, STAGE, name)
    return int(found.workload["metadata"]["resourceVersion"]) if found is not None else 0


async def _until(true: Callable[[], bool]) -> float:
    """Return the seconds until it is true."""
    start = time.perf_counter()
    await until(true, "the next state", within=PATIENCE.total_seconds())
    return time.perf_counter() - start
