"""The kubelet runs pods as real processes: probes, restarts, logs, ends; on the fake API server and on a real one."""

import os
from collections.abc import Sequence
from typing import Any

import psutil
import pytest

from callboard_demo.cluster import ProcessRuntime
from tests.contract.kubernetes.plane import Plane
from tests.contract.kubernetes.raw import Json

pytestmark = pytest.mark.slow

SLEEP = "import time; print('up', flush=True); time.sleep(600)"


@pytest.fixture
def runtime() -> ProcessRuntime:
    """Real processes; the cluster's DNS knows one name."""
    return ProcessRuntime(hosts={"mlflow.mlops.svc:5000": "127.0.0.1:12345"})


def container(code: str = SLEEP, **more: Any) -> Json:
    return {"name": "server", "image": "python:3", "command": ["python", "-c", code], **more}


def pod(*containers: Json, **spec: Any) -> Json:
    wanted = {"terminationGracePeriodSeconds": 1, "containers": list(containers), **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "labels": {"tier": "test"}}, "spec": wanted}


async def started(plane: Plane, *containers: Json, **spec: Any) -> str:
    """Make a pod; return its path."""
    await plane.raw.post(plane.core("pods"), pod(*containers, **spec))
    return f"{plane.core('pods')}/p"


def status(value: Json, name: str = "server", kind: str = "containerStatuses") -> Json:
    entries = (value.get("status") or {}).get(kind) or ()
    return next(
        (c for c in entries if c["name"] == name), {"state": {}, "lastState": {}, "restartCount": 0, "ready": False}
    )


def waits_for(value: Json) -> str | None:
    return (status(value)["state"].get("waiting") or {}).get("reason")


def conditions(value: Json) -> dict[str, str]:
    return {c["type"]: c["status"] for c in (value.get("status") or {}).get("conditions") or ()}


def is_ready(value: Json) -> bool:
    return conditions(value).get("Ready") == "True"


def is_running(value: Json) -> bool:
    return "running" in status(value)["state"]


async def reasons(plane: Plane) -> set[tuple[str, str]]:
    events = (await plane.raw.get(plane.core("events"), fieldSelector="involvedObject.name=p"))["items"]
    return {(e["reason"], e["message"]) for e in events}


async def until_told(plane: Plane, reason: str, words: str) -> None:
    def told(found: Json) -> bool:
        return any(e["reason"] == reason and words in e["message"] for e in found["items"])

    await plane.until(plane.core("events"), told)


def processes(marker: str) -> list[psutil.Process]:
    """Return the live processes whose command holds a text."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        if any(marker in word for word in process.info["cmdline"] or ()) and process.info["status"] != "zombie":
            found.append(process)
    return found


# ── up ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_pod_without_probes_is_ready_as_soon_as_it_runs(plane: Plane) -> None:
    found = await plane.until(await started(plane, container()), is_ready)
    assert found["status"]["phase"] == "Running"
    assert found["spec"]["nodeName"] == "node-1"
    assert found["status"]["podIP"].startswith("127.77.")
    assert conditions(found) == {
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
        "PodScheduled": "True",
    }
    assert status(found)["restartCount"] == 0


async def test_a_failing_readiness_probe_keeps_the_pod_from_being_ready(plane: Plane) -> None:
    code = (
        "import http.server, os, pathlib\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        self.send_response(503); self.end_headers()\n"
        "http.server.HTTPServer((os.environ['MODEL_HOST'], 8080), H).serve_forever()"
    )
    probe = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1}
    path = await started(plane, container(code, readinessProbe=probe))
    await until_told(plane, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    found = await plane.raw.get(path)
    assert (is_running(found), is_ready(found), found["status"]["phase"]) == (True, False, "Running")
    ready = next(c for c in found["status"]["conditions"] if c["type"] == "Ready")
    assert (ready["reason"], ready["message"]) == ("ContainersNotReady", "containers with unready status: [server]")


async def test_init_containers_do_their_work_first_and_in_order(plane: Plane, tmp_path: Any) -> None:
    log = tmp_path / "order"
    line = "open({!r}, 'a').write({!r})"
    inits = [{**container(line.format(str(log), name)), "name": name} for name in ("first", "second")]
    path = await started(plane, container(line.format(str(log), "main") + "; " + SLEEP), initContainers=inits)
    found = await plane.until(path, lambda pod: is_ready(pod) and "main" in log.read_text())
    assert log.read_text() == "firstsecondmain"
    ended = [c["state"]["terminated"] for c in found["status"]["initContainerStatuses"]]
    assert [(e["exitCode"], e["reason"]) for e in ended] == [(0, "Completed"), (0, "Completed")]


async def test_the_environment_is_what_the_manifest_says(plane: Plane) -> None:
    await plane.raw.post(plane.core("configmaps"), {"metadata": {"name": "settings"}, "data": {"A": "1", "B": "2"}})
    await plane.raw.post(plane.core("secrets"), {"metadata": {"name": "keys"}, "data": {"token": "aHVzaA=="}})
    env: list[Json] = [
        {"name": "PLAIN", "value": "x"},
        {"name": "FROM_EARLIER", "value": "$(PLAIN)-$(UNKNOWN)-$$(PLAIN)"},
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "TIER", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['tier']"}}},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "token"}}},
        {"name": "ABSENT", "valueFrom": {"configMapKeyRef": {"name": "nobody", "key": "x", "optional": True}}},
        {"name": "MLFLOW_TRACKING_URI", "value": "http://mlflow.mlops.svc:5000/"},
    ]
    names = [v["name"] for v in env] + ["C_A", "MODEL_HOST", "HOSTNAME"]
    code = f"import os, json; print(json.dumps({{n: os.environ.get(n) for n in {names!r}}}), flush=True); " + SLEEP
    source = [{"prefix": "C_", "configMapRef": {"name": "settings"}}]
    found = await plane.until(await started(plane, container(code, env=env, envFrom=source)), is_ready)
    address = found["status"]["podIP"]
    said = await until_log(plane, "up")
    assert said[0] == (
        f'{{"PLAIN": "x", "FROM_EARLIER": "x-$(UNKNOWN)-$(PLAIN)", "NAME": "p", "IP": "{address}", "TIER": "test", '
        f'"TOKEN": "hush", "ABSENT": null, "MLFLOW_TRACKING_URI": "http://127.0.0.1:12345/", "C_A": "1", '
        f'"MODEL_HOST": "{address}", "HOSTNAME": "p"}}'
    )


async def until_log(plane: Plane, words: str) -> Sequence[str]:
    """Return the lines of the server's log as soon as they hold some words."""
    await plane.until(plane.core("pods"), lambda found: words in (plane.log("p") or ""))
    return (plane.log("p") or "").splitlines()


