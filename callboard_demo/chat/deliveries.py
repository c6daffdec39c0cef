"""Slack's requests to the app: signed, with a three-second timeout; events are retried.

Commands and interactions are sent once.  An event that was not acknowledged (2xx within three seconds) is retried at
once, after one minute and after five, unchanged except for the `X-Slack-Retry-*` headers.  Events still undelivered at
`close` are lost, as can happen with Slack.  While the app has a socket open, everything goes there (see `sockets`).
Sources: https://docs.slack.dev/authentication/verifying-requests-from-slack , https://docs.slack.dev/apis/events-api#retries
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

import aiohttp

from bot.domain.json import Json
from callboard_demo.chat.sockets import PATIENCE, Answer, Sockets

RETRIES: Final = (0.0, 60.0, 300.0)
_FORM: Final = "application/x-www-form-urlencoded"
_JSON: Final = "application/json"


def signature(secret: str, timestamp: str, body: str) -> str:
    """Return what `X-Slack-Signature` must be."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()


class Deliveries:
    """Sends requests to one app.  `url` is its request URL; without one, nothing can be delivered."""

    def __init__(
        self, sockets: Sockets, *, secret: str, patience: float = PATIENCE, retries: Sequence[float] = RETRIES
    ) -> None:
        self.url: str | None = None
        self._sockets = sockets
        self._secret = secret
        self._patience = patience
        self._retries = tuple(retries)
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def command(self, fields: Mapping[str, str]) -> Answer:
        """Deliver a command, once."""
        if self._sockets.connected:
            return await self._sockets.deliver("slash_commands", fields)
        return await self._send(urlencode(fields), _FORM, {})

    async def interaction(self, payload: Json) -> Answer:
        """Deliver an interaction, once."""
        if self._sockets.connected:
            return await self._sockets.deliver("interactive", payload)
        return await self._send(urlencode({"payload": json.dumps(payload)}), _FORM, {})

    async def json(self, body: Json) -> Answer:
        """Deliver a JSON body, once, over HTTP."""
        return await self._send(json.dumps(body), _JSON, {})

    def publish(self, envelope: Json) -> None:
        """Deliver an event in the background, however many attempts it takes."""
        task = asyncio.get_running_loop().create_task(self._persist(envelope))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Cancel the deliveries in progress."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _persist(self, envelope: Json) -> None:
        answer = await self._event(envelope, 0, "")
        for number, delay in enumerate(self._retries, start=1):
            if not answer.reason or answer.headers.get("X-Slack-No-Retry") == "1":
                return
            await asyncio.sleep(delay)
            answer = await self._event(envelope, number, answer.reason)

    async def _event(self, envelope: Json, number: int, reason: str) -> Answer:
        """Make one attempt to deliver an event; `reason` is why the previous attempt failed."""
        if self._sockets.connected:
            return await self._sockets.deliver("events_api", envelope, retry_attempt=number, retry_reason=reason)
        again = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason}
        return await self._send(json.dumps(envelope), _JSON, again if number else {})

    async def _send(self, body: str, content_type: str, more: Mapping[str, str]) -> Answer:
        start, stamp = time.monotonic(), str(int(time.time()))
        signed = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature(self._secret, stamp, body)}
        headers = {"Content-Type": content_type, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"}
        try:
            found = await self._post(body, headers | signed | dict(more))
        except TimeoutError:
            return Answer(ms=_since(start), reason="http_timeout")
        except aiohttp.ClientError:
            return Answer(ms=_since(start), reason="connection_failed")
        status, text, kind, answered = found
        reason = "" if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES else "http_error"
        return Answer(status=status, ms=_since(start), text=text, content_type=kind, headers=answered, reason=reason)

    async def _post(self, body: str, headers: Mapping[str, str]) -> tuple[int, str, str, Mapping[str, str]]:
        if self.url is None:
            raise aiohttp.InvalidURL("no request URL is set")
        if self._session is None:
            # A new connection for each request: one kept from before the app was killed would fail once.
            connector = aiohttp.TCPConnector(force_close=True)
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=aiohttp.ClientTimeout(total=self._patience)
            )
        async with self._session.post(self.url, data=body, headers=headers, allow_redirects=False) as response:
            return response.status, await response.text(errors="replace"), response.content_type, response.headers


def _since(start: float) -> float:
    return round((time.monotonic() - start) * 1000, 1)
