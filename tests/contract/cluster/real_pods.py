"""Pods whose containers are real processes in the demo's cluster: started, looked at, ended.  Not itself a test."""

from datetime import timedelta
from typing import Any

import aiohttp
import psutil
import pytest

from bot.domain.json import Json
from callboard_demo.cluster import ProcessRuntime, Runtime
from callboard_demo.cluster.plans import find
from tests.contract.control_plane import TOKEN, ControlPlane
from tests.fixtures.processes import alive
from tests.fixtures.waiting import until

SLEEP = "import time; time.sleep(600)"


@pytest.fixture
def runtime() -> Runtime:
    return ProcessRuntime()


@pytest.fixture
def backoff() -> timedelta:
    return timedelta(seconds=0.25)


def container(code: str, name: str = "main", **more: Any) -> Json:
    """Return a container that runs a line of Python; keyword arguments in capitals are its environment."""
    env = [{"name": key, "value": str(more.pop(key))} for key in [*more] if key.isupper()]
    return {"name": name, "image": "python", "command": ["python", "-c", code], "env": env, **more}


async def start(plane: ControlPlane, *containers: Json, name: str = "a", **spec: Any) -> None:
    value = {"metadata": {"name": name}, "spec": {"containers": list(containers), **spec}}
    await plane.rest.post(plane.path("pods"), value)


async def delete(plane: ControlPlane, name: str = "a") -> None:
    await plane.rest.delete(plane.path("pods", name), {})
    await plane.gone("pods", name)


def status(pod: Json) -> Json:
    """Return the status of a pod's first container, with every name that may be missing."""
    found = (pod.get("status") or {}).get("containerStatuses") or [{}]
    return {"state": {}, "lastState": {}, "restartCount": 0, **found[0]}


def running(pod: Json) -> bool:
    return "running" in status(pod)["state"]


def ready(pod: Json) -> bool:
    return (find((pod.get("status") or {}).get("conditions") or [], "Ready") or {}).get("status") == "True"


def waiting(pod: Json) -> str:
    return str(status(pod)["state"].get("waiting", {}).get("reason", ""))


async def log(plane: ControlPlane, name: str = "a", **query: str) -> str:
    """Return a pod's log as the API serves it, refusals included."""
    headers, url = {"Authorization": f"Bearer {TOKEN}"}, plane.url + plane.path("pods", f"{name}/log")
    async with aiohttp.ClientSession(headers=headers) as http, http.get(url, params=query, ssl=False) as answer:
        return await answer.text()


async def logged(plane: ControlPlane, words: str, name: str = "a") -> str:
    """Return a pod's log once it holds these words."""

    async def look() -> str:
        text = await log(plane, name)
        return text if words in text else ""

    return await until(look, f"{words!r} in the log of {name}")


async def event(plane: ControlPlane, reason: str, words: str = "") -> Json:
    """Return an event about a pod, once there is one."""

    async def look() -> list[Json]:
        return [e for e in await plane.items("events") if e["reason"] == reason and words in e["message"]]

    return (await until(look, f"an event {reason} {words}"))[0]


async def process(plane: ControlPlane, name: str = "a") -> psutil.Process:
    """Return the process of a pod that prints its process id first."""
    return psutil.Process(int((await logged(plane, "\n", name)).split()[0]))


async def ended(it: psutil.Process) -> None:
    await until(lambda: not alive(it), f"the end of {it}")
