"""How pods end: their hooks, their grace, and that nothing is left of them."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from bot.domain.json import Json
from callboard_demo.cluster import Runtime
from tests.contract.cluster.real_pods import (  # noqa: F401  (two of them are fixtures)
    SLEEP,
    backoff,
    container,
    delete,
    ended,
    event,
    logged,
    process,
    ready,
    running,
    runtime,
    start,
    status,
)
from tests.contract.control_plane import ControlPlane, the_demo
from tests.fixtures.processes import alive
from tests.fixtures.waiting import until
from tests.paths import ROOT

pytestmark = pytest.mark.slow


async def test_a_pod_that_is_deleted_may_end_its_work(fake: ControlPlane, tmp_path: Path) -> None:
    code = """
import os, pathlib, signal, sys, time
def end(*_):
    pathlib.Path(os.environ["FILE"]).write_text("bye"); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up"); time.sleep(600)
"""
    await start(fake, container(code, FILE=tmp_path / "note"))
    await logged(fake, "up")
    await delete(fake)
    assert (tmp_path / "note").read_text() == "bye"


PATIENT = """
import os, pathlib, signal, sys, time
def end(*_):
    open(os.environ["FILE"], "a").write("SIGTERM"); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up"); time.sleep(600)
"""


def before_its_end(code: str) -> Json:
    """Return a lifecycle with a hook that runs a line of Python."""
    return {"preStop": {"exec": {"command": ["python", "-c", code]}}}


async def test_a_pod_that_is_deleted_answers_on_until_its_hook_is_done(fake: ControlPlane, tmp_path: Path) -> None:
    file, go = tmp_path / "order", tmp_path / "go"
    hook = f"""
import pathlib, time
open({str(file)!r}, "a").write("hook, ")
while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.02)
"""
    await start(fake, container(PATIENT, FILE=file, lifecycle=before_its_end(hook)))
    await logged(fake, "up")
    await fake.rest.delete(fake.path("pods", "a"), {})

    async def hooked() -> bool:
        return file.exists() and file.read_text() != ""

    await until(hooked, "the hook to begin")
    pod = await fake.rest.get(fake.path("pods", "a"))
    assert (running(pod), ready(pod), "deletionTimestamp" in pod["metadata"]) == (True, True, True)
    go.touch()
    await fake.gone("pods", "a")
    assert file.read_text() == "hook, SIGTERM"


async def test_a_hook_can_be_a_pause(fake: ControlPlane, tmp_path: Path) -> None:
    await start(fake, container(PATIENT, FILE=tmp_path / "note", lifecycle={"preStop": {"sleep": {"seconds": 1}}}))
    await logged(fake, "up")
    began = asyncio.get_running_loop().time()
    await delete(fake)
    assert asyncio.get_running_loop().time() - began >= 1
    assert (tmp_path / "note").read_text() == "SIGTERM"


async def test_a_hook_that_takes_all_the_grace_still_leaves_time_for_an_end(fake: ControlPlane, tmp_path: Path) -> None:
    value = container(PATIENT, FILE=tmp_path / "note", lifecycle=before_its_end(SLEEP))
    await start(fake, value, terminationGracePeriodSeconds=1)
    await logged(fake, "up")
    await delete(fake)
    assert (tmp_path / "note").read_text() == "SIGTERM"
    assert (await event(fake, "FailedPreStopHook"))["type"] == "Warning"


async def test_a_hook_ends_with_what_it_was_to_prepare_the_end_of(fake: ControlPlane) -> None:
    code = f"import os; print(os.getpid(), flush=True); {SLEEP}"
    await start(fake, container(code, lifecycle=before_its_end(SLEEP)), terminationGracePeriodSeconds=600)
    it = await process(fake)
    await fake.rest.delete(fake.path("pods", "a"), {})
    await event(fake, "Killing")
    it.kill()
    await fake.gone("pods", "a")


async def test_a_process_that_will_not_end_is_killed_with_all_that_it_started(fake: ControlPlane) -> None:
    code = f"""
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
print(os.getpid(), child.pid); time.sleep(600)
"""
    await start(fake, container(code), terminationGracePeriodSeconds=1)
    family = [psutil.Process(int(pid)) for pid in (await logged(fake, "\n")).split()]
    assert [alive(it) for it in family] == [True, True]
    await delete(fake)
    for it in family:
        await ended(it)


async def test_a_closed_cluster_leaves_no_process_and_starts_its_pods_again_when_opened(
    tmp_path: Path,
    certificate: Path,
    runtime: Runtime,  # noqa: F811  (a fixture that is imported)
    backoff: timedelta,  # noqa: F811  (a fixture that is imported)
) -> None:
    value = container(f"import os; print(os.getpid(), flush=True); {SLEEP}")
    async with the_demo(tmp_path, certificate, runtime, backoff) as plane:
        await start(plane, value)
        first = await process(plane)
        assert alive(first)
    await ended(first)
    async with the_demo(tmp_path, certificate, runtime, backoff) as plane:
        again = status(await plane.pod("a", lambda pod: running(pod) and status(pod)["restartCount"] == 1))
        assert again["lastState"]["terminated"]["exitCode"] in {143, 255}  # it was told of the end, or has missed it
        second = await process(plane)
        assert second.pid != first.pid
    await ended(second)


async def test_pods_do_not_outlive_a_kubelet_that_is_killed_outright() -> None:
    code = f"""
import asyncio
from callboard_demo.cluster.runtime import Order, ProcessRuntime
async def main():
    order = Order(namespace="n", pod="p", container="c", image="python", command=("python", "-c", {SLEEP!r}),
                  address="127.77.0.9", write=print)
    print((await ProcessRuntime().start(order)).pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = psutil.Process(int(await asyncio.wait_for(parent.stdout.readline(), 30)))
    assert alive(child)
    parent.kill()
    await parent.wait()
    await ended(child)
