"""The public listener being served, with a record behind it, for tests that knock at it.  Not itself a test."""

import io
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from bot import clock
from bot.config import Secret, parse
from bot.demo.chat import Chat
from bot.domain import ModelVersion, Pair, Posted
from bot.inbound import Inbound
from bot.promotion import Kind, Request
from bot.rules.decision import Decision, Post
from bot.store import Store
from tests import signing
from tests.chat_world import CHANNEL, SECRET, served

MLFLOW_SECRET = "s3cr3t-for-tests"
"""What the recorded deliveries are signed with."""
GITHUB_SECRET = "a secret of the forge"
APP = """\
repository: acme/models-gitops
stages: {staging: {auto: true, approvals: 0}, production: {after: {stage: staging}}}
models: {iris-classifier: {}}
"""
V1 = ModelVersion(model="iris-classifier", version=1)
SIGNED: dict[str, tuple[Callable[..., dict[str, str]], str]] = {
    "/slack/events": (signing.slack, SECRET),
    "/webhooks/mlflow": (signing.mlflow, MLFLOW_SECRET),
    "/webhooks/github": (signing.github, GITHUB_SECRET),
}
POSTED = Posted(channel=CHANNEL, ts="1764064800.000100")
"""Where the message of promotion 1 stands."""


@dataclass(slots=True, kw_only=True)
class Door:
    """The listener being served, and what came of what was sent to it."""

    url: str
    http: aiohttp.ClientSession
    store: Store
    database: Path
    chat: Chat
    rings: list[None] = field(default_factory=list)

    async def send(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> int:
        """Send a request; return the status of the answer."""
        return (await self._post(path, body, headers or {}))[0]

    async def signed(self, path: str, body: bytes, **how: Any) -> int:
        """Send a request as who it is from would; return the status of the answer."""
        return (await self.answered(path, body, **how))[0]

    async def answered(
        self, path: str, body: bytes, *, age: int = 0, kind: str = "application/json", delivery: str | None = "d-1"
    ) -> tuple[int, str]:
        """Send a request as who it is from would; return the status of the answer, and what it says."""
        sign, secret = SIGNED[path]
        more = {"delivery": delivery} if sign is signing.mlflow else {}
        headers = sign(body, secret, str(int(time.time()) - age), **more) | {"Content-Type": kind}
        return await self._post(path, body, headers)

    async def _post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        async with self.http.post(self.url + path, data=io.BytesIO(body), headers=headers) as answer:
            return answer.status, await answer.text()

    async def know(self) -> None:
        """Let the registry have version 1 of our model."""
        await self.store.mirror.see({V1.model: {}})
        await self.store.mirror.meet((V1,), baseline=True, now=clock.now())

    async def stand(self) -> None:
        """Let a promotion be under way, with its message at POSTED."""
        pair, now = Pair(model=V1.model, stage="production"), clock.now()
        await self.store.ask(Request(pair=pair, kind=Kind.PROMOTE, version=1, by="U0ALICE", at=now), key="standing")
        decision = Decision(note={"digest": "d"}, action=Post())
        loaded = await self.store.commit(await self.store.load(pair), decision, now=now)
        await self.store.outcome(loaded, {"message": POSTED}, now=now)

    def recorded(self) -> dict[str, list[Any]]:
        """Return all rows that anything sent could have left, by their table."""
        with sqlite3.connect(self.database) as database:
            tables = ("facts", "pairs", "promotions", "models", "versions", "messages")
            found = {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in tables}
        database.close()
        return found

    def untouched(self) -> bool:
        """Say whether nothing was recorded, and nobody asked to look."""
        return not self.rings and not any(self.recorded().values())


@asynccontextmanager
async def opened(folder: Path, **secrets: Secret | None) -> AsyncIterator[Door]:
    """Serve the listener, with a workspace on the other side."""
    database = folder / "callboard.db"
    store = await Store.open(f"sqlite:///{database}")
    rings: list[None] = []
    told = {
        "slack_secret": Secret(SECRET),
        "mlflow_secret": Secret(MLFLOW_SECRET),
        "github_secret": Secret(GITHUB_SECRET),
    } | secrets
    async with (
        served(folder / "chat") as world,
        aiohttp.ClientSession() as http,
    ):
        inbound = Inbound(app=parse(APP), store=store, ring=lambda: rings.append(None))
        application = inbound.application(**told)
        async with TestServer(application) as server:
            url = str(server.make_url("")).rstrip("/")
            world.chat.connect(f"{url}/slack/events")
            yield Door(url=url, http=http, store=store, database=database, chat=world.chat, rings=rings)
    await store.close()


def form(text: str = "iris-classifier staging 1", trigger: str = "t-1") -> bytes:
    told = {"command": "/promote", "text": text, "trigger_id": trigger, "user_id": "U0ALICE", "channel_id": CHANNEL}
    return urlencode(told | {"team_id": "T0ACME", "response_url": "http://127.0.0.1:9/none"}).encode()


def about(entity: str = "model_version", **data: Any) -> bytes:
    return json.dumps({"entity": entity, "action": "created", "data": {"name": "iris-classifier"} | data}).encode()


def reaction(event: str = "Ev1", *, emoji: str = "white_check_mark", by: str = "U0BOB", **more: Any) -> dict[str, Any]:
    """Return an event: somebody reacts to the message at POSTED."""
    item = {"type": "message", "channel": POSTED.channel, "ts": POSTED.ts}
    inner = {"type": "reaction_added", "user": by, "reaction": emoji, "item": item, "event_ts": "1764064900.000200"}
    return {"type": "event_callback", "team_id": "T0ACME", "event_id": event, "event": inner | more}


def press(action: str = "approve", *, by: str = "U0BOB", **more: Any) -> dict[str, Any]:
    """Return an interaction: somebody presses a button of the message at POSTED."""
    container = {"type": "message", "message_ts": POSTED.ts, "channel_id": POSTED.channel}
    actions = [{"action_id": action, "action_ts": "1764064901.000300", "type": "button"}]
    return {"type": "block_actions", "user": {"id": by}, "container": container, "actions": actions} | more


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged that an operator would be woken for."""
    return [one.getMessage() for one in caplog.records if one.exc_info or one.levelno >= logging.ERROR]
