"""The files around the code: what CI runs, and what a release may do."""

import re
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.contract.control_plane import PROGRAMS
from tests.paths import ROOT

WORKFLOWS: Final = {path.name: path for path in sorted((ROOT / ".github/workflows").glob("*.yml"))}

NEEDED: Final = {
    "actions/checkout": {"contents": "read"},
    "actions/attest": {"id-token": "write", "attestations": "write"},
    "pypa/gh-action-pypi-publish": {"id-token": "write"},
    "docker push": {"packages": "write"},
    "gh run list": {"actions": "read"},
    "gh release create": {"contents": "write"},
}
"""What a step must be allowed to do, by the action that it uses or the command that it runs."""

Job = dict[str, Any]


def workflow(name: str) -> Job:
    """Return a workflow; `on` stays a word, which YAML 1.1 takes for a boolean."""
    loaded: Job = yaml.load(WORKFLOWS[name].read_text(), Loader=yaml.BaseLoader)
    return loaded


def jobs() -> list[tuple[str, Job]]:
    return [(f"{name}: {job}", what) for name in WORKFLOWS for job, what in workflow(name)["jobs"].items()]


def uses() -> list[tuple[str, str]]:
    """Return each `uses:` of all workflows with the comment behind it."""
    lines = "\n".join(path.read_text() for path in WORKFLOWS.values())
    return re.findall(r"uses: *(\S+)(.*)", lines)


# ── CI ───────────────────────────────────────────────────────────────────────────────────────────────


def test_ci_runs_the_projects_own_script_and_cannot_pass_without_it() -> None:
    ci = workflow("ci.yml")
    assert set(ci["on"]) == {"push", "pull_request"}
    (job,) = ci["jobs"].values()
    assert job["steps"][-1]["run"] == ".ci/run"
    for what in (job, *job["steps"]):
        assert not {"if", "continue-on-error"} & set(what)


def test_ci_gives_the_tests_the_control_plane_that_it_fetched() -> None:
    (job,) = workflow("ci.yml")["jobs"].values()
    assert any(step.get("run") == '.ci/fetch-control-plane "$KUBEBUILDER_ASSETS"' for step in job["steps"])
    assert job["env"]["KUBEBUILDER_ASSETS"]


def test_the_control_plane_that_is_fetched_is_whole_and_held_against_digests() -> None:
    script = (ROOT / ".ci/fetch-control-plane").read_text()
    unpacked = " ".join(re.findall(r"^unpack \w+ (.*)$", script, re.MULTILINE))
    assert set(PROGRAMS) <= {Path(word).name for word in unpacked.split()}
    assert len(re.findall(r"^\w+=[0-9a-f]{128}$", script, re.MULTILINE)) == script.count("https://") == 2


# ── every workflow ───────────────────────────────────────────────────────────────────────────────────


def test_every_action_is_pinned_to_a_commit_and_says_its_version() -> None:
    assert uses()
    for action, comment in uses():
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), action
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment), f"{action}{comment}"


def test_an_action_has_one_version_everywhere() -> None:
    pins = {action for action, _ in uses()}
    assert len({pin.partition("@")[0] for pin in pins}) == len(pins)


@pytest.mark.parametrize(("name", "job"), jobs())
def test_a_job_is_allowed_exactly_what_its_steps_need(name: str, job: Job) -> None:
    needed: dict[str, str] = {}
    for step in job["steps"]:
        does = step.get("uses", "").partition("@")[0], step.get("run", "")
        for what, permissions in NEEDED.items():
            if what == does[0] or what in does[1]:
                needed |= permissions
    assert job["permissions"] == needed


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_grants_nothing_to_all_of_its_jobs(name: str) -> None:
    assert workflow(name)["permissions"] == {}


@pytest.mark.parametrize(("name", "job"), jobs())
def test_a_job_ends_in_time_keeps_no_token_and_runs_no_text_from_outside(name: str, job: Job) -> None:
    assert 0 < int(job["timeout-minutes"]) <= 90
    for step in job["steps"]:
        assert "${{" not in step.get("run", ""), "hand it over in env: an expression becomes a part of the script"
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


# ── releases ─────────────────────────────────────────────────────────────────────────────────────────


def test_only_a_tag_makes_a_release() -> None:
    assert workflow("release.yml")["on"] == {"push": {"tags": ["v*"]}}


