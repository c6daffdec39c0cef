"""Any stage in any layout is written and read back; no text makes the formats fail."""

import difflib
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Permanent
from bot.domain.target import Pin
from bot.rules.pins import edit, pin
from bot.rules.wording.reasons import plain
from tests.pure.rules.pins.examples import EXAMPLES, Example

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
STAGES = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
LAYOUTS = (
    "env:\n- name: MODEL_STAGE\n  value: {stage}{comment}\n{more}",
    "env:\n    -  value: {stage}{comment}\n       name: 'MODEL_STAGE'\n{more}",
    "env: [{{name: A, value: b}}, {{name: MODEL_STAGE, value: {stage}}}]{comment}\n{more}",
    "env: [\n  {{name: MODEL_STAGE,\n   value: {stage}}}{comment}\n]\n{more}",
    "kind: ConfigMap\ndata: {{MODEL_STAGE: {stage}}}{comment}\n{more}",
)


def layout(example: Example) -> str:
    """Return the example of a format with a stage alone, in the form of LAYOUTS."""
    lines = [line for line in example.text.splitlines() if not re.search(r"%\((version|digest)\)s", line)]
    form = "\n".join([*lines, ""]).replace("{", "{{").replace("}", "}}")
    return re.sub(r"%\(stage\)s(.*)", r"{stage}\1{comment}", form) + "{more}"


DRESSES = st.sampled_from([*LAYOUTS, *map(layout, EXAMPLES.values())])
QUOTES = st.sampled_from(["{}", "'{}'", '"{}"'])
NEWLINES = st.sampled_from(["\n", "\r\n"])


@given(
    text=st.builds(
        str.format,
        DRESSES,
        stage=st.builds(str.format, QUOTES, STAGES),
        comment=st.builds("  # {}x".format, WORDS),
        more=st.builds("# {}\nx: [1,  2]\n".format, WORDS),
    ),
    newline=NEWLINES,
    new=STAGES,
    version=st.integers(0, 10**9),
)
def test_an_edit_is_read_back_and_everything_else_stays(text: str, newline: str, new: str, version: int) -> None:
    text = text.replace("\n", newline)
    wanted, old = Pin(stage=new, version=version), pin(text)
    after = edit({"a.yaml": text}, wanted).after["a.yaml"]
    assert pin(after) == wanted
    assert edit({"a.yaml": after}, wanted).after["a.yaml"] == after
    back = edit({"a.yaml": after}, replace(old, version=version)).after["a.yaml"]
    gone = [line for line in difflib.ndiff(text.split("\n"), back.split("\n")) if line[0] == "-"]
    assert len(gone) <= 2, "going back, nothing is lost but the line that the version went into"


@given(st.text(st.sampled_from("env:\n -{}[]'\"#&*!|>,MODEL_STAGEname value:x\t\r%@`"), max_size=60))
def test_no_text_makes_it_stumble(text: str) -> None:
    try:
        change = edit({"a.yaml": text + "# MODEL_STAGE"}, Pin(stage="production", version=7))
    except Permanent as error:
        assert plain(error.reason).startswith(("a.yaml", "no manifest", "MODEL_STAGE is set in several places"))
    else:
        assert pin(change.after["a.yaml"]) == Pin(stage="production", version=7)
