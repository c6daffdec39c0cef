"""The images that `make image` built, run as a cluster runs them: not as root, with nothing to write to but /tmp."""

import asyncio
import json
import os
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from tests import skips
from tests.app.test_bot_process import world
from tests.fixtures.registry import MLflowServer
from tests.paths import ROOT
from tests.ports import free_port

PREFIX, TAG = os.environ.get("IMAGES"), os.environ.get("TAG")
pytestmark = [pytest.mark.images, pytest.mark.timeout(300)]
# What works without systemd and without cgroups of one's own.
PODMAN = ("podman", "--runtime", shutil.which("runc") or "runc", "--cgroup-manager", "cgroupfs")
RUN = (
    "--network",
    "host",
    "--read-only",
    "--tmpfs",
    "/tmp",
    "--ulimit",
    "nofile=1024:1024",
    "--ulimit",
    "nproc=4096:4096",
)


@pytest.fixture(autouse=True, scope="module")
def built() -> None:
    """Skip where there is nothing to run, or nothing to run it with."""
    skips.skip_without(shutil.which("podman"), skips.PODMAN)
    skips.skip_without(PREFIX and TAG, skips.IMAGES_NOT_NAMED)
    built = podman("image", "exists", image("model-server"), check=False).returncode == 0
    skips.skip_without(built, skips.IMAGES_NOT_BUILT)


def image(name: str) -> str:
    return f"{PREFIX}/{name}:{TAG}"


def podman(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PODMAN, *words], check=check, capture_output=True, text=True, timeout=120)


