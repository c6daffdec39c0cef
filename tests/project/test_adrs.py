"""Every architecture decision record has a complete head and its sections, and the table lists it."""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from tests.paths import ROOT

FOLDER: Final = ROOT / "docs" / "adr"
FILES: Final = sorted(FOLDER.glob("[0-9]*.md"))
SECTIONS: Final = ["Context", "Decision", "Consequences"]
OPTIONAL: Final = "Alternatives considered"
HEAD: Final = re.compile(
    r"# (?P<number>[1-9]\d*)\. (?P<title>\S.*)\n\n"
    r"- Status: (?P<status>Accepted|Superseded by (?P<successor>[1-9]\d*))\n"
    r"- Date: (?P<date>\d{4}-\d{2}-\d{2})\n\n## "
)
ROW: Final = re.compile(r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \| (.+) \| (\S+) \|$", re.MULTILINE)

each = pytest.mark.parametrize("file", FILES, ids=lambda file: file.name[:4])


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What stands above the first section of a record."""

    number: int
    title: str
    status: str
    successor: int | None
    date: str


def head(text: str) -> Head:
    """Return the head of a record.

    Raises:
        ValueError: it lacks something, or the status is not one of those allowed.
    """
    found = HEAD.match(text)
    if found is None:
        raise ValueError(f"expected a number, a title, a status and a date, not {text[:200]!r}")
    date.fromisoformat(found["date"])
    successor = found["successor"]
    return Head(
        number=int(found["number"]),
        title=found["title"],
        status=found["status"],
        successor=int(successor) if successor else None,
        date=found["date"],
    )


def sections(text: str) -> dict[str, str]:
    """Return the text of each section by its heading."""
    parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], map(str.strip, parts[2::2]), strict=True))


def test_numbers_are_consecutive() -> None:
    assert [int(file.name[:4]) for file in FILES] == list(range(1, len(FILES) + 1))
    assert len(FILES) >= 14


@each
def test_the_head_is_complete(file: Path) -> None:
    assert re.fullmatch(r"\d{4}(-[a-z0-9]+)+\.md", file.name)
    assert head(file.read_text()).number == int(file.name[:4])


@each
def test_the_sections_are_there_in_order_and_none_is_empty(file: Path) -> None:
    found = sections(file.read_text())
    assert [name for name in found if name != OPTIONAL] == SECTIONS
    assert list(found)[-1] in {SECTIONS[-1], OPTIONAL}
    assert all(found.values())


@each
def test_a_superseded_record_names_a_later_one(file: Path) -> None:
    mine = head(file.read_text())
    assert mine.successor is None or mine.number < mine.successor <= len(FILES)


@each
def test_links_lead_to_files(file: Path) -> None:
    links = re.findall(r"\]\(((?!https?:)[^)#]+)", file.read_text())
    assert [link for link in links if not (file.parent / link).is_file()] == []


def test_the_table_lists_each_record_as_its_head_says() -> None:
    heads = [(file.name, head(file.read_text())) for file in FILES]
    expected = [(name[:4], name, found.title, found.status, found.date) for name, found in heads]
    assert ROW.findall((FOLDER / "README.md").read_text()) == expected


def test_the_template_is_a_valid_record() -> None:
    template = re.search(r"```markdown\n(.+?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    assert template is not None
    text = template[1].replace("# N.", "# 15.", 1)
    assert head(text).status == "Accepted"
    assert list(sections(text)) == [*SECTIONS, OPTIONAL]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("Accepted", "Done"), ("Accepted", "Superseded by N"), ("2026-11-29", "2026-13-29"), ("# 1. ", "# "), ("- ", "")],
)
def test_a_wrong_head_is_rejected(right: str, wrong: str) -> None:
    text = "# 1. Title\n\n- Status: Accepted\n- Date: 2026-11-29\n\n## Context\n"
    assert head(text).title == "Title"
    with pytest.raises(ValueError, match=r"expected a number|month must be"):
        head(text.replace(right, wrong))
