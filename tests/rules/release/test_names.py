"""Git itself accepts the name of every branch that Callboard makes."""

import subprocess

from hypothesis import given, settings

from bot.domain.target import Target
from bot.rules.release.names import branch
from tests.fixtures.hostile import NAMES


@settings(max_examples=100, deadline=None)
@given(NAMES.filter(bool), NAMES.filter(bool))
def test_git_takes_every_branch(model: str, stage: str) -> None:
    name = branch(Target(model=model, stage=stage))
    assert subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], check=False).returncode == 0
