"""Text from outside is harmless, readable and bounded, on Slack and on GitHub."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.rules.wording.escape import block, code, flat, markdown, mrkdwn, plain
from callboard_demo.chat.texts import pings
from tests.fixtures.hostile import FRAGMENTS, loose, texts

GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])
SKIPS = re.compile(r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|\*\*\*NO_CI\*\*\*", re.IGNORECASE)
"""https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs"""
LIMITS = st.integers(min_value=10, max_value=400)


@given(texts(times=200), LIMITS)
def test_nothing_from_outside_works_in_a_line_of_slack(text: str, limit: int) -> None:
    said = mrkdwn(text, limit)
    assert list(loose(said)) == []
    assert not set("*`~\n") & set(said)
    assert pings(said) == []
    assert len(said) <= limit


@given(texts(times=200), LIMITS)
def test_nothing_from_outside_leaves_its_code_span(text: str, limit: int) -> None:
    said = code(text, limit)
    assert list(loose(said)) == []
    assert re.fullmatch(r"`[^`\n]+`", said)
    assert len(said) <= limit


@given(texts(times=200), LIMITS)
def test_nothing_from_outside_leaves_its_code_block(text: str, limit: int) -> None:
    said = block(text, limit)
    assert list(loose(said)) == []
    assert said == "" or re.fullmatch(r"```\n[^`]+\n```", said)
    assert len(said) <= limit


@given(texts(times=200), LIMITS)
def test_flat_text_is_one_line_that_no_terminal_obeys(text: str, limit: int) -> None:
    said = flat(text, limit)
    assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e\ud800-\udfff]", said)
    assert len(said) <= limit


@given(texts(times=200), LIMITS)
def test_plain_text_is_never_empty_and_shows_no_emoji(text: str, limit: int) -> None:
    said = plain(text, limit)
    assert 0 < len(said) <= limit
    assert not re.search(r":[a-z0-9_+-]+:|\n", said)


def working(text: str) -> list[str]:
    """Return the kinds of Markdown that work in a text, apart from paragraphs, and what GitHub finds in its words."""
    tokens: list[Token] = []
    for token in GITHUB.parse(text):
        tokens += [token, *(token.children or [])]
    kinds = [t.type for t in tokens if t.type not in {"paragraph_open", "paragraph_close", "inline", "text"}]
    words = "".join(t.content for t in tokens if t.type == "text")
    found = re.findall(r"@[\w-]|#\d|GH-\d|https?://|www\.\w|:[a-z0-9_+-]+:", words, re.IGNORECASE)
    return [kind for kind in kinds if kind != "text_special"] + found


@given(texts(times=50), st.integers(min_value=20, max_value=400))
def test_nothing_from_outside_works_on_github(text: str, limit: int) -> None:
    said = markdown(text, limit)
    assert working(said) == []
    assert working(f"- {said}")[:1] == ["bullet_list_open"]
    assert set(working(f"- {said}")) == {
        "bullet_list_open", "list_item_open", "list_item_close", "bullet_list_close",
    } or said == ""  # fmt: skip
    assert len(said) <= limit


@given(texts(times=50))
def test_nothing_from_outside_works_in_a_commit_message_that_github_makes_of_it(text: str) -> None:
    said = markdown(text)
    assert not SKIPS.search(said)
    assert not re.search(r"@[A-Za-z0-9]|#\d|GH-\d|\n", said, re.IGNORECASE)


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_each_thing_that_is_known_to_work_works_no_more(fragment: str) -> None:
    for text in (fragment, f"{fragment}word", f"{fragment} word", f"word {fragment}", fragment * 2):
        assert working(markdown(text)) == []
        assert list(loose(mrkdwn(text))) == list(loose(code(text))) == []


@given(texts(times=50))
def test_a_cell_stays_one_cell(text: str) -> None:
    table = f"| a | b |\n|---|---|\n| {markdown(text)} | 1 |\n"
    cells = [t.type for t in GITHUB.parse(table) if t.type in {"td_open", "th_open"}]
    assert cells == ["th_open", "th_open", "td_open", "td_open"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("val_accuracy 0.97, not bad!", "val_accuracy 0.97, not bad!"),
        ("Größe → 3 & mehr", "Größe → 3 &amp; mehr"),
        ("two\nlines  and   spaces", "two lines and spaces"),
        ("12:30:05", "12꞉30꞉05"),
        ("", ""),
    ],
)
def test_ordinary_words_stay_readable(text: str, shown: str) -> None:
    assert mrkdwn(text) == shown


def test_names_in_code_can_be_copied_as_they_are() -> None:
    assert code("/promote my_model*2 production") == "`/promote my_model*2 production`"


def test_dollars_are_no_mathematics_on_github() -> None:
    assert markdown("$1 and $2") == "&dollar;1 and &dollar;2"


def test_a_log_keeps_its_last_words_because_they_tell_why() -> None:
    log = "\n".join(f"line {n}" for n in range(1000)) + "\nValueError: no such model"
    shown = block(log, 200)
    assert shown.startswith("```\n…")
    assert shown.endswith("line 999\nValueError: no such model\n```")


def test_no_words_make_no_block() -> None:
    assert block(" \n\t\n") == ""


def test_an_escape_is_never_cut_in_half() -> None:
    assert mrkdwn("<" * 100, 10) == "&lt;&lt;…"
    assert markdown("*" * 100, 10) == "\\*\\*\\*\\*…"


def test_a_cut_never_makes_a_call_of_a_longer_word() -> None:
    assert list(loose(mrkdwn("@HERE" + "0" * 50, 7))) == []


def test_a_colon_of_ours_behind_a_name_makes_no_emoji_of_it() -> None:
    assert ":" not in mrkdwn(":white_check_mark")
    assert mrkdwn("a: b") == "a: b"
