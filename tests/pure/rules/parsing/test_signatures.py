"""Signatures are checked on the raw bytes alone, and never raise an exception."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.parsing import signatures
from tests.fixtures import signing
from tests.recorded import DATA

RECORDED = DATA / "mlflow-deliveries"
RECORDED_SECRET = "s3cr3t-for-tests"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
STAMP = str(int(NOON.timestamp()))
BODY = b'{"name": "iris"}'
SECRET = "a secret"

Check = Callable[..., bool]


ALL = pytest.mark.parametrize(
    ("check", "sign"),
    [
        pytest.param(signatures.slack, signing.slack, id="slack"),
        pytest.param(signatures.mlflow, signing.mlflow, id="mlflow"),
        pytest.param(signatures.github, signing.github, id="github"),
    ],
)
TIMED = pytest.mark.parametrize(
    ("check", "sign"),
    [
        pytest.param(signatures.slack, signing.slack, id="slack"),
        pytest.param(signatures.mlflow, signing.mlflow, id="mlflow"),
    ],
)
Sign = Callable[..., dict[str, str]]


def test_slacks_own_example_is_valid() -> None:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack ."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    headers = {"X-Slack-Request-Timestamp": "1531420618", "X-Slack-Signature": signature}
    now = datetime.fromtimestamp(1531420618, tz=UTC)
    assert signatures.slack(body, headers, "8f742231b10e8888abcd99yyyzzz85a5", now=now)


def test_githubs_own_example_is_valid() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries ."""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = {"X-Hub-Signature-256": signature}
    assert signatures.github(b"Hello, World!", headers, "It's a Secret to Everybody", now=NOON)


def test_what_mlflow_signed_is_valid_when_it_arrives() -> None:
    deliveries: list[dict[str, Any]] = [json.loads(f.read_text()) for f in sorted(RECORDED.glob("*.json"))]
    assert deliveries
    for delivery in deliveries:
        headers, body = dict(delivery["headers"]), delivery["body"].encode()
        arrived = datetime.fromtimestamp(delivery["received_at"], tz=UTC)
        assert signatures.mlflow(body, headers, RECORDED_SECRET, now=arrived)
        assert not signatures.mlflow(body + b" ", headers, RECORDED_SECRET, now=arrived)


@ALL
def test_the_right_secret_and_the_very_bytes_are_valid(check: Check, sign: Sign) -> None:
    assert check(BODY, sign(BODY, SECRET, STAMP), SECRET, now=NOON)


@ALL
def test_another_secret_or_another_byte_is_not(check: Check, sign: Sign) -> None:
    assert not check(BODY, sign(BODY, "another", STAMP), SECRET, now=NOON)
    assert not check(BODY + b"\n", sign(BODY, SECRET, STAMP), SECRET, now=NOON)


@ALL
def test_no_header_may_be_missing(check: Check, sign: Sign) -> None:
    for name in sign(BODY, SECRET, STAMP):
        headers = {other: value for other, value in sign(BODY, SECRET, STAMP).items() if other != name}
        assert not check(BODY, headers, SECRET, now=NOON)


@TIMED
@pytest.mark.parametrize(("seconds", "valid"), [(-301, False), (-299, True), (299, True), (301, False)])
def test_a_signature_holds_for_five_minutes_either_way(check: Check, sign: Sign, seconds: int, *, valid: bool) -> None:
    assert check(BODY, sign(BODY, SECRET, STAMP), SECRET, now=NOON + timedelta(seconds=seconds)) is valid


@TIMED
def test_the_time_is_signed_too(check: Check, sign: Sign) -> None:
    headers = {
        name: value if value != STAMP else str(int(STAMP) + 60) for name, value in sign(BODY, SECRET, STAMP).items()
    }
    assert not check(BODY, headers, SECRET, now=NOON)


@TIMED
@pytest.mark.parametrize(
    "stamp", ["", " ", "soon", "-1", "1e9", f" {STAMP}", f"+{STAMP}", f"{STAMP}.0", "١٧٧٧٨٩٦٠٠٠", "9" * 5000, "²"]
)
def test_a_time_that_is_no_plain_number_is_not_valid_though_it_is_signed(check: Check, sign: Sign, stamp: str) -> None:
    assert not check(BODY, sign(BODY, SECRET, stamp), SECRET, now=NOON)


def test_the_delivery_is_signed_too() -> None:
    assert not signatures.mlflow(
        BODY, signing.mlflow(BODY, SECRET, STAMP) | {"X-MLflow-Delivery-Id": "d-2"}, SECRET, now=NOON
    )


ODD = st.text(max_size=20) | st.binary(max_size=20).map(lambda raw: raw.decode(errors="surrogateescape"))
"""What a header can hold: aiohttp makes lone surrogates of bytes that are no UTF-8."""


@ALL
@given(data=st.data(), body=st.sampled_from((BODY, b"")) | st.binary(max_size=40))
def test_whatever_is_sent_gets_an_answer(check: Check, sign: Sign, data: st.DataObject, body: bytes) -> None:
    headers = data.draw(
        st.fixed_dictionaries({name: st.just(value) | ODD for name, value in sign(BODY, SECRET, STAMP).items()})
    )
    assert check(body, headers, SECRET, now=NOON) is (body == BODY and headers == sign(BODY, SECRET, STAMP))
