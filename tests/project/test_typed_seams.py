"""What one step of a pass hands to the next is typed: mypy finds mistakes that no test of a single step could."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.paths import ROOT

pytestmark = pytest.mark.slow

SLIPS: Final = {
    "a key of a note that no status has": (
        "bot/rules/release/merging.py",
        'note["pull"] = replace(',
        'note["pul"] = replace(',
    ),
    "a note of another type": (
        "bot/rules/release/rollout.py",
        'note={"failing": failing}',
        'note={"failing": failing.reason}',
    ),
    "an action without one of its fields": (
        "bot/rules/release/statuses.py",
        "Revoke(head=head, reason=void)",
        "Revoke(head=head)",
    ),
    "an action that is not done": ("bot/engine/actions.py", "case Tag():", "case Tag(key=''):"),
    "evidence without one of its fields": (
        "bot/engine/evidence.py",
        "        upstream=upstream,\n",
        "",
    ),
    "a verdict on a pin in Git without its reason": (
        "bot/rules/release/by_hand.py",
        "Reply(fact=fact.id, to=fact.by, reason=reason)",
        "Reply(fact=fact.id, to=fact.by)",
    ),
    "a gate that looks for a pull request where there may be none": (
        "bot/rules/release/gates/own_commit.py",
        "@of_a_pull_request\n",
        "",
    ),
    "a reason without one of its parameters": (
        "bot/rules/release/closing.py",
        "into=Name(pull.base), ",
        "",
    ),
}


def test_mypy_finds_every_slip(tmp_path: Path) -> None:
    for folder in ("bot", "handlers"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, right, wrong in SLIPS.values():
        text = (tmp_path / path).read_text()
        assert right in text, path
        (tmp_path / path).write_text(text.replace(right, wrong, 1))
    checked = ("-m", "bot.engine.actions", "-m", "bot.rules.release.lifecycle")
    command = (sys.executable, "-m", "mypy", *checked, "--cache-dir", tmp_path / "cache")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    found = {line.split(":")[0] for line in done.stdout.splitlines() if ": error: " in line}
    assert found == {path for path, _, _ in SLIPS.values()}, done.stdout