# ── down and up again ────────────────────────────────────────────────────────────────────────────────


async def test_a_container_that_dies_again_and_again_backs_off(plane: Plane) -> None:
    path = await started(plane, container("import sys; print('no luck: 42', flush=True); sys.exit(3)"))
    found = await plane.until(path, lambda p: waits_for(p) == "CrashLoopBackOff" and status(p)["restartCount"] >= 2)
    assert found["status"]["phase"] == "Running"
    last = status(found)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"]) == (3, "Error")
    message = status(found)["state"]["waiting"]["message"]
    assert message.startswith("back-off ")
    assert f"restarting failed container=server pod=p_{plane.namespace}(" in message
    await until_told(plane, "BackOff", "Back-off restarting failed container")
    assert plane.log("p", previous=True) == "no luck: 42\n"


async def test_a_failed_containers_last_words_can_be_its_termination_message(plane: Plane) -> None:
    code = "import sys; print('reading'); sys.exit('the model is broken')"
    more = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    found = await plane.until(await started(plane, container(code, **more)), lambda p: bool(status(p)["lastState"]))
    assert "the model is broken" in status(found)["lastState"]["terminated"]["message"]


async def test_a_failing_liveness_probe_ends_the_container_and_it_starts_anew(plane: Plane) -> None:
    probe = {
        "exec": {"command": ["python", "-c", "import sys; sys.exit('sick')"]},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    path = await started(plane, container(livenessProbe=probe))
    await plane.until(path, lambda p: status(p)["restartCount"] >= 1)
    told = await reasons(plane)
    assert ("Unhealthy", "Liveness probe failed: sick") in told
    assert ("Killing", "Container server failed liveness probe, will be restarted") in told


# ── never up ─────────────────────────────────────────────────────────────────────────────────────────


async def test_an_image_that_is_not_there_is_pulled_again_and_again(plane: Plane) -> None:
    path = await started(plane, {"name": "server", "image": "acme/model-server:does-not-exist"})
    seen: set[str | None] = set()

    def both(value: Json) -> bool:
        seen.add(waits_for(value))
        return {"ErrImagePull", "ImagePullBackOff"} <= seen

    await plane.until(path, both)
    assert (await plane.raw.get(path))["status"]["phase"] == "Pending"
    await until_told(plane, "BackOff", 'Back-off pulling image "acme/model-server:does-not-exist"')
    await until_told(plane, "Failed", "Error: ErrImagePull")


async def test_a_pod_that_asks_for_more_than_the_node_has_is_unschedulable(plane: Plane) -> None:
    path = await started(plane, container(resources={"requests": {"cpu": "64"}}))
    found = await plane.until(path, lambda p: conditions(p).get("PodScheduled") == "False")
    [why] = [c for c in found["status"]["conditions"] if c["type"] == "PodScheduled"]
    assert (why["reason"], why["message"]) == ("Unschedulable", "0/1 nodes are available: 1 Insufficient cpu.")
    await until_told(plane, "FailedScheduling", "1 Insufficient cpu")


# ── the end ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_deleted_pod_is_asked_to_end_and_then_is_gone(plane: Plane, tmp_path: Any) -> None:
    last_words = tmp_path / "last-words"
    code = (
        "import pathlib, signal, sys, time\n"
        f"def end(*_):\n    pathlib.Path({str(last_words)!r}).write_text('goodbye'); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\nprint('up', flush=True)\ntime.sleep(600)"
    )
    path = await started(plane, container(code), terminationGracePeriodSeconds=20)
    await until_log(plane, "up")
    leaving = await plane.raw.delete(path)
    assert leaving["metadata"]["deletionGracePeriodSeconds"] == 20
    await plane.until(plane.core("pods"), lambda found: not found["items"], seconds=10)
    assert last_words.read_text() == "goodbye"
    await until_told(plane, "Killing", "Stopping container server")


async def test_a_pod_that_does_not_listen_is_killed_when_its_grace_is_over(plane: Plane) -> None:
    marker = f"deaf-{plane.namespace}-{os.getpid()}"
    code = f"'{marker}'; import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
    path = await started(plane, container(code))
    await until_log(plane, "up")
    await plane.raw.delete(path)
    await plane.until(plane.core("pods"), lambda found: not found["items"], seconds=10)
    assert processes(marker) == []
