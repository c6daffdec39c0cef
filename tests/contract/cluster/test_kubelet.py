"""The kubelet with real processes: what it starts, probes, starts again, ends, and says of it all.

The demo's cluster alone: the same kubelet is held to a real API server by the recorded rollouts.
"""

import asyncio
import json
import signal
from pathlib import Path

import pytest

from bot.domain.json import Json
from tests.contract.cluster.real_pods import (  # noqa: F401  (two of them are fixtures)
    SLEEP,
    backoff,
    container,
    event,
    log,
    logged,
    process,
    ready,
    running,
    runtime,
    start,
    status,
    waiting,
)
from tests.contract.control_plane import ControlPlane

pytestmark = pytest.mark.slow

SERVER = """
import os, pathlib, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if pathlib.Path(os.environ["FILE"]).exists() else 503)
        self.end_headers()
    def log_message(self, *args): pass
http.server.HTTPServer((os.environ["MODEL_HOST"], 8080), Handler).serve_forever()
"""


# ── runs and restarts ────────────────────────────────────────────────────────────────────────────────


async def test_a_container_that_crashes_is_started_again_after_ever_longer_waits(fake: ControlPlane) -> None:
    seen: list[str] = []

    async def follow() -> None:
        async for change in fake.rest.watch(fake.path("pods"), "0"):
            seen.append(status(change["object"])["state"].get("waiting", {}).get("message", ""))

    following = asyncio.create_task(follow())
    await start(fake, container("import sys; print('boom'); sys.exit(3)"))
    value = status(await fake.pod("a", lambda pod: status(pod)["restartCount"] >= 3 and waiting(pod)))
    following.cancel()
    await asyncio.wait([following])
    seen.append(value["state"]["waiting"]["message"])  # it may not have come over the watch yet
    waits = [text.split()[1] for text in dict.fromkeys(filter(None, seen)) if text.startswith("back-off")]
    assert waits == ["0.25s", "0.5s", "1s"]
    assert value["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert "restarting failed container=main pod=a_models(" in value["state"]["waiting"]["message"]
    assert (value["ready"], value["lastState"]["terminated"]["exitCode"]) == (False, 3)
    assert value["lastState"]["terminated"]["reason"] == "Error"
    assert (await event(fake, "BackOff"))["message"].startswith("Back-off restarting failed container")


async def test_the_log_of_the_run_before_is_kept_beside_that_of_this_one(fake: ControlPlane, tmp_path: Path) -> None:
    code = """
from tests.paths import ROOT
import os, pathlib, sys, time
file = pathlib.Path(os.environ["FILE"])
if file.exists():
    print("second life"); time.sleep(600)
file.touch(); print("first life"); sys.exit("died of it")
"""
    await start(fake, container(code, FILE=tmp_path / "born"))
    assert await logged(fake, "second") == "second life\n"
    assert await log(fake, previous="true") == "first life\ndied of it\n"
    assert await log(fake, previous="true", tailLines="1") == "died of it\n"
    value = status(await fake.pod("a", running))
    assert value["restartCount"] == 1
    assert value["lastState"]["terminated"]["exitCode"] == 1


async def test_a_container_on_its_first_run_has_no_log_of_a_run_before(fake: ControlPlane) -> None:
    await start(fake, container(SLEEP))
    await fake.pod("a", running)
    said = json.loads(await log(fake, previous="true"))
    assert said["code"] == 400
    assert said["message"] == 'previous terminated container "main" in pod "a" not found'


async def test_a_process_killed_from_outside_counts_as_an_error_by_its_signal(fake: ControlPlane) -> None:
    await start(fake, container(f"import os; print(os.getpid(), flush=True); {SLEEP}"))
    (await process(fake)).kill()
    value = status(await fake.pod("a", lambda pod: status(pod)["lastState"]))["lastState"]
    assert (value["terminated"]["exitCode"], value["terminated"]["reason"]) == (137, "Error")


async def test_a_pod_that_is_not_to_be_restarted_ends_with_its_containers(fake: ControlPlane) -> None:
    await start(fake, container("print('done')"), restartPolicy="Never", name="good")
    await start(fake, container("raise SystemExit(2)"), restartPolicy="Never", name="bad")
    await fake.pod("good", lambda pod: pod["status"]["phase"] == "Succeeded")
    value = status(await fake.pod("bad", lambda pod: pod["status"]["phase"] == "Failed"))
    assert (value["state"]["terminated"]["exitCode"], value["restartCount"]) == (2, 0)
    assert await log(fake, "good") == "done\n"


async def test_a_program_that_is_not_there_cannot_be_started(fake: ControlPlane) -> None:
    await start(fake, {"name": "main", "image": "python", "command": ["/no/such/program"]}, restartPolicy="Never")
    pod = await fake.pod("a", lambda pod: "terminated" in status(pod)["state"])
    value = status(pod)["state"]["terminated"]
    assert (value["exitCode"], value["reason"]) == (128, "StartError")
    assert "/no/such/program" in (await event(fake, "Failed"))["message"]


# ── before the first run ─────────────────────────────────────────────────────────────────────────────


async def test_an_image_that_no_registry_has_is_asked_for_again_and_again(fake: ControlPlane) -> None:
    await start(fake, {"name": "main", "image": "registry.example/nothing:1"})
    seen = set()

    def both(pod: Json) -> bool:
        seen.add(waiting(pod))
        return {"ErrImagePull", "ImagePullBackOff"} <= seen

    await fake.pod("a", both)
    pod = await fake.rest.get(fake.path("pods", "a"))
    assert (pod["status"]["phase"], status(pod)["restartCount"]) == ("Pending", 0)
    assert (await event(fake, "Failed", "Failed to pull image"))["type"] == "Warning"


async def test_an_image_whose_name_is_none_is_said_to_be_invalid(fake: ControlPlane) -> None:
    await start(fake, {"name": "main", "image": "Registry.example/UPPER:1:2"})
    await fake.pod("a", lambda pod: waiting(pod) == "InvalidImageName")


async def test_a_container_waits_for_its_configuration(fake: ControlPlane) -> None:
    source = {"configMapKeyRef": {"name": "settings", "key": "colour"}}
    value = container("import os; print(os.environ['COLOUR'])") | {"env": [{"name": "COLOUR", "valueFrom": source}]}
    await start(fake, value, restartPolicy="Never")
    await fake.pod("a", lambda pod: waiting(pod) == "CreateContainerConfigError")
    await fake.rest.post(fake.path("configmaps"), {"metadata": {"name": "settings"}, "data": {"colour": "green"}})
    assert await logged(fake, "green") == "green\n"


async def test_the_environment_holds_what_the_manifest_says_and_the_pod_s_own_facts(fake: ControlPlane) -> None:
    names = ["PLAIN", "MADE", "LITERAL", "POD", "ADDRESS", "SECRET", "ALL_a"]
    code = f"import os, sys; print([os.environ[name] for name in {names}], sys.argv[1])"
    env = [
        {"name": "PLAIN", "value": "one"},
        {"name": "MADE", "value": "$(PLAIN)-two"},
        {"name": "LITERAL", "value": "$$(PLAIN) $(MISSING)"},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "k"}}},
    ]
    more = {"env": env, "envFrom": [{"prefix": "ALL_", "configMapRef": {"name": "many"}}], "args": ["$(MADE)"]}
    await fake.rest.post(fake.path("configmaps"), {"metadata": {"name": "many"}, "data": {"a": "b"}})
    await fake.rest.post(fake.path("secrets"), {"metadata": {"name": "keys"}, "stringData": {"k": "hidden"}})
    await start(fake, container(code) | more, restartPolicy="Never")
    said = await logged(fake, "\n")
    address = (await fake.rest.get(fake.path("pods", "a")))["status"]["podIP"]
    assert said == f"{['one', 'one-two', '$(PLAIN) $(MISSING)', 'a', address, 'hidden', 'b']} one-two\n"
    assert address.startswith("127.77.")


