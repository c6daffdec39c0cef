"""What the documentation tells people to type works as typed, or stands below with the reason why it is not run here.

A command is a line of a shell block, or code within a sentence that starts with a program's name.  It runs in a copy of
the checkout, with another home, and with what README.md asks for: Debian's programs and, after `make install`,
`callboard`.
"""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from aiohttp.test_utils import TestServer

from callboard_demo.page import Page
from tests.demo.test_page_api import card
from tests.fixtures.canned_world import canned
from tests.paths import ROOT

DEMO: Final = (
    "runs until it is stopped; tests/demo/test_process.py and tests/project/test_packaging.py start and stop it"
)
PAGE: Final = "needs the demo's page; test_the_lines_for_scripts_work_on_the_page"
SERVER: Final = "needs a model registry; tests/model_server/test_process.py starts it with one"
REGISTRY: Final = "needs a registry of images; tests/images/test_deploy.py runs it with one"
TLS: Final = "needs a certificate, and is MLflow's own; tests/clients/mlflow/test_tls.py shows who must have signed it"
CLUSTER: Final = "needs a cluster; tests/manifests/test_cluster.py applies the manifests to a real API server"
KUBECONFIG: Final = "needs kubectl, and writes a kubeconfig; tests/fixtures/clusters.py writes the same form"
BY_CI: Final = "takes minutes; .ci/run runs it"
LONG: Final = "runs for an hour or two; tests/chaos runs a part of it by itself"
MEASURES: Final = "measures for many minutes, and passes or fails nothing"
DOWNLOADS: Final = "downloads, or installs on this machine"
PUBLISHES: Final = "publishes a release"
NAMES: Final = "names a program in a sentence, and is not meant to be typed"

API: Final = (
    """api() { curl -sS -X POST "http://127.0.0.1:8400/api/$1" -d "$2" -H 'Content-Type: application/json' """
    """-H "X-Callboard-Token: $(cat .callboard/token)"; }"""
)
NOT_RUN: Final = {
    ".ci/fetch-control-plane DIRECTORY": DOWNLOADS,
    ".ci/run": "runs all of these tests",
    ".ci/scan-image IMAGE": REGISTRY,
    ".venv/bin/pip install pre-commit && .venv/bin/pre-commit install": DOWNLOADS,
    ".venv/bin/python -m callboard_model_server": SERVER,
    ".venv/bin/python -m pytest tests/pure": "is a part of `make test`",
    "MODEL_NAME=iris-classifier MODEL_VERSION=3 MLFLOW_TRACKING_URI=http://mlflow:5000 "
    ".venv/bin/python -m callboard_model_server": SERVER,
    API: PAGE,
    """api bot '{"do": "kill"}'""": PAGE,
    """api bot '{"do": "start"}'""": PAGE,
    """api click '{"as": "carol", "ts": "1753000000.000100", "action_id": "approve"}'""": PAGE,
    """api fault '{"system": "github", "kind": "lost_answer", "seconds": 20}'""": PAGE,
    """api react '{"as": "bob", "ts": "1753000000.000100", "emoji": "white_check_mark", "remove": true}'""": PAGE,
    """api react '{"as": "bob", "ts": "1753000000.000100", "emoji": "white_check_mark"}'""": PAGE,
    """api say '{"as": "alice", "channel": "#ml-releases", "text": "/promote iris-classifier production"}'""": PAGE,
    """api train '{"model": "iris-classifier", "quality": "better"}'""": PAGE,
    "apt-get install chromium": DOWNLOADS,
    "apt-get install postgresql": DOWNLOADS,
    "buildah login": REGISTRY,
    "callboard demo": DEMO,
    "callboard health": NAMES,
    "callboard pin-image": NAMES,
    "callboard pin-image ghcr.io/acme/server:1.2 --model churn --stage production --write": REGISTRY,
    "curl -sS http://127.0.0.1:8400/api/state": PAGE,
    "curl -sSN http://127.0.0.1:8400/api/events": PAGE,
    "docker login": REGISTRY,
    "docker login registry.acme.io": REGISTRY,
    "export KUBEBUILDER_ASSETS=DIRECTORY": "sets a variable for the tests that are marked `real`",
    "git clone http://127.0.0.1:8402/acme/models-gitops.git": "tests/contract/forge/test_access.py clones and pushes",
    "git tag --sign v0.2.0 && git push origin v0.2.0": PUBLISHES,
    "kubectl apply -k": NAMES,
    "kubectl apply -k manifests/callboard": CLUSTER,
    'kubectl --kubeconfig=prod config set-credentials callboard --token="$TOKEN"': KUBECONFIG,
    "kubectl --kubeconfig=prod config set-cluster prod --server=https://prod.example.com:6443 "
    "--certificate-authority=ca.crt --embed-certs": KUBECONFIG,
    "kubectl --kubeconfig=prod config set-context prod --cluster=prod --user=callboard": KUBECONFIG,
    "kubectl --kubeconfig=prod config use-context prod": KUBECONFIG,
    "kubectl -n callboard create configmap mlflow-ca --from-file=ca.crt": CLUSTER,
    "kubectl -n callboard create configmap postgresql-ca --from-file=ca.crt": CLUSTER,
    "kubectl -n callboard create secret generic callboard-clusters --from-file=prod": CLUSTER,
    "kubectl -n models create configmap mlflow-ca --from-file=ca.crt": CLUSTER,
    "kubectl create namespace callboard": CLUSTER,
    "kubectl delete pod/NAME -n NAMESPACE": "for a broken pod; tests/contract/kubernetes/test_stateful_sets.py has it",
    "kubectl create role callboard-ask -n models --verb=get --resource=pods/proxy": CLUSTER,
    "kubectl create rolebinding callboard-ask -n models --role=callboard-ask "
    "--serviceaccount=callboard:callboard": CLUSTER,
    "kubectl get deployments,replicasets,pods,events -o json": CLUSTER,
    "kubectl label namespace models callboard pod-security.kubernetes.io/enforce=restricted": CLUSTER,
    "make .venv/ready": BY_CI,
    "make bench": MEASURES,
    "make bench B=reliability": MEASURES,
    "make bench B=serving": MEASURES,
    "make chaos": LONG,
    "make demo": DEMO,
    'make demo ARGS="--port 9400"': DEMO,
    "make demo ARGS=--fresh": DEMO,
    "make demo ARGS=--tour": BY_CI,
    "make deploy": REGISTRY,
    "make deploy MODEL=iris-classifier STAGE=staging PREFIX=registry.acme.io/ml ROOT=../models-gitops": REGISTRY,
    "make image": BY_CI,
    "make install": BY_CI,
    "make lint": BY_CI,
    "make test": BY_CI,
    "make test-images": BY_CI,
    "make test-slow": BY_CI,
    "mlflow models serve": NAMES,
    'mlflow server --uvicorn-opts "--ssl-certfile tls.crt --ssl-keyfile tls.key"': TLS,
    "pipx install .": DOWNLOADS,
    "podman login": REGISTRY,
    "requirements/compile": DOWNLOADS,
}
"""Commands that are not run here, and why."""

