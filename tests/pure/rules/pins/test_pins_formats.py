"""Every pin format finds, edits and refuses alike: each rule is tested on the example of each format."""

import importlib
import pkgutil
import re

import pytest

from bot.domain.errors import Permanent
from bot.domain.reason import Name, Reason
from bot.domain.reasons.pins import (
    DigestUnknown,
    FilledIn,
    NotEditable,
    OnSeveralLines,
    PinsOfOtherModels,
    SeveralPins,
    UsedByAlias,
)
from bot.domain.target import Pin
from bot.rules import pins
from bot.rules.pins import FORMATS, edit, find, pin
from bot.rules.pins.carrier import DIGEST, STAGE, VERSION, Format
from bot.rules.wording.reasons import plain
from tests.paths import ROOT
from tests.pure.rules.pins.examples import EXAMPLES, Example
from tests.pure.rules.pins.seeing import seen

OLD = Pin(stage="staging", version=6, digest="sha256:66")
NEW = Pin(stage="production", version=7, digest="sha256:77")
WHERE = "a.yaml"

names = pytest.mark.parametrize("name", [STAGE, VERSION, DIGEST])
newlines = pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])


@pytest.fixture(params=FORMATS, ids=lambda form: form.name)
def form(request: pytest.FixtureRequest) -> Format:
    assert isinstance(request.param, Format)
    return request.param


@pytest.fixture
def example(form: Format) -> Example:
    assert form.name in EXAMPLES, f"add an Example for {form.name!r} to EXAMPLES in tests/pure/rules/pins/examples.py"
    return EXAMPLES[form.name]


def filled(example: Example, pin: Pin, **values: str) -> str:
    """Return the text with a pin in it, or with other values."""
    pinned = {"stage": pin.stage, "version": str(pin.version), "digest": pin.digest or ""} | values
    return example.text % {name: f'"{value}"' for name, value in pinned.items()}


def files(example: Example, text: str) -> dict[str, str]:
    return {example.path: text, **example.beside}


def edited(text: str, wanted: Pin = NEW) -> str:
    """Return the edited text; a second edit must change nothing."""
    after = edit({WHERE: text}, wanted, "iris").after[WHERE]
    assert edit({WHERE: after}, wanted, "iris").after[WHERE] == after
    return after


def refusal(text: str, wanted: Pin = NEW) -> Reason:
    with pytest.raises(Permanent) as refused:
        edit({WHERE: text}, wanted, "iris")
    return refused.value.reason


def why(text: str, wanted: Pin = NEW) -> Reason:
    """Return why the place that was found is not edited."""
    found = refusal(text, wanted)
    assert isinstance(found, NotEditable)
    return found.why


def line_of(name: str, text: str) -> str:
    (found,) = (line for line in text.splitlines(keepends=True) if name in line)
    return found


def without(name: str, text: str) -> str:
    return text.replace(line_of(name, text), "")


def test_every_format_is_listed_and_has_an_example() -> None:
    modules = [
        importlib.import_module(f"{pins.__name__}.{found.name}") for found in pkgutil.iter_modules(pins.__path__)
    ]
    defined = {value for module in modules for value in vars(module).values() if isinstance(value, Format)}
    assert defined == set(FORMATS), "name each in FORMATS of bot/rules/pins/__init__.py"
    assert {form.name for form in FORMATS} == EXAMPLES.keys(), (
        "name each in EXAMPLES of tests/pure/rules/pins/examples.py"
    )


def test_every_format_is_documented() -> None:
    manual = (ROOT / "docs/configuration.md").read_text()
    rows = [f"| {plain(form.place)} | `{EXAMPLES[form.name].shown}` |" for form in FORMATS]
    missing = [row for row in rows if row not in manual.splitlines()]
    assert not missing, "docs/configuration.md, under Manifests, needs:\n" + "\n".join(missing)


