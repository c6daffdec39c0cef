"""The licence, and the notice of the projects whose code ours follows."""

import hashlib
import re
from typing import Final

from tests.paths import ROOT

APACHE_2: Final = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
"""SHA-256 of https://www.apache.org/licenses/LICENSE-2.0.txt"""
FOLLOWED: Final = re.compile(r"https://github\.com/(?:kubernetes|kubernetes-sigs|argoproj)/")
"""Code that ours is written after, as the comment above it names it."""


def noticed() -> set[str]:
    """Return the files that NOTICE names."""
    return set(re.findall(r"^  (?! )(\S+)", (ROOT / "NOTICE").read_text(), re.MULTILINE))


def test_the_licence_is_the_apache_licence_2_word_for_word() -> None:
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == APACHE_2


def test_every_file_that_the_notice_names_is_there() -> None:
    assert noticed()
    assert [name for name in sorted(noticed()) if not (ROOT / name).is_file()] == []


def test_every_file_that_is_written_after_other_projects_code_is_in_the_notice() -> None:
    files = [path for folder in ("bot", "callboard_demo", "handlers") for path in (ROOT / folder).rglob("*.py")]
    following = {str(path.relative_to(ROOT)) for path in files if FOLLOWED.search(path.read_text())}
    assert following - noticed() == set()


def test_a_copied_file_has_its_licence_beside_it() -> None:
    for name in noticed():
        if name.startswith("tests/data/"):
            assert (ROOT / name).with_name("LICENSE").is_file()
