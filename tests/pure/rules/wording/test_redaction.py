"""Secrets are removed from a log, and the line that explains a failure is kept."""

import base64
import json
from collections.abc import Callable
from functools import partial
from time import process_time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.rules.wording.redaction import GONE, LIMIT, LOOKED_AT, excerpt, known, last_words, redact, without

# Put together here, so that no scanner takes this file for a leak.
SLACK = "xox" + "b-1234567890-abcdefghij"
GITHUB = "gh" + "p_" + "a1B2" * 9
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "c2lnbmF0dXJlLWhlcmU"
OPENAI = "sk-" + "proj-abcdefghijklmnop1234"
KEY = "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIEow\nIBAAKC\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        pytest.param(f"posting with {SLACK} now", SLACK, id="slack"),
        pytest.param(f"remote: {GITHUB}", GITHUB, id="github"),
        pytest.param(f"using {AWS}", AWS, id="aws"),
        pytest.param(f"got {JWT}!", JWT, id="jwt"),
        pytest.param(f"openai: {OPENAI}", OPENAI, id="sk"),
        pytest.param("Authorization: Bearer abc.def-ghi", "abc.def-ghi", id="bearer"),
        pytest.param("-H 'authorization: Basic dXNlcjpwYXNz'", "dXNlcjpwYXNz", id="basic"),
        pytest.param("sent Bearer 0123456789abcdef", "0123456789abcdef", id="bearer-alone"),
        pytest.param("postgresql://bot:hunter2@db.internal/callboard", "hunter2", id="url-password"),
        pytest.param("https://" + "f" * 40 + "@example.com/repo", "f" * 40, id="url-token"),
        pytest.param("password=hunter2 user=bob", "hunter2", id="password"),
        pytest.param("MLFLOW_TRACKING_PASSWORD: 'hunter 2 x'", "hunter 2 x", id="quoted"),
        pytest.param('{"client_secret": "hunter2", "id": 3}', "hunter2", id="json"),
        pytest.param("api-key => hunter2", "hunter2", id="ruby"),
        pytest.param("secret_key=hunter2&x=1", "hunter2", id="query"),
        pytest.param("token: hunter2", "hunter2", id="token"),
        pytest.param(KEY, "MIIEow", id="private-key"),
        pytest.param(KEY.split("-----END", maxsplit=1)[0], "IBAAKC", id="private-key-cut-off"),
    ],
)
def test_a_secret_is_taken_out(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert GONE in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "RuntimeError: broken on purpose: periwinkle",
        "KeyError: 'token'",
        "max_tokens=512, tokenizer: bert-base",
        "Model signature: inputs ['sepal length': double]",
        "http://mlflow.mlops.svc:5000/api/2.0/mlflow/registered-models/get?name=iris",
        "mlflow.exceptions.RestException: RESOURCE_DOES_NOT_EXIST: no version 9 of iris-classifier",
        "sklearn 1.5.0, numpy 2.0, sha256:" + "ab" * 32,
    ],
)
def test_text_that_is_no_secret_is_kept(text: str) -> None:
    assert redact(text) == text


def test_text_around_a_secret_is_kept() -> None:
    assert redact("password=hunter2 user=bob") == f"password={GONE} user=bob"
    assert redact('{"token": "abc", "n": 1}') == f'{{"token": "{GONE}", "n": 1}}'
    assert redact("postgresql://bot:pw@db/x") == f"postgresql://{GONE}@db/x"


@given(
    st.lists(
        st.one_of(
            st.text(max_size=20),
            st.sampled_from(["password=", "token: ", '"', "'", "Bearer ", "://a:", "@", GONE, SLACK, JWT, "\n", KEY]),
        ),
        max_size=12,
    ).map("".join)
)
@example(text="PASSWD=>0")
def test_redacting_twice_is_redacting_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


TRACEBACK = """\
2026-05-04 12:00:00 INFO starting model server
\x1b[31m2026-05-04 12:00:01 WARNING slow\x1b[0m
Traceback (most recent call last):
  File "/app/server.py", line 12, in <module>
    model = load(version)
  File "/app/load.py", line 40, in load
    raise RuntimeError("broken on purpose: periwinkle")
RuntimeError: broken on purpose: periwinkle
"""


def test_the_last_exception_is_always_kept() -> None:
    log = TRACEBACK + "\n".join(f"goodbye {i}" for i in range(200))
    words = last_words(log)
    assert "RuntimeError: broken on purpose: periwinkle" in words
    assert words.endswith("goodbye 199")
    assert len(words.splitlines()) == 12


def test_the_traceback_of_an_exception_is_kept_with_it() -> None:
    assert 'File "/app/load.py", line 40, in load' in last_words(TRACEBACK + "bye\n" * 50)


def test_a_short_log_is_kept_whole_and_in_order() -> None:
    assert last_words("one\n\ntwo\r\nthree\n") == "one\ntwo\nthree"


def test_without_an_exception_the_last_alarm_is_kept() -> None:
    assert "ERROR: disk full" in last_words("ERROR: disk full\n" + "bye\n" * 100)


def test_colours_and_tricks_with_direction_are_taken_out() -> None:
    assert last_words("\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07 \u202eevil\x00") == "red link evil"


