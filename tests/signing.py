"""Requests signed as Slack, MLflow and GitHub sign theirs.  Not itself a test."""

import base64
import hashlib
import hmac


def slack(body: bytes, secret: str, stamp: str) -> dict[str, str]:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack ."""
    mac = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={mac}"}


def mlflow(body: bytes, secret: str, stamp: str, delivery: str | None = "d-1") -> dict[str, str]:
    """https://mlflow.org/docs/latest/ml/webhooks/ ; without a delivery id, as MLflow would sign it."""
    mac = hmac.new(secret.encode(), f"{delivery or ''}.{stamp}.".encode() + body, hashlib.sha256).digest()
    signed = {"X-MLflow-Timestamp": stamp, "X-MLflow-Signature": "v1," + base64.b64encode(mac).decode()}
    return signed if delivery is None else signed | {"X-MLflow-Delivery-Id": delivery}


def github(body: bytes, secret: str, stamp: str) -> dict[str, str]:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries : no time is signed."""
    del stamp
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}
