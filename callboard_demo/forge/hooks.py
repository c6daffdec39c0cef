"""Signed webhook deliveries: one attempt each, in order.

GitHub does not retry, so a receiver that is down misses the delivery.
Source: https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries and
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

import asyncio
import hashlib
import hmac
import json
from collections import deque
from dataclasses import dataclass
from uuid import uuid4

import aiohttp

from callboard_demo.forge.hub import Happening, Hub
from callboard_demo.forge.payloads import payload

PATIENCE = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt; `status` is None if the receiver did not respond."""

    id: str
    event: str
    action: str | None
    status: int | None


class Hooks:
    """The repository's one webhook."""

    def __init__(self, hub: Hub, *, secret: str) -> None:
        self.deliveries: deque[Delivery] = deque(maxlen=1000)
        self._hub = hub
        self._secret = secret
        self._url: str | None = None
        self._waiting: asyncio.Queue[tuple[Happening, bytes]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        hub.on_happening.append(self.enqueue)

    def connect(self, url: str) -> None:
        """Deliver to `url` from now on, starting with GitHub's `ping`."""
        self._url = url
        self.enqueue(Happening(event="ping", by=self._hub.login))

    def enqueue(self, happening: Happening) -> None:
        """Queue a delivery with the current state; do nothing without a receiver."""
        if self._url:
            self._waiting.put_nowait((happening, json.dumps(payload(self._hub, happening)).encode()))

    async def start(self) -> None:
        """Start to deliver."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop; what is queued is lost."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        async with aiohttp.ClientSession(timeout=PATIENCE) as session:
            while True:
                happening, body = await self._waiting.get()
                await self._deliver(session, happening, body)

    async def _deliver(self, session: aiohttp.ClientSession, happening: Happening, body: bytes) -> None:
        guid, signature = str(uuid4()), hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/callboard",
            "X-GitHub-Event": happening.event,
            "X-GitHub-Delivery": guid,
            "X-GitHub-Hook-ID": "1",
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        try:
            async with session.post(self._url or "", data=body, headers=headers) as response:
                status: int | None = response.status
        except (aiohttp.ClientError, TimeoutError):
            status = None
        self.deliveries.append(Delivery(id=guid, event=happening.event, action=happening.action, status=status))