def test_last_log_lines_contain_no_secrets() -> None:
    assert "hunter2" not in last_words("ValueError: password=hunter2")


def test_an_exception_longer_than_a_line_is_cut_and_not_dropped() -> None:
    words = last_words("ValueError: " + "x" * 5000 + "\n" + "bye\n" * 50)
    assert words.startswith("ValueError: xxx")
    assert len(words) <= LIMIT


@given(st.text(max_size=4000), st.integers(-1, 50))
def test_last_log_lines_always_fit_into_a_message(log: str, lines: int) -> None:
    assert len(last_words(log, lines)) <= LIMIT


def test_an_empty_log_has_no_last_words() -> None:
    assert last_words("") == ""


SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="[]"), min_size=10)
AROUND = st.text(st.characters(codec="ascii"), max_size=9)


@given(SECRETS, AROUND, AROUND, st.sampled_from((base64.b64encode, base64.urlsafe_b64encode)))
def test_a_secret_of_ours_is_found_in_every_spelling(secret: str, before: str, after: str, encode: object) -> None:
    assert callable(encode)
    finds = known([secret])
    header = encode(f"{before}:{secret}".encode()).decode()
    within = encode(f"{before}{secret}{after}".encode()).decode()
    for spelled in (
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret),
        repr(secret),
        header,
        within,
    ):
        said = without(f"said {spelled} at once", finds)
        assert finds.search(said) is None
        assert said != f"said {spelled} at once"


def test_a_key_is_found_by_one_of_its_lines() -> None:
    line = "bGluZSBvbmUgb2YgYSBrZXkgdGhhdCBpcyBub25l"
    assert without(f"at {line}!", known([f"-----BEGIN KEY-----\n{line}\n-----END KEY-----"])) == f"at {GONE}!"


def test_a_secret_of_a_letter_or_two_takes_no_words_apart() -> None:
    assert without("a banana", known(["a", "na"])) == "a banana"
    assert without("a banana", known([])) == "a banana"


# ── text that is hostile ──────────────────────────────────────────────────────────────────────────────

PIECES = (
    "eyJ-", "eyJaaaaaaaa.", "eyJ" + "a" * 3000 + "-", "x-", "a://", "a://b:", "a@", "pwd", "pwd   ", "token", "sk-",
    "xoxb-aaaaaaa ", "authorization", "cookie ", "bearer ", "https://hooks.slack.com/", "AKIA", 'password="',
    "-----BEGIN RSA PRIVATE " + "KEY-----", "-----BEGIN ", "-----END AAAA", "\x1b[", "\x1b[0", "\x1b]", "A.", "a", "A",
    "AError", "\n", " ", ":", "-",
)  # fmt: skip
MILLIONS = 3 << 20


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("of", [redact, last_words, excerpt, partial(without, secrets=known(["pl4nted-s3cret"]))])
def test_the_time_that_a_text_takes_does_not_grow_with_it(piece: str, of: Callable[[str], str]) -> None:
    """3 MB of `eyJ-` took 20 seconds; what is looked at takes a tenth of a second on a busy machine."""
    hostile = piece * (MILLIONS // len(piece))
    start = process_time()
    assert len(of(hostile)) < 3 * LOOKED_AT
    assert process_time() - start < 1


def test_a_long_text_loses_its_middle_and_no_word_is_cut() -> None:
    text = "first " + "word " * 40_000 + "last"
    short = redact(text)
    assert short.startswith("first word")
    assert short.endswith("word last")
    assert "word\n… 134474 characters left out …\nword" in short
    assert set(short.split()) <= {"first", "word", "last", "…", "134474", "characters", "left", "out"}


@pytest.mark.parametrize("before", range(0, 60, 7))
def test_no_part_of_a_secret_is_left_where_a_text_is_cut(before: int) -> None:
    for text in ("word " * before + f"{GITHUB} " * 900, f"{GITHUB} " * 9000):
        for shown in (excerpt(text), redact(text)):
            assert GITHUB[:12] not in shown


def test_an_excerpt_is_short_and_can_be_sent_on() -> None:
    assert excerpt("short") == "short"
    assert excerpt("a" * 9000, 10) == "aaaaaaaaa…"
    assert excerpt("half a pair: \ud800") == "half a pair: ?"
    assert excerpt("") == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a://b:c@d", f"a://{GONE}@d"),
        ("a://b://c:d@e", f"a://{GONE}@e"),
        ("http://a/http://u:p@h", f"http://a/http://{GONE}@h"),
        (
            "see http://x/y, then http://u:p@h and http://v:q@i",
            f"see http://x/y, then http://{GONE}@h and http://{GONE}@i",
        ),
        ("http://u:p@h,http://v:q@i", f"http://{GONE}@h,http://{GONE}@i"),
        ("ssh://git@github.com/x", "ssh://git@github.com/x"),
        ("http://:@h", "http://:@h"),
        ("http://" + "u" * 300 + ":" + "p" * 500 + "@h", f"http://{GONE}@h"),
        ("x-api-key: a b", f"x-api-key: {GONE}"),
        ("x-forwarded-for: a b", "x-forwarded-for: a b"),
    ],
)
def test_what_stands_before_an_at_sign_in_an_address_is_a_secret_if_it_can_be_one(text: str, shown: str) -> None:
    assert redact(text) == shown