RUN: Final = {"callboard", "find", "make", "make help"}
"""What is run unless it is listed above: these programs, and of make this target alone.  All else must be listed."""
NAMED: Final = {
    *("apt", "apt-get", "buildah", "callboard", "curl", "docker", "export", "find", "gh", "git", "helm", "kubectl"),
    *("make", "mlflow", "pip", "pipx", "podman", "python", "python3", "uv", "uvx"),
}  # fmt: skip
"""Programs that make code within a sentence a command."""
FOLDERS: Final = (".ci/", ".venv/bin/", "requirements/compile")
"""Programs of the checkout."""
SHELL: Final = {"sh", "bash", "shell", "console", ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block of code of a page, or None as language where it is the text between two."""

    page: str
    language: str | None
    lines: tuple[str, ...]


def pages() -> list[Path]:
    """Return every page that people read; the change log tells what was."""
    found = {*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")}
    return sorted(found - {ROOT / "CHANGELOG.md"})


def blocks(page: Path) -> Iterator[Block]:
    """Give the blocks of code of a page, and the texts between them."""
    name, language, lines = page.relative_to(ROOT).as_posix(), None, list[str]()
    for line in [*page.read_text().splitlines(), None]:
        fence = re.fullmatch(r" *```(\S*)", line) if line is not None else None
        if line is None or fence:
            yield Block(page=name, language=language, lines=tuple(lines))
            language, lines = (fence[1] if fence and language is None else None), []
        else:
            lines.append(line)


def commands(block: Block) -> Iterator[str]:
    """Give the commands of a block or a text."""
    if block.language in SHELL:
        prompts = [line[2:] for line in block.lines if line.startswith("$ ")]
        text = "\n".join(prompts or block.lines).replace("\\\n", "")
        lines = (re.sub(r"(^|\s\s+)# .*$", "", line) for line in text.splitlines())
        yield from (" ".join(line.split()) for line in lines if line.strip())
    elif block.language is None:
        code = (" ".join(text.split()) for text in re.findall(r"(?<!`)`([^`]+)`(?!`)", "\n".join(block.lines)))
        yield from filter(is_command, code)


def is_command(code: str) -> bool:
    """Say whether code within a sentence is something to type; a program's name alone is none."""
    program, *rest = words(code) or [""]
    return program.startswith(FOLDERS) or program == "make" or (program in NAMED and bool(rest))


def words(command: str) -> list[str]:
    """Return a command's words without the variables that it starts with."""
    return re.sub(r"^([A-Z_]+=\S* +)+", "", command).split()


EVERY: Final = {command: block.page for page in pages() for block in blocks(page) for command in commands(block)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home with `callboard`, a copy of the checkout (without .venv), and one of the manifests beside it."""
    home = tmp_path_factory.mktemp("home")
    unwanted = shutil.ignore_patterns(".git", ".venv", ".*_cache", "__pycache__", ".callboard", "data")
    shutil.copytree(ROOT, home / "callboard", symlinks=True, ignore=unwanted)
    (home / "models-gitops").symlink_to("callboard")
    binaries = home / ".local/bin"
    binaries.mkdir(parents=True)
    (binaries / "python3").symlink_to(sys._base_executable)  # type: ignore[attr-defined]  # where there is no other
    (binaries / "callboard").write_text(
        f'#!/bin/sh\nPYTHONPATH="{home}/callboard" exec "{sys.executable}" -m bot "$@"\n'
    )
    (binaries / "callboard").chmod(0o755)
    return home


def typed(command: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Type a command in the copy of the checkout."""
    environ = {"HOME": str(home), "PATH": f"{home}/.local/bin:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
    environ |= {"ENGINE": "docker"}  # else make asks each of three which works
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=home / "callboard",
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("command", sorted(EVERY.keys() - NOT_RUN))
def test_a_command_works_as_typed(command: str, home: Path) -> None:
    known = {command if words(command)[0] == "make" else words(command)[0]} & RUN
    assert known, f"{EVERY[command]}: {command!r} is not run here: say why in NOT_RUN"
    done = typed(command, home)
    assert done.returncode == 0, f"{EVERY[command]}: {command!r}: {done.stdout}{done.stderr}"


def test_what_is_not_run_is_still_documented() -> None:
    assert NOT_RUN.keys() - EVERY.keys() == set()


@pytest.mark.parametrize("reason", sorted(set(NOT_RUN.values())))
def test_a_reason_names_files_and_tests_that_exist(reason: str) -> None:
    for name in re.findall(r"\S+/\S+[a-z]", reason):
        assert (ROOT / name).exists()
    for name in re.findall(r"\btest_\w+\b(?!\.py)", reason):
        assert name in globals()


def test_what_ci_runs_is_in_its_script() -> None:
    script = (ROOT / ".ci/run").read_text()
    targets = {words(command)[1] for command, reason in NOT_RUN.items() if reason == BY_CI} - {".venv/ready"}
    assert [target for target in targets if not re.search(rf"^make {target}\b", script, re.MULTILINE)] == []


@pytest.mark.parametrize("command", sorted(command for command in EVERY if words(command)[0] == "make"))
def test_make_knows_each_target(command: str, home: Path) -> None:
    done = typed(command.replace("make", "make -n", 1), home)
    assert done.returncode == 0, f"{EVERY[command]}: {done.stderr}"


def test_no_command_needs_a_python_that_debian_does_not_have() -> None:
    assert [command for command in EVERY if words(command)[0] in {"python", "pip"}] == []


def test_every_block_says_its_language() -> None:
    assert [(each.page, each.lines) for page in pages() for each in blocks(page) if each.language == ""] == []


def test_make_alone_lists_every_target(home: Path) -> None:
    (targets,) = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = typed("make", home).stdout
    assert [line.split()[:2] for line in listed.splitlines()] == [["make", target] for target in targets.split()]
    assert all(len(line.split()) > 2 for line in listed.splitlines())


async def test_the_lines_for_scripts_work_on_the_page(tmp_path: Path) -> None:
    world = canned(tmp_path)
    world.registry.may_finish.set()
    shown = card(world)
    page = Page(world, token="secret")
    (tmp_path / ".callboard").mkdir()
    (tmp_path / ".callboard/token").write_text("secret")
    async with TestServer(page.app) as server:
        await page.start()
        for command in (each for each, why in NOT_RUN.items() if why == PAGE and each != API):
            line = command.replace("8400", str(server.port)).replace("1753000000.000100", shown.ts)
            said = await told(f"{API.replace('8400', str(server.port))}\n{line}", tmp_path)
            answer = json.loads(said.removeprefix("data: ").splitlines()[0])
            # Nobody answers a slash command here: there is no bot.
            assert answer.get("error", "dispatch_failed") == "dispatch_failed", f"{command}: {said}"
            assert answer.keys() & {"ok", "people"}
    await world.chat.close()


async def told(typed: str, folder: Path) -> str:
    """Type something in a folder, and return what it has said at its end, or after two seconds: a stream has none."""
    command = ("timeout", "2", "bash", "-c", typed)
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0].decode()
