"""Pins that people reported, edited: tests/data/reported/pins holds the manifests and the lines that may change."""

import json
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any, Final

import pytest
import yaml

from bot.config import app_yaml
from bot.domain.errors import Permanent, UserError
from bot.domain.json import Json
from bot.domain.target import Pin
from bot.rules.pins import edit
from bot.rules.wording.reasons import plain
from tests.recorded import DATA

PINS: Final = DATA / "reported" / "pins"
INDEX: Final[dict[str, Json]] = json.loads((PINS / "index.json").read_text())
WANTED: Final = Pin(stage="production", version=7)
NOT_NAMED: Final = "app.yaml has no key `pins` to name the place with"
WRONG: Final = {
    "13_envs_file": "env files of a configMapGenerator are not read",
    "14_json6902_file": "JSON6902 patches are not read",
    "14d_inline_patch": "the refusal does not say how app.yaml could name the place",
    "16_helm_values_env_map": "a map called env is not read",
    "16d_helm_values_camel": NOT_NAMED,
    "17_hr_values": "a map called env is not read",
    "18c_app_values_block": "YAML inside a block scalar is not read",
    "19_appset_list": NOT_NAMED,
    "20_kserve_storageUri": NOT_NAMED,
    "23c_json_min_slash": "JSON that escapes a character beyond 16 bits is refused as broken YAML",
    "25_init_version_only": "the version of the init container stays as it was",
    "26_split_literal_and_env": "a second MODEL_VERSION is added, which loses against the first",
    "26c_split_two_files": "a second MODEL_VERSION is added beside MODEL_STAGE",
    "28_one_file_two_stages": "several places are refused, although one of them says the wanted stage",
    "29_replacements": "the placeholder of a kustomize replacement counts as a second place",
    "30_sops": "a file that sops has signed is edited",
    "41_cm_env_file": "an env file inside a ConfigMap is not read",
    "51_helm_template": "the refusal does not say that the value is in values.yaml",
    "59_image_tag_is_version": NOT_NAMED,
    "64_model_uri_beside": "MODEL_URI beside MODEL_VERSION stays as it was",
    "65_model_uri_only": "MODEL_URI alone is not read as a pin",
}
"""What is edited or refused wrongly today, and how.  Take a case off this list with the change that mends it."""

LINES: Final = {"28_one_file_two_stages": {"d.yaml": [33]}}
"""Where a changed line stands, for cases that hold the same line several times."""
EITHER: Final = {"26_split_literal_and_env": {"d.yaml": [['          value: "6"', '          value: "7"']]}}
"""An edit that is as right as the refusal: the index says so in `why`."""


def files_of(name: str) -> dict[str, str]:
    return {file.name: file.read_bytes().decode() for file in sorted((PINS / name).iterdir())}


def edited(case: Json, files: Mapping[str, str]) -> dict[str, str]:
    """Return the files as `callboard pin` would leave them, told what app.yaml says of the place."""
    if case["pins"] is not None:
        models = {"iris": {"pins": case["pins"]}}
        app_yaml.parse(yaml.safe_dump({"repository": "acme/models-gitops", "models": models}))
    return {**files, **edit(files, WANTED, "iris").after}


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, dict[int, list[str | None]]]:
    """Return the lines that differ, by file and number: before and after."""
    found = {}
    for path in before:
        targets = enumerate(zip_longest(before[path].split("\n"), after[path].split("\n")), start=1)
        found[path] = {number: [old, new] for number, (old, new) in targets if old != new}
    return {path: changed for path, changed in found.items() if changed}


def without_numbers(changed: Mapping[str, dict[int, list[str | None]]]) -> dict[str, list[list[str | None]]]:
    return {path: list(lines.values()) for path, lines in changed.items()}


def cases(expect: str) -> list[Any]:
    return [pytest.param(name, id=name, marks=wrong_today(name)) for name in INDEX if INDEX[name]["expect"] == expect]


def wrong_today(name: str) -> list[pytest.MarkDecorator]:
    if name not in WRONG:
        return []
    raises = (AssertionError, UserError, Permanent)
    return [pytest.mark.xfail(strict=True, raises=raises, reason=WRONG[name])]


@pytest.mark.parametrize("name", cases("edit"))
def test_a_reported_pin_is_edited_in_its_lines_and_nowhere_else(name: str) -> None:
    case, files = INDEX[name], files_of(name)
    found = changes(files, edited(case, files))
    expected = case["lines"] or {path: [[text, text.replace('"6"', '"7"')]] for path, text in files.items()}
    assert without_numbers(found) == expected
    assert {path: list(found[path]) for path in LINES.get(name, {})} == LINES.get(name, {})


@pytest.mark.parametrize("name", cases("refuse"))
def test_a_reported_pin_that_is_not_edited_is_refused_with_the_way_out(name: str) -> None:
    files = files_of(name)
    try:
        after = edited(INDEX[name], files)
    except Permanent as refusal:
        said = plain(refusal.reason)
        assert [word for word in INDEX[name]["says"] if word not in said] == [], said
    else:
        assert without_numbers(changes(files, after)) == EITHER.get(name)


def test_every_reported_pin_is_in_the_index() -> None:
    assert sorted(INDEX) == sorted(folder.name for folder in PINS.iterdir() if folder.is_dir())
    assert {case["expect"] for case in INDEX.values()} == {"edit", "refuse"}
    assert WRONG.keys() | EITHER.keys() <= INDEX.keys()


def test_the_lines_of_the_index_are_in_the_manifests() -> None:
    for name, case in INDEX.items():
        for path, targets in (case.get("lines") or {}).items():
            lines = files_of(name)[path].split("\n")
            assert [old for old, _ in targets if old not in lines] == [], name
    for name, places in LINES.items():
        for path, numbers in places.items():
            lines = files_of(name)[path].split("\n")
            assert [lines[number - 1] for number in numbers] == [old for old, _ in INDEX[name]["lines"][path]]