@dataclass(frozen=True, kw_only=True)
class Container:
    """A running container, and where it listens."""

    id: str
    port: int

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Return the status and the body of an answer; (0, b"") where nothing listens."""
        request = Request(f"http://127.0.0.1:{self.port}{path}", body, {"Content-Type": "application/json"})
        with suppress(URLError, ConnectionError), urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
        return 0, b""

    def until(self, path: str) -> bytes:
        """Wait until a path answers 200."""
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            status, body = self.ask(path)
            if status == 200:
                return body
            time.sleep(0.2)
        raise AssertionError(podman("logs", self.id).stderr)

    def healthy(self) -> bool:
        """Run its HEALTHCHECK, which podman does by itself only where there is systemd."""
        return podman("healthcheck", "run", self.id, check=False).returncode == 0

    def stop(self) -> int:
        """Ask it to stop, and return its exit code."""
        podman("stop", "--time", "10", self.id)
        return int(podman("inspect", "--format", "{{.State.ExitCode}}", self.id).stdout)


@contextmanager
def container(name: str, told: dict[str, str], port: int, *more: str) -> Iterator[Container]:
    """Start an image, and take it away in the end."""
    environ = [word for variable in told.items() for word in ("--env", "=".join(variable))]
    found = podman("run", "--detach", *RUN, *environ, *more, image(name)).stdout.strip()
    try:
        yield Container(id=found, port=port)
    finally:
        podman("rm", "--force", "--time", "1", found)


@contextmanager
def server(url: str, model: str, version: int, **more: str) -> Iterator[Container]:
    """Start the model server for one version."""
    port = free_port()
    told = {"MODEL_NAME": model, "MODEL_VERSION": str(version), "MLFLOW_TRACKING_URI": url, "PORT": str(port)}
    with container("model-server", told | {"MODEL_HOST": "127.0.0.1"} | more, port) as running:
        yield running


def test_one_image_serves_five_versions_of_two_flavors_by_its_environment_alone(
    mlflow_server: MLflowServer,
    odd_models: str,
) -> None:
    wanted = [("iris-classifier", 1), ("iris-classifier", 2), ("churn", 1), ("forest", 1), ("booster", 1)]
    with ExitStack() as stack:
        running = {what: stack.enter_context(server(odd_models, *what)) for what in wanted}
        said = {what: json.loads(one.until("/model")) for what, one in running.items()}
        assert {what: (its["name"], its["version"]) for what, its in said.items()} == {what: what for what in wanted}
        assert [said[what]["flavor"] for what in wanted] == ["sklearn"] * 4 + ["lightgbm"]
        assert len({its["digest"] for its in said.values()}) == len(wanted)
        rows = json.dumps({"dataframe_split": {"columns": ["x", "y"], "data": [[1.0, 1.0], [2.0, 0.0]]}}).encode()
        for what in (("forest", 1), ("booster", 1)):
            status, body = running[what].ask("/invocations", rows)
            assert (status, len(json.loads(body)["predictions"])) == (200, 2)


def test_it_becomes_healthy_as_nobody_in_particular_and_stops_with_0(mlflow_server: MLflowServer) -> None:
    with server(mlflow_server.url, "iris-classifier", 1) as running:
        running.until("/readyz")
        assert running.healthy()
        assert podman("exec", running.id, "id", "-u").stdout.strip() == "10001"
        assert podman("exec", running.id, "touch", "/app/x", check=False).returncode != 0
        assert running.stop() == 0


async def test_the_bot_lives_in_its_image_and_stops_with_0(tmp_path: Path) -> None:
    public, internal = free_port(), free_port()
    async with world(tmp_path) as told:
        await (await asyncio.create_subprocess_exec("chmod", "-R", "a+rwX", str(tmp_path))).wait()
        told |= {"PORT": str(public), "INTERNAL_PORT": str(internal), "INTERNAL_HOST": "127.0.0.1"}
        with container("bot", told, internal, "--volume", f"{tmp_path}:{tmp_path}") as running:
            await asyncio.to_thread(running.until, "/livez")
            assert await asyncio.to_thread(running.healthy)
            assert await asyncio.to_thread(running.stop) == 0


def test_no_layer_of_the_bot_holds_the_demo_or_the_model_server_and_none_holds_pip(tmp_path: Path) -> None:
    for name in ("bot", "model-server"):
        files = set(layers(name, tmp_path / f"{name}.tar"))
        ours = {"bot": ["bot", "handlers"], "model-server": ["callboard_model_server"]}[name]
        assert {file.split("/")[1] for file in files if file.startswith("app/") and file != "app/"} == set(ours)
        assert any(file.startswith("venv/lib/") for file in files)
        assert not [file for file in files if file.startswith("venv/") and "/site-packages/pip/" in file]


def layers(name: str, path: Path) -> Iterator[str]:
    """Yield every file of every layer, those that a later one hides included."""
    podman("save", "--format", "docker-archive", "--output", str(path), image(name))
    with tarfile.open(path) as whole:
        for member in whole.getmembers():
            content = whole.extractfile(member) if member.name.endswith(".tar") and member.isfile() else None
            if content is not None:
                with tarfile.open(fileobj=content) as layer:
                    yield from layer.getnames()
    path.unlink()


@pytest.mark.parametrize(("name", "ports"), [("model-server", ["8080/tcp"]), ("bot", ["8080/tcp", "8081/tcp"])])
def test_an_image_says_what_it_is(name: str, ports: list[str]) -> None:
    config = json.loads(podman("image", "inspect", image(name)).stdout)[0]
    assert config["User"] == "10001:10001"
    assert sorted(config["Config"]["ExposedPorts"]) == ports
    assert config["Healthcheck"]["Test"][:2] == ["CMD", "python"]
    labels = {key.rpartition(".")[2]: value for key, value in config["Labels"].items() if "opencontainers" in key}
    assert labels["version"] == TAG
    assert len(labels["revision"]) == 40
    assert labels["licenses"] == "Apache-2.0"


@skips.needs(shutil.which("buildah"), skips.BUILDAH)
def test_a_commit_that_changed_nothing_in_an_image_is_named_in_it_all_the_same() -> None:
    """The layers come from the cache, the labels must not: buildah keeps a LABEL whatever its arguments are."""
    words = ["TARGETS=model-server", "PREFIX=localhost/again", "VERSION=next", f"REVISION={'a' * 40}"]
    env = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    command = ["make", "image", "ENGINE=buildah", *words]
    said = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    assert (said.stdout + said.stderr).count("Using cache") > 10
    labels = json.loads(podman("image", "inspect", "localhost/again/model-server:next").stdout)[0]["Config"]["Labels"]
    podman("rmi", "localhost/again/model-server:next")
    assert labels["org.opencontainers.image.version"] == "next"
    assert labels["org.opencontainers.image.revision"] == "a" * 40
