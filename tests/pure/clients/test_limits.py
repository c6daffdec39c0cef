"""Data from outside is decoded within limits on size, depth and number of values."""

import json

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.clients.limits import (
    DEEPEST,
    LIST,
    NODES,
    PAGES,
    YAML,
    Malformed,
    Pages,
    decoded,
    plain_yaml,
)
from bot.domain.errors import Permanent
from bot.domain.reason import Name
from bot.domain.reasons.systems import ListAt, ListTooLong
from tests.fixtures.raising import raising

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | FLOATS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


# ── JSON ──────────────────────────────────────────────────────────────────────────────────────────────


@given(VALUES)
def test_json_is_decoded_as_by_the_standard_library(value: object) -> None:
    text = json.dumps(value)
    assert decoded(text) == decoded(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[1]x", b"NaN", b"[Infinity]", b"[1e999]", b"\xff", b'"\xed\xa0\x80"', b"[" * 200_000,
        b"[" * 200_000 + b"]" * 200_000, b'{"a":' * 200_000, b"[" + b"9" * 5000 + b"]", b"[" + b"9" * 19 + b"]",
        b'{"a":-' + b"9" * 4000 + b"}", b"[" + b"1," * 500_000 + b"1]", '"\ud800"',
    ],
)  # fmt: skip
def test_what_is_no_json_or_too_much_of_it_is_malformed(content: bytes | str) -> None:
    with pytest.raises(Malformed):
        decoded(content)


def test_a_number_that_every_database_takes_is_a_number_and_a_long_one_in_a_text_is_text() -> None:
    assert decoded(b"[999999999999999999, -999999999999999999]") == [10**18 - 1, 1 - 10**18]
    assert decoded(b'["12345678901234567890", ",12345678901234567890"]')[1] == ",12345678901234567890"
    assert decoded(b"[0.12345678901234567890]") == [0.12345678901234568]
    assert decoded(b"[-100000000000000000, 0.0009675003064091736]") == [-(10**17), 0.0009675003064091736]
    assert decoded(b"[-999999999999999999, 0.12345678901234567890]")[0] == 1 - 10**18


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (rb"\ud83d\ude00", "😀"),
        (rb"\ud800", "\ufffd"),
        (rb"\udc00x", "\ufffdx"),
        (rb"\ud800\ud83d\ude00", "\ufffd😀"),
        (rb"\\ud800", "\\ud800"),
        (rb"\\\ud800\n", "\\\ufffd\n"),
        (rb"\uD83Dx\uDE00", "\ufffdx\ufffd"),
    ],
)
def test_half_a_pair_of_surrogates_is_replaced_and_all_else_is_kept(escaped: bytes, text: str) -> None:
    assert decoded(b'["' + escaped + b'", "\\ud800"]') == [text, "\ufffd"]


def test_json_of_another_shape_is_malformed() -> None:
    class Shape(msgspec.Struct):
        number: int

    assert decoded(b'{"number": "7", "more": null}', Shape) == Shape(number=7)
    with pytest.raises(Malformed, match=r"Expected `int`"):
        decoded(b'{"number": []}', Shape)


def test_a_list_has_an_end() -> None:
    models = ListAt(name=Name("models"))
    pages = Pages(models)
    for _ in range(PAGES):
        pages.take(1)
    with raising(Permanent, ListTooLong(what=models, pages=200, mebibytes=256)):
        pages.take(1)
    with pytest.raises(Permanent):
        Pages(models).take(LIST + 1)


# ── YAML ──────────────────────────────────────────────────────────────────────────────────────────────


def test_yaml_becomes_strings_lists_and_dicts() -> None:
    text = "a: 1\nb: [true, 2024-01-01, 1:30, null, ~, '']\nc: {<<: {d: 1e3}}\n"
    assert plain_yaml(text) == {
        "a": "1", "b": ["true", "2024-01-01", "1:30", "null", "~", ""], "c": {"<<": {"d": "1e3"}},
    }  # fmt: skip


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60))


@pytest.mark.parametrize("text", ["a: " + "1:" * 700_000 + "1", "a: " + "9" * 1_000_000, "a: 1e" + "9" * 1000, BOMB])
def test_no_scalar_is_a_number_and_no_alias_is_copied(text: str) -> None:
    assert plain_yaml(text)["a" if "a:" in text[:3] else "a0"] in ([*"x"], text[3:])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000, "{a: " * 100_000, "- " * 500_000, "? " * 500_000, "- a\n" * NODES, "a: &a [*a]", "\t", "a: \0",
        "'" * 3, "%TAG ! x", "a: x\nb: *nothing", "[]: 1", "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), " " * (YAML + 1),
        "a: '\ud800'",
    ],
)  # fmt: skip
def test_what_is_no_yaml_or_too_much_of_it_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        plain_yaml(text)


@given(st.text() | VALUES.map(yaml.safe_dump))
def test_no_yaml_raises_anything_else(text: str) -> None:
    try:
        plain_yaml(text)
    except Malformed as error:
        assert str(error)