def test_the_manual_shows_a_document_that_is_found(form: Format, example: Example) -> None:
    found = find({example.path: example.shown})
    assert (found.format, found.pin) == (form.name, Pin(stage="production", version=3))


def test_a_pin_is_found_with_its_workload_and_namespace(form: Format, example: Example) -> None:
    those = files(example, filled(example, OLD))
    found = find(those, "iris")
    assert (found.path, found.format, found.pin) == (example.path, form.name, OLD)
    assert seen(those, "iris") == (example.namespace, example.workload)


def test_a_pin_of_another_model_is_not_found(example: Example) -> None:
    with pytest.raises(Permanent) as refused:
        find(files(example, filled(example, OLD)), "churn")
    assert isinstance(refused.value.reason, PinsOfOtherModels)


@newlines
def test_an_edit_changes_the_values_and_nothing_else(example: Example, newline: str) -> None:
    before, after = (filled(example, each).replace("\n", newline) for each in (OLD, NEW))
    assert edited(before) == after
    assert edited(after, OLD) == before


@newlines
def test_a_missing_version_is_added_behind_the_stage(example: Example, newline: str) -> None:
    before, after = (filled(example, each).replace("\n", newline) for each in (OLD, NEW))
    assert edited(without(VERSION, before)) == after


def test_the_version_that_is_there_keeps_its_digest(example: Example) -> None:
    text = filled(example, OLD)
    assert edited(text, Pin(stage=OLD.stage, version=OLD.version)) == text


def test_a_version_whose_digest_is_unknown_is_not_written_beside_the_digest_of_another(example: Example) -> None:
    assert why(filled(example, OLD), Pin(stage="production", version=7)) == DigestUnknown(version=7)


def test_an_emptied_digest_is_filled_again(example: Example) -> None:
    emptied = edited(filled(example, OLD), Pin(stage="staging", version=5, digest=""))
    assert pin(emptied) == Pin(stage="staging", version=5, digest="")
    assert pin(edited(emptied, Pin(stage="staging", version=6))).digest == ""
    assert edited(emptied) == filled(example, NEW)


def test_a_manifest_without_a_digest_gets_none(example: Example) -> None:
    assert edited(without(DIGEST, filled(example, OLD))) == without(DIGEST, filled(example, NEW))


def test_a_stage_that_is_there_twice_is_refused(example: Example) -> None:
    text = filled(example, OLD)
    line = line_of(STAGE, text)
    first = text.splitlines(keepends=True).index(line) + 1
    places = tuple(Name(f"{WHERE}:{number}") for number in (first, first + 1))
    assert refusal(text.replace(line, line * 2)) == SeveralPins(places=places)


@pytest.mark.parametrize("name", [VERSION, DIGEST])
def test_a_name_that_is_there_twice_beside_the_stage_is_refused(example: Example, name: str) -> None:
    text = filled(example, OLD)
    line = line_of(name, text)
    first = text.splitlines(keepends=True).index(line) + 1
    assert why(text.replace(line, line * 2)) == OnSeveralLines(name=Name(name), lines=(first, first + 1))


@names
def test_a_value_that_is_not_a_scalar_is_refused(example: Example, name: str) -> None:
    text = filled(example, OLD)
    line = line_of(name, text)
    indent = line[: len(line) - len(line.lstrip())]
    found = why(text.replace(line, indent + example.not_a_scalar.replace("NAME", name) + "\n"))
    assert name in plain(found)


@names
def test_a_value_that_a_template_fills_in_is_refused(example: Example, name: str) -> None:
    found = why(filled(example, OLD, **{name.removeprefix("MODEL_").lower(): "{{ x }}"}))
    assert isinstance(found, FilledIn)
    assert "{{ x }}" in found.value


def test_an_environment_that_an_alias_uses_again_is_refused(example: Example) -> None:
    anchored = re.sub(r":(?=\n.*MODEL_NAME)", ": &shared", filled(example, OLD))
    assert why(anchored + "another: *shared\n") == UsedByAlias()
