"""SECURITY.md names tests that exist: for each party, at least one for each thing that it says the party cannot do."""

import re
from typing import Final

import pytest

from tests.paths import ROOT

TEXT: Final = (ROOT / "SECURITY.md").read_text()
PARTIES: Final = dict(re.findall(r"^### (.+)\n((?:(?!^##).*\n)*)", TEXT, re.MULTILINE))
TEST: Final = re.compile(r"\btests/[\w./-]*\w")


@pytest.mark.parametrize("name", sorted(set(TEST.findall(TEXT))))
def test_a_test_that_it_names_exists(name: str) -> None:
    assert (ROOT / name).exists()


def test_every_party_has_its_section() -> None:
    assert list(PARTIES) == [
        "Public caller", "Slack member and guest", "Model author", "Repository writer", "Outside server",
        "Cluster neighbour",
    ]  # fmt: skip


@pytest.mark.parametrize("party", PARTIES)
def test_what_a_party_cannot_do_is_shown_by_a_test(party: str) -> None:
    assert "**Can** " in PARTIES[party]
    _, claims = PARTIES[party].split("**Cannot:**\n\n| | shown by |\n|---|---|\n")
    rows = [line for line in claims.splitlines() if line.startswith("|")]
    assert rows
    for row in rows:
        tests = [name for name in TEST.findall(row.rsplit(" | ", 1)[1]) if re.search(r"test_\w+\.py$", name)]
        assert tests, row
