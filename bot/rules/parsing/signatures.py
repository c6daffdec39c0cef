"""Verify who signed a body, from raw bytes, headers, secret and time.

The raw bytes are checked before anything parses them.  Header names are looked up in the mapping as it is (aiohttp's is
case-insensitive).  Bytes in headers that are not UTF-8 are lone surrogates, which cannot be encoded.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from bot.domain.reason import Name, Reason
from bot.domain.reasons.inbound import SignatureMissing, TimestampNotCurrent

WINDOW: Final = timedelta(minutes=5)
"""How old or early a signed timestamp may be.  https://docs.slack.dev/authentication/verifying-requests-from-slack"""


def unsigned(headers: Mapping[str, str], signature: str, stamp: str | None, *, now: datetime) -> Reason | None:
    """Return why the headers alone show that a request is not correctly signed, or None.

    `signature` and `stamp` are the names of the headers; a sender that signs no time has no stamp.
    """
    if not headers.get(signature):
        return SignatureMissing(header=Name(signature))
    if stamp is not None and not _fresh(headers.get(stamp, ""), now):
        return TimestampNotCurrent(header=Name(stamp), window=WINDOW)
    return None


def slack(body: bytes, headers: Mapping[str, str], secret: str, *, now: datetime) -> bool:
    """Check Slack's signature: `v0=` and the hex HMAC-SHA256 of ``v0:{timestamp}:{body}``."""
    stamp = headers.get("X-Slack-Request-Timestamp", "")
    expected = b"v0=" + _mac(secret, f"v0:{stamp}:".encode(errors="replace") + body).hexdigest().encode()
    return _fresh(stamp, now) and _same(expected, headers.get("X-Slack-Signature", ""))


def mlflow(body: bytes, headers: Mapping[str, str], secret: str, *, now: datetime) -> bool:
    """Check MLflow's signature: `v1,` and the base64 HMAC-SHA256 of ``{delivery}.{timestamp}.{body}``.

    https://mlflow.org/docs/latest/ml/webhooks/
    """
    delivery, stamp = headers.get("X-MLflow-Delivery-Id", ""), headers.get("X-MLflow-Timestamp", "")
    mac = _mac(secret, f"{delivery}.{stamp}.".encode(errors="replace") + body)
    expected = b"v1," + base64.b64encode(mac.digest())
    return _fresh(stamp, now) and _same(expected, headers.get("X-MLflow-Signature", ""))


def github(body: bytes, headers: Mapping[str, str], secret: str, *, now: datetime) -> bool:
    """Check GitHub's signature: `sha256=` and the hex HMAC-SHA256 of the body.  It signs no time.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    del now
    expected = b"sha256=" + _mac(secret, body).hexdigest().encode()
    return _same(expected, headers.get("X-Hub-Signature-256", ""))


def _mac(secret: str, message: bytes) -> "hmac.HMAC":
    return hmac.new(secret.encode(), message, hashlib.sha256)


def _fresh(stamp: str, now: datetime) -> bool:
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):  # noqa: PLR2004  (seconds since 1970)
        return False
    return abs(now.timestamp() - int(stamp)) <= WINDOW.total_seconds()


def _same(expected: bytes, given: str) -> bool:
    return hmac.compare_digest(expected, given.encode(errors="replace"))
