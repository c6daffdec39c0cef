"""MLflow's webhook: a wake-up, because a version is new or its tags or aliases have changed.

The event itself is not trusted: the version is read from the registry before anything is announced.
"""

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from bot.config.app_yaml import Config
from bot.domain.registry import ModelVersion
from bot.store.store import Store


class _Data(msgspec.Struct):
    name: str = ""
    version: str = ""


class _Event(msgspec.Struct):
    """What is read of an event (https://mlflow.org/docs/latest/ml/webhooks/); the tests replay recorded ones."""

    entity: str
    action: str
    data: _Data


ABOUT_VERSIONS = frozenset({"model_version", "model_version_tag", "model_version_alias"})


async def heard(body: bytes, headers: Mapping[str, str], config: Config, store: Store, now: datetime) -> None:
    """Store which version an event is about; other events are ignored."""
    try:
        event = msgspec.json.decode(body, type=_Event)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # msgspec lets the last two through
        return
    version, delivery = event.data.version, headers.get("X-MLflow-Delivery-Id", "")
    if event.entity not in ABOUT_VERSIONS or not config.has(event.data.name):
        return
    if not re.fullmatch(
        r"[A-Za-z0-9._:-]{1,64}", delivery
    ):  # MLflow's are UUIDs; without one, a second delivery would not be recognised
        return
    if not (re.fullmatch(r"[0-9]{1,10}", version) and 0 < int(version) < 1 << 31):
        return
    what = ModelVersion(model=event.data.name, version=int(version))
    await store.mirror.notice(what, at=now, key=f"mlflow:{delivery}")
