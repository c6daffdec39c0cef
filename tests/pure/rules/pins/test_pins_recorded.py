"""Manifests of many layouts, our own and other people's: an edit changes the intended lines and nothing else."""

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from bot.domain.errors import Permanent
from bot.domain.reason import Name
from bot.domain.reasons.pins import NoManifest, PinMentionedOnly, SeveralPins
from bot.domain.target import Pin
from bot.rules.pins import edit, find, pin
from bot.rules.wording.reasons import plain
from tests.pure.rules.pins.seeing import seen
from tests.recorded import folders

WANTED = Pin(stage="production", version=7)
ENOUGH = 20
"""Manifests with a container: with fewer, the folder is not the one that is meant."""

Inject = Callable[[str], tuple[list[str], list[str]]]
"""Of an indent: the lines of an `env` that carries a pin, and those that an edit must turn them into."""


def block(indent: str) -> tuple[list[str], list[str]]:
    """Name, value, comments; single quotes."""
    lines = [
        "env:  # injected",
        "- name: MODEL_STAGE",
        "  value: staging  # é😀",
        "- name: MODEL_VERSION",
        "  value: '6'",
    ]
    edited = [lines[0], lines[1], "  value: production  # é😀", lines[3], "  value: '7'"]
    return [indent + line for line in lines], [indent + line for line in edited]


def without_version(indent: str) -> tuple[list[str], list[str]]:
    """MODEL_VERSION is missing: it is added."""
    lines = ["env:", "  - value: staging", "    name: MODEL_STAGE", "  - {name: OTHER, value: x}"]
    added = ['  - value: "7"', "    name: MODEL_VERSION"]
    edited = [lines[0], "  - value: production", lines[2], *added, lines[3]]
    return [indent + line for line in lines], [indent + line for line in edited]


def one_line(indent: str) -> tuple[list[str], list[str]]:
    """Mappings in braces; a bare number."""
    lines = ["env:", "- {name: MODEL_STAGE,   value: staging}", "- {value: 6, name: MODEL_VERSION}  # c"]
    edited = [lines[0], "- {name: MODEL_STAGE,   value: production}", '- {value: "7", name: MODEL_VERSION}  # c']
    return [indent + line for line in lines], [indent + line for line in edited]


def flow(indent: str) -> tuple[list[str], list[str]]:
    """A list in brackets; MODEL_VERSION is missing."""
    lines = ['env: [{name: A, value: b}, {"name": "MODEL_STAGE", "value": "staging"}]']
    edited = [
        'env: [{name: A, value: b}, {"name": "MODEL_STAGE", "value": "production"}, '
        '{"name": "MODEL_VERSION", "value": "7"}]'
    ]
    return [indent + line for line in lines], [indent + line for line in edited]


def read(file: Path) -> str:
    return file.read_bytes().decode()


def places(text: str) -> Iterator[tuple[int, str]]:
    """Yield where an `env` can be injected: the line of a container's `image`, and the indent of its keys."""
    for number, line in enumerate(text.split("\n")):
        if found := re.match(r"( *)(- )?image: ?\S", line):
            yield number, found[1] + " " * len(found[2] or "")


def injected(text: str, number: int, inserted: list[str]) -> str:
    lines = text.split("\n")
    ending = "\r" if lines[number].endswith("\r") else ""
    return "\n".join([*lines[: number + 1], *(line + ending for line in inserted), *lines[number + 1 :]])


Case = tuple[Path, int, str]
"""A container without an environment: the file, the line of its image, the indent of its keys."""


def cases(files: list[Path]) -> Iterator[Case]:
    """Yield every container of these manifests that carries no environment yet and is YAML."""
    for file in files:
        text = read(file)
        for number, indent in places(text):
            try:
                containers = sum("image" in str(event) for event in yaml.parse(injected(text, number, [])))
            except yaml.YAMLError:
                continue
            if containers and not re.search(rf"(?m)^{indent}env:", text):
                yield file, number, indent


@dataclass(frozen=True, kw_only=True)
class Collection:
    """The manifests of one folder.  Each test demands that some are for it, so that none runs on nothing."""

    files: list[Path]
    cases: list[Case]


