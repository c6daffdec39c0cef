"""The model server beside `mlflow models serve`: same model, same client, one after the other in interleaved rounds."""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import psutil

from callboard_demo.registry.registry import Registry
from tests.fixtures.model_server import environment
from tests.ports import free_port

ROUNDS: Final = 5
REQUESTS: Final = 1000
"""In each round."""
AT_ONCE: Final = 8
WARM_UP: Final = 100
URI: Final = "models:/iris-classifier/1"


@dataclass(slots=True, kw_only=True)
class Side:
    """One server, and what was measured of it."""

    command: Sequence[str]
    environ: Mapping[str, str]
    ready: str
    started: list[float]
    """Seconds until it was ready."""
    memory: list[float]
    """MB that belong to its processes alone, and its share of what they have in common (PSS)."""
    rate: list[float]
    """Requests a second."""
    cpu: list[float]
    """Milliseconds a request."""


@asynccontextmanager
async def running(side: Side, port: int) -> AsyncIterator[psutil.Process]:
    """Start a server, and wait until it is ready."""
    began = time.perf_counter()
    told = {**side.environ, "PORT": str(port)}
    command = [word.replace("PORT", str(port)) for word in side.command]
    process = psutil.Popen(command, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        async with aiohttp.ClientSession() as http:
            while not await _ready(http, f"http://127.0.0.1:{port}{side.ready}"):
                assert process.poll() is None, "it ended"
                await asyncio.sleep(0.02)
        side.started.append(time.perf_counter() - began)
        yield process
    finally:
        family = [*process.children(recursive=True), process]
        for one in family:
            one.terminate()
        psutil.wait_procs(family, timeout=10)


async def _ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def ask(port: int, example: bytes, requests: int) -> None:
    """Send so many predictions over so many connections: bytes written by hand, so that the client costs little."""
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(example)}"
    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(_connection(port, head.encode() + b"\r\n\r\n" + example, requests // AT_ONCE))


async def _connection(port: int, request: bytes, times: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(times):
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        assert b"predictions" in await reader.readexactly(length)
    writer.close()


def _cpu(process: psutil.Process) -> float:
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


async def measure(side: Side, example: bytes) -> None:
    """Start the server, and measure one round."""
    port = free_port()
    async with running(side, port) as process:
        await ask(port, example, WARM_UP)
        before, began = _cpu(process), time.perf_counter()
        await ask(port, example, REQUESTS)
        took = time.perf_counter() - began
        side.rate.append(REQUESTS / took)
        side.cpu.append(1000 * (_cpu(process) - before) / REQUESTS)
        family = (process, *process.children(recursive=True))
        side.memory.append(sum(one.memory_full_info().pss for one in family) / 1e6)


async def figures() -> AsyncIterator[tuple[str, float, str, float]]:
    """Yield (name, value, unit, limit) of each figure; the limits are what MLflow's own server does."""
    with tempfile.TemporaryDirectory() as name:
        registry = Registry(folder=Path(name) / "registry", port=free_port())
        try:
            await registry.start()
            await registry.seed()
            ours, theirs = sides(registry.url, name)
            example = await _example(registry.url)
            for _ in range(ROUNDS):
                for side in (ours, theirs):
                    await measure(side, example)
        finally:
            await registry.close()
    of = statistics.median
    yield "serving_requests", of(ours.rate), "requests/s", of(theirs.rate)
    yield "serving_request_cpu", of(ours.cpu), "ms", of(theirs.cpu)
    yield "serving_memory", of(ours.memory), "MB", of(theirs.memory)
    yield "serving_cold_start", of(ours.started), "s", of(theirs.started)


async def _example(url: str) -> bytes:
    """Return the input that was logged with the model."""
    query = {"path": "serving_input_example.json", "name": "iris-classifier", "version": "1"}
    async with aiohttp.ClientSession() as http, http.get(f"{url}/model-versions/get-artifact", params=query) as answer:
        return await answer.read()


def sides(url: str, folder: str) -> tuple[Side, Side]:
    """Return our server and MLflow's."""
    told = {**environment(url, MODEL_VERSION="1", TMPDIR=folder), "MLFLOW_DISABLE_TELEMETRY": "true"}
    told["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    mlflow = [sys.executable, "-m", "mlflow", "models", "serve", "-m", URI, "-p", "PORT", "--env-manager", "local"]

    def side(command: list[str], ready: str) -> Side:
        return Side(command=command, environ=told, ready=ready, started=[], memory=[], rate=[], cpu=[])

    return side([sys.executable, "-m", "callboard_model_server"], "/readyz"), side(mlflow, "/ping")
