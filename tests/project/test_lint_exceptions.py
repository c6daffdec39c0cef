"""An exception from a lint rule or a type says why."""

import re
import subprocess
from typing import Final

from tests.paths import ROOT

EXCEPTION: Final = re.compile(r"# (?:noqa\b|type: ignore\b|fmt: off).*$")
REASON: Final = re.compile(r"\([^)]{5,}|\s-\s\S+|\s{2}#\s\w+")
"""In brackets, behind a dash, or in a comment of its own."""


def test_every_exception_has_a_reason() -> None:
    listed = subprocess.run(
        ("git", "grep", "-nE", "# (noqa|type: ignore|fmt: off)", "--", "*.py", "*.pyi"),
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    bare = []
    for line in listed.stdout.splitlines():
        found = EXCEPTION.search(line)
        if found is not None and "test_lint_exceptions" not in line and not REASON.search(found.group()):
            bare.append(line)
    assert bare == [], "say why, in brackets behind it"