def collection(folder: Path) -> Collection:
    files = sorted(file for ending in ("yaml", "yml", "json") for file in folder.rglob(f"*.{ending}"))
    return Collection(files=files, cases=list(cases(files)))


COLLECTIONS = {whose: collection(folder) for whose, folder in folders("manifests").items()}
every = pytest.mark.parametrize("those", COLLECTIONS.values(), ids=COLLECTIONS)


@every
def test_there_is_enough_to_edit(those: Collection) -> None:
    assert len({file for file, _, _ in those.cases}) >= ENOUGH


@every
@pytest.mark.parametrize("style", [block, without_version, one_line, flow])
def test_an_edit_changes_the_intended_lines_and_nothing_else(those: Collection, style: Inject) -> None:
    for file, number, indent in those.cases:
        before, after = style(indent)
        path, text = str(file), injected(read(file), number, before)
        change = edit({path: text}, WANTED)
        assert change.after[path] == injected(read(file), number, after), path
        assert pin(change.after[path]) == WANTED
        assert edit(dict(change.after), WANTED).after == change.after


@every
def test_an_environment_that_is_there_already_takes_the_pin_in_its_own_layout(those: Collection) -> None:
    edited = False
    for file in those.files:
        lines = read(file).split("\n")
        for number, line in enumerate(lines):
            item = re.match(r" *(?=- name: )", lines[number + 1]) if re.fullmatch(r" *env:\r?", line) else None
            if item and not any("{{" in each for each in lines):
                before, after = (each[1:] for each in block(item[0]))
                text, expected = (injected("\n".join(lines), number, new) for new in (before, after))
                assert edit({"a.yaml": text}, WANTED).after["a.yaml"] == expected, file
                assert seen({"a.yaml": text})[1], file
                edited = True
    assert edited


@every
def test_windows_line_ends_stay(those: Collection) -> None:
    for file, number, indent in those.cases:
        before, after = without_version(indent)
        unix = read(file).replace("\r\n", "\n")
        text = injected(unix, number, before).replace("\n", "\r\n")
        expected = injected(unix, number, after).replace("\n", "\r\n")
        assert edit({"a.yaml": text}, WANTED).after["a.yaml"] == expected, file


@every
def test_two_containers_that_carry_the_stage_are_refused(those: Collection) -> None:
    refused = False
    for file in those.files:
        mine = [(number, indent) for at, number, indent in those.cases if at == file]
        if len(mine) > 1:
            text = read(file)
            for number, indent in reversed(mine[:2]):
                text = injected(text, number, block(indent)[0])
            with pytest.raises(Permanent) as raised:
                find({"a.yaml": text})
            assert isinstance(raised.value.reason, SeveralPins)
            refused = True
    assert refused


@every
def test_recorded_manifests_without_a_pin_are_refused_with_that_reason(those: Collection) -> None:
    for file in those.files:
        with pytest.raises(Permanent) as raised:
            find({str(file): read(file)})
        assert raised.value.reason == NoManifest(files=(Name(str(file)),))


@every
def test_whatever_does_not_parse_is_refused_with_its_line(those: Collection) -> None:
    refused = False
    for file in those.files:
        text = "# MODEL_STAGE\n" + read(file).removeprefix("\ufeff")  # which may only stand first
        with pytest.raises(Permanent) as raised:
            edit({str(file): text}, WANTED)
        assert re.match(rf"{re.escape(str(file))}:\d+: ", plain(raised.value.reason))
        refused |= not isinstance(raised.value.reason, PinMentionedOnly)
    assert refused, "a template or a tab"


@every
def test_a_difference_is_seen_by_people_as_two_lines(those: Collection) -> None:
    for file, number, indent in those.cases:
        text = injected(read(file), number, block(indent)[0])
        after = edit({"a.yaml": text}, WANTED).after["a.yaml"]
        diff = [line for line in difflib.unified_diff(text.split("\n"), after.split("\n"), n=0) if line[0] in "+-"]
        assert len(diff) == 2 + 4, file
