"""`make deploy` and `pin-image` with a real registry: what is there and can run gets pinned."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import aiohttp
import pytest
import yaml

from bot.rules.parsing.images import INDEXES, MANIFESTS
from tests.fixtures.oci import Image, digest, index
from tests.manifests.rendered import KUBECTL
from tests.paths import ROOT
from tests.ports import free_port
from tests.skips import BUILDAH, DOCKER_REGISTRY, IMAGES_NOT_NAMED, needs, skip_without

pytestmark = [pytest.mark.images, pytest.mark.timeout(400)]
ACCOUNTS: Final = (
    "captain:$2y$05$abcdefghijklmnopqrstuu6yco7OcOzxsxTEv3qq5bFoZCbOcIvZu\n"  # captain's password: captain
)
BASE: Final = "ghcr.io/callboard/model-server"


@pytest.fixture(autouse=True, scope="module")
def registry_is_installed() -> None:
    """Skip where there is no registry to run."""
    skip_without(shutil.which("docker-registry"), DOCKER_REGISTRY)


@contextmanager
def registry(folder: Path, accounts: str | None = None) -> Iterator[str]:
    """Run Docker's registry on loopback, and yield where."""
    host, config = f"127.0.0.1:{free_port()}", folder / "registry.yaml"
    said: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}, "delete": {"enabled": True}},
        "http": {"addr": host},
    }
    if accounts is not None:
        (folder / "htpasswd").write_text(accounts)
        said["auth"] = {"htpasswd": {"realm": "the registry", "path": str(folder / "htpasswd")}}
    config.write_text(yaml.safe_dump(said))
    with (folder / "registry.log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=log, stderr=log)
    try:
        asyncio.run(up(host))
        yield host
    finally:
        process.terminate()
        process.wait(10)


async def up(host: str) -> None:
    deadline = time.monotonic() + 20
    async with aiohttp.ClientSession() as http:
        while time.monotonic() < deadline:
            try:
                async with http.get(f"http://{host}/v2/"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    raise AssertionError("the registry does not come up")


async def upload(host: str, images: list[Image], manifests: list[tuple[str, bytes, str]], user: str = "") -> None:
    """Push as an engine does: the blobs, then the manifests under their names."""
    headers = {"Authorization": aiohttp.encode_basic_auth(user, user)} if user else {}
    async with aiohttp.ClientSession(f"http://{host}/v2/ml/model-server/", headers=headers) as http:
        for blob in (blob for image in images for blob in image.blobs):
            async with http.post("blobs/uploads/") as begun:
                assert begun.status == 202
                place = begun.headers["Location"]
            async with http.put(f"{place}&digest={digest(blob)}", data=blob) as done:
                assert done.status == 201
        for name, body, kind in manifests:
            async with http.put(f"manifests/{name}", data=body, headers={"Content-Type": kind}) as done:
                assert done.status == 201, await done.text()


def pushed(host: str, image: Image, user: str = "") -> str:
    asyncio.run(upload(host, [image], [("1", image.manifest, image.kind)], user))
    return f"{host}/ml/model-server:1"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the manifests, as a team has them."""
    shutil.copytree(ROOT / "manifests", tmp_path / "gitops/manifests")
    shutil.copy(ROOT / "app.yaml", tmp_path / "gitops")
    return tmp_path / "gitops"


def pin_image(
    image: str, checkout: Path, *more: str, stage: str = "staging", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    words = ["--model", "iris-classifier", "--stage", stage, "--config", str(checkout / "app.yaml")]
    return subprocess.run(
        [sys.executable, "-m", "bot", "pin-image", image, *words, "--root", str(checkout), *more],
        cwd=ROOT, env=os.environ | {"DOCKER_CONFIG": "/nowhere"} | (env or {}), capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


def state(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in folder.rglob("*") if path.is_file()}


def told(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def image_of(folder: Path) -> str:
    """Return the image of a stage's pods, as kustomize renders it."""
    (deployment,) = (
        each for each in yaml.safe_load_all(told(KUBECTL, "kustomize", folder)) if each["kind"] == "Deployment"
    )
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


@pytest.mark.parametrize("kind", MANIFESTS)
@pytest.mark.parametrize("stage", ["staging", "production"])
def test_what_is_pinned_is_what_kustomize_renders_for_that_stage_alone(
    tmp_path: Path, checkout: Path, kind: str, stage: str
) -> None:
    image = Image(kind=kind)
    with registry(tmp_path) as host:
        name, before = pushed(host, image), state(checkout)
        shown = pin_image(name, checkout, stage=stage)
        assert (shown.returncode, state(checkout)) == (0, before), "without --write it only shows"
        assert f"+  digest: {digest(image.manifest)}" in shown.stdout
        first = pin_image(name, checkout, "--write", stage=stage)
        assert (first.returncode, first.stdout) == (0, shown.stdout)
        assert f"/promote iris-classifier {stage}" in first.stderr
        after = state(checkout)
        second = pin_image(name, checkout, "--write", stage=stage)
        assert (second.returncode, second.stdout, state(checkout)) == (0, "", after)
    assert [path for path in after if after[path] != before[path]] == [
        str(checkout / f"manifests/iris-classifier/{stage}/kustomization.yaml")
    ]
    for each in ("staging", "production", "canary"):
        wanted = f"{name}@{digest(image.manifest)}" if each == stage else f"{BASE}:0.1.0"
        assert image_of(checkout / f"manifests/iris-classifier/{each}") == wanted


@pytest.mark.parametrize("kind", INDEXES)
def test_of_an_image_for_several_platforms_the_index_is_pinned(tmp_path: Path, checkout: Path, kind: str) -> None:
    amd, arm = Image(), Image(layers=[b"arm"])
    arm.config["architecture"] = "arm64"
    whole = index({"linux/amd64": amd, "linux/arm64": arm}, kind)
    manifests = [(digest(each.manifest), each.manifest, each.kind) for each in (amd, arm)]
    with registry(tmp_path) as host:
        asyncio.run(upload(host, [amd, arm], [*manifests, ("1", whole, kind)]))
        for platform in ("linux/amd64", "linux/arm64"):
            said = pin_image(f"{host}/ml/model-server:1", checkout, "--platform", platform)
            assert f"+  digest: {digest(whole)}" in said.stdout
        said = pin_image(f"{host}/ml/model-server:1", checkout, "--platform", "linux/s390x")
        assert "not built for linux/s390x (only for: linux/amd64, linux/arm64)" in said.stderr


def test_what_cannot_run_changes_nothing(tmp_path: Path, checkout: Path) -> None:
    root, deaf, ill, lost, other = Image(), Image(), Image(kind=MANIFESTS[0]), Image(layers=[b"lost"]), Image()
    root.config["config"]["User"] = ""
    deaf.config["config"]["ExposedPorts"] = {"9090/tcp": {}}
    del ill.config["config"]["Healthcheck"]
    other.config["config"]["Labels"] = {}
    before = state(checkout)
    with registry(tmp_path) as host:
        for image, says in (
            (root, "it runs as root"),
            (deaf, "the manifest's container has port 8080, but the image exposes only 9090/tcp"),
            (ill, "it has no HEALTHCHECK; podman and buildah keep it only with --format docker"),
            (lost, f"its layer {digest(b'lost')} is missing; push the image again"),
            (other, "it was built from an unknown commit"),
        ):
            name = pushed(host, image)
            if image is lost:
                asyncio.run(lose(host, digest(b"lost")))
            said = pin_image(name, checkout, "--write", "--revision", "ab" * 20)
            assert (said.returncode, said.stdout) == (1, "")
            assert said.stderr.startswith(f"{name}@sha256:")
            assert f"\n- {says}" in said.stderr
            assert "Traceback" not in said.stderr
        said = pin_image(f"{host}/ml/model-server:2", checkout, "--write")
        assert (said.returncode, said.stdout) == (3, "")
        assert pin_image(f"{host}/ml/model-server:1", checkout, "--write", stage="nowhere").returncode == 1
    assert pin_image(f"{host}/ml/model-server:1", checkout, "--write").returncode == 1, "the registry is gone"
    assert state(checkout) == before


async def lose(host: str, blob: str) -> None:
    async with aiohttp.ClientSession() as http, http.delete(f"http://{host}/v2/ml/model-server/blobs/{blob}") as gone:
        assert gone.status == 202


def test_a_registry_that_wants_a_login_gets_the_one_that_docker_keeps(tmp_path: Path, checkout: Path) -> None:
    with registry(tmp_path, ACCOUNTS) as host:
        name = pushed(host, Image(), "captain")
        said = pin_image(name, checkout)
        assert (said.returncode, f"docker login {host}" in said.stderr) == (1, True)
        for password, code in (("captain", 0), ("pirate", 1)):
            auth = aiohttp.encode_basic_auth("captain", password).removeprefix("Basic ")
            (tmp_path / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
            said = pin_image(name, checkout, env={"DOCKER_CONFIG": str(tmp_path)})
            assert said.returncode == code, said.stderr
        assert "does not accept this machine's login" in said.stderr


@needs(shutil.which("buildah"), BUILDAH)
@needs("TAG" in os.environ, IMAGES_NOT_NAMED)
def test_make_deploy_builds_pushes_and_pins_and_the_second_time_does_nothing(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    (clone / ".venv").symlink_to(ROOT / ".venv")
    with registry(tmp_path) as host:
        words = ["MODEL=iris-classifier", "STAGE=staging", f"PREFIX={host}/ml", "ENGINE=buildah"]
        words += ["PUSH_ARGS=--tls-verify=false"]
        command = ["make", "--no-print-directory", "--old-file", ".venv/ready", "deploy", *words]

        def run() -> subprocess.CompletedProcess[str]:
            env = {
                name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
            }
            return subprocess.run(command, cwd=clone, env=env, capture_output=True, text=True, check=False)

        first = run()
        assert first.returncode == 0, first.stdout[-2000:] + first.stderr[-4000:]
        changed = told("git", "-C", clone, "status", "--porcelain", "--", "manifests", "bot", "app.yaml")
        assert changed == " M manifests/iris-classifier/staging/kustomization.yaml\n"
        pinned = image_of(clone / "manifests/iris-classifier/staging")
        assert pinned.startswith(f"{host}/ml/model-server:0.1.0-g")
        told("buildah", "pull", "--tls-verify=false", f"{host}/ml/model-server@{pinned.partition('@')[2]}")
        before = state(clone / "manifests")
        second = run()
        assert (second.returncode, second.stdout, state(clone / "manifests")) == (0, "", before)
        assert "already pins it" in second.stderr
        (clone / "callboard_model_server/settings.py").write_text("# in the middle of a change\n")
        third = run()
        assert (third.returncode, "Commit first" in third.stdout) == (2, True)
        assert state(clone / "manifests") == before