async def test_init_containers_run_first_and_one_after_the_other(fake: ControlPlane, tmp_path: Path) -> None:
    code = "import os; open(os.environ['FILE'], 'a').write(os.environ['WORD'] + '\\n')"
    file = tmp_path / "order"
    inits = [container(code, f"init-{n}", FILE=file, WORD=f"init-{n}") for n in (1, 2)]
    await start(fake, container(code, FILE=file, WORD="main"), initContainers=inits, restartPolicy="Never")
    await fake.pod("a", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert file.read_text().split() == ["init-1", "init-2", "main"]


async def test_a_pod_whose_init_container_fails_does_not_begin(fake: ControlPlane) -> None:
    init = container("raise SystemExit(1)", "init")
    await start(fake, container(SLEEP), initContainers=[init])
    pod = await fake.pod("a", lambda pod: _init(pod)["restartCount"] >= 1)
    assert pod["status"]["phase"] == "Pending"
    assert waiting(pod) == "PodInitializing"


def _init(pod: Json) -> Json:
    return dict(((pod.get("status") or {}).get("initContainerStatuses") or [{"restartCount": 0}])[0])


# ── probes ───────────────────────────────────────────────────────────────────────────────────────────


def http_probe(**more: int) -> Json:
    return {"httpGet": {"path": "/", "port": "web"}, "periodSeconds": 1, "failureThreshold": 1, **more}


async def test_a_pod_is_ready_while_its_readiness_probe_succeeds(fake: ControlPlane, tmp_path: Path) -> None:
    file, ports = tmp_path / "ready", [{"name": "web", "containerPort": 8080}]
    await start(fake, container(SERVER, FILE=file, ports=ports, readinessProbe=http_probe()))
    assert "HTTP probe failed with statuscode: 503" in (await event(fake, "Unhealthy", "503"))["message"]
    pod = await fake.rest.get(fake.path("pods", "a"))
    assert (running(pod), ready(pod)) == (True, False)
    file.touch()
    await fake.pod("a", ready)
    file.unlink()
    await fake.pod("a", lambda pod: not ready(pod))
    assert status(await fake.rest.get(fake.path("pods", "a")))["restartCount"] == 0


async def test_a_container_that_fails_its_liveness_probe_is_ended_and_started_again(
    fake: ControlPlane, tmp_path: Path
) -> None:
    file = tmp_path / "alive"
    file.touch()
    check = {"exec": {"command": ["python", "-c", f"import os; os.stat({str(file)!r})"]}}
    probe = {**check, "periodSeconds": 1, "failureThreshold": 1}
    await start(fake, container(SLEEP, livenessProbe=probe))
    await fake.pod("a", running)
    file.unlink()
    value = status(await fake.pod("a", lambda pod: status(pod)["restartCount"] >= 1))
    assert value["lastState"]["terminated"]["exitCode"] == 128 + signal.SIGTERM
    said = await event(fake, "Killing")
    assert said["message"] == "Container main failed liveness probe, will be restarted"


async def test_nothing_else_is_probed_until_the_startup_probe_has_succeeded(fake: ControlPlane, tmp_path: Path) -> None:
    file, ports = tmp_path / "up", [{"name": "web", "containerPort": 8080}]
    startup, tcp = http_probe(failureThreshold=30), {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    probes: Json = {"startupProbe": startup, "readinessProbe": tcp, "livenessProbe": http_probe()}
    await start(fake, container(SERVER, FILE=file, ports=ports, **probes))
    await event(fake, "Unhealthy", "Startup probe failed: HTTP probe failed")
    value = status(await fake.rest.get(fake.path("pods", "a")))
    assert (value["started"], value["ready"], value["restartCount"]) == (False, False, 0)
    file.touch()
    value = status(await fake.pod("a", ready))
    assert (value["started"], value["restartCount"]) == (True, 0)