def test_nothing_is_built_before_the_commit_has_passed_ci() -> None:
    release = workflow("release.yml")["jobs"]
    first = [name for name, job in release.items() if "needs" not in job]
    assert first == ["check"]
    assert any("gh run list --workflow ci.yml" in step.get("run", "") for step in release["check"]["steps"])


def test_what_cannot_be_taken_back_is_published_last_and_from_its_own_environment() -> None:
    release = workflow("release.yml")["jobs"]
    assert set(release["publish"]["needs"]) == {"attest", "images"}
    assert release["publish"]["environment"]["name"] == "pypi"
    assert release["release"]["needs"] == "publish"


def test_the_job_that_publishes_runs_nothing_of_the_repository() -> None:
    for step in workflow("release.yml")["jobs"]["publish"]["steps"]:
        assert "run" not in step
        assert not step["uses"].startswith("actions/checkout@")


def test_both_images_are_released_each_with_the_sbom_that_is_built_for_it() -> None:
    release = workflow("release.yml")["jobs"]
    images = release["images"]["strategy"]["matrix"]["image"]
    stages = re.findall(r"^FROM .* AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert set(images) <= set(stages)
    assert set(re.findall(r"^sbom (\S+) ", (ROOT / ".ci/build-release").read_text(), re.MULTILINE)) == set(images)


def test_the_base_of_the_images_is_named_by_its_digest_where_dependabot_finds_it() -> None:
    outside = re.findall(r"^FROM (\S*/\S*) AS", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert [re.sub(r"[0-9a-f]{64}$", "…", each) for each in outside] == [
        "docker.io/library/python:3.11-slim-bookworm@sha256:…"
    ]
    assert "ARG BASE" not in (ROOT / "Dockerfile").read_text()
    updates = yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]
    assert [each["directory"] for each in updates if each["package-ecosystem"] == "docker"] == ["/"]


# ── scans ────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_released_that_pypis_scanner_warns_of() -> None:
    release = workflow("release.yml")["jobs"]
    (audit,) = [step["run"] for step in release["scan"]["steps"] if "pip-audit" in step.get("run", "")]
    assert {"--strict", "--require-hashes", "--disable-pip"} <= set(audit.split())
    assert set(re.findall(r"--requirement (\S+)", audit)) == {"requirements/bot.txt", "requirements/serving.txt"}
    assert {"scan", "build"} <= set(release["images"]["needs"])
    assert re.search(r"^pip-audit==", (ROOT / ".ci/release.txt").read_text(), re.MULTILINE)


def test_an_image_is_scanned_before_it_is_pushed() -> None:
    steps = [step.get("run", "") for step in workflow("release.yml")["jobs"]["images"]["steps"]]
    built, scanned, pushed = (
        next(at for at, run in enumerate(steps) if word in run)
        for word in ("make image", ".ci/scan-image", "docker push")
    )
    assert built < scanned < pushed


@pytest.mark.parametrize(
    ("debsecan", "code", "says"),
    [
        ("true", 0, ""),
        ('echo "CVE-2026-1 openssl (fixed)"', 1, "CVE-2026-1 openssl"),
        ("echo unreachable >&2; exit 1", 1, "unreachable"),
    ],
    ids=["nothing to fix", "a fix is missing", "the tracker is unreachable"],
)
def test_a_scan_fails_where_debian_has_a_fix_that_the_image_lacks(
    debsecan: str, code: int, says: str, tmp_path: Path
) -> None:
    answers = 'case "$*" in *os-release*) echo bookworm;; *) echo "Package: openssl";; esac'
    asked = 'case "$*" in *"--suite bookworm"*"--only-fixed"*) ;; *) exit 9;; esac'
    for name, does in (("docker", answers), ("debsecan", f"{asked}; {debsecan}")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run(
        [ROOT / ".ci/scan-image", "bot:1"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert says in done.stdout + done.stderr


# ── hooks ────────────────────────────────────────────────────────────────────────────────────────────


def test_hooks_run_the_projects_own_tools_and_others_are_pinned() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for repo in hooks:
        if repo["repo"] == "local":
            entries = {hook["entry"].split()[0] for hook in repo["hooks"]}
            assert entries == {f".venv/bin/{tool}" for tool in ("ruff", "mypy", "lint-imports")}
        else:
            assert re.fullmatch(r"[0-9a-f]{40}", repo["rev"])
