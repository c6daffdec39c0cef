"""Secrets do not leave a log; the line that tells why always does."""

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.wording.redaction import GONE, LIMIT, known, last_words, redact, without

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
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_what_stands_around_a_secret_stays() -> None:
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


def test_what_stands_before_the_exception_is_kept_with_it() -> None:
    assert 'File "/app/load.py", line 40, in load' in last_words(TRACEBACK + "bye\n" * 50)


def test_a_short_log_is_kept_whole_and_in_order() -> None:
    assert last_words("one\n\ntwo\r\nthree\n") == "one\ntwo\nthree"


def test_without_an_exception_the_last_alarm_is_kept() -> None:
    assert "ERROR: disk full" in last_words("ERROR: disk full\n" + "bye\n" * 100)


def test_colours_and_tricks_with_direction_are_taken_out() -> None:
    assert last_words("\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07 \u202eevil\x00") == "red link evil"


def test_secrets_do_not_stand_in_the_last_words() -> None:
    assert "hunter2" not in last_words("ValueError: password=hunter2")


def test_an_exception_longer_than_a_line_is_cut_and_not_dropped() -> None:
    words = last_words("ValueError: " + "x" * 5000 + "\n" + "bye\n" * 50)
    assert words.startswith("ValueError: xxx")
    assert len(words) <= LIMIT


@given(st.text(max_size=4000), st.integers(-1, 50))
def test_last_words_are_never_longer_than_a_message_bears(log: str, lines: int) -> None:
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
