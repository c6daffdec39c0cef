"""A fake Slack being served, and a real Bolt app on the other side of it, for tests that need either.

Not itself a test.  Everything listens on loopback, on a port that was free.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.demo.chat import Chat, ChatUser, Limits

SECRET = "a-signing-secret"
TOKEN = "xoxb-the-bots-own-token"
APP_TOKEN = "xapp-the-apps-own-token"
CHANNEL = "C0MLRELEASES"
RELAXED = Limits(one=10_000, two=10_000, three=10_000, four=10_000, post_burst=10_000)
PEOPLE = (
    ChatUser(name="alice", role="data scientist"),
    ChatUser(name="bob", role="release captain"),
    ChatUser(name="carol", role="release captain"),
    ChatUser(name="mallory", role="neither"),
)


def workspace(folder: Path, **more: Any) -> Chat:
    """Return the workspace of the demo, with no limits worth speaking of."""
    told: dict[str, Any] = {
        "signing_secret": SECRET,
        "token": TOKEN,
        "app_token": APP_TOKEN,
        "people": PEOPLE,
        "channels": ("#ml-releases", "#random"),
        "groups": {"ml-release-captains": ("bob", "carol")},
        "limits": RELAXED,
        "retries": (0.0, 0.0, 0.0),
    }
    return Chat(folder=folder, **told | more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A workspace that is being served."""

    chat: Chat
    url: str
    """The base of the Web API, as SLACK_API_URL is given."""
    sdk: AsyncWebClient


@asynccontextmanager
async def served(folder: Path, *, token: str = TOKEN, **more: Any) -> AsyncIterator[Served]:
    """Serve a workspace, with the real SDK's client for it."""
    chat = workspace(folder, **more)
    async with TestServer(chat.app) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("/api/"))
        chat.serve_at(str(server.make_url("")))
        await chat.start()
        try:
            yield Served(
                chat=chat, url=url, sdk=AsyncWebClient(token, base_url=url, session=session, retry_handlers=[])
            )
        finally:
            await chat.close()


@dataclass(slots=True, kw_only=True)
class Bolted:
    """A real Bolt app, what reached its listeners, and how its door behaves."""

    app: AsyncApp
    seen: list[dict[str, Any]] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """What to answer next requests with instead of handing them to Bolt; 0 drops the connection."""
    headers: dict[str, str] = field(default_factory=dict)

    async def handle(self, request: web.Request) -> web.Response:
        """Hand a request to Bolt, unless it is to fail."""
        self.requests.append(request)
        await request.read()
        if not self.statuses:
            return await to_aiohttp_response(await self.app.async_dispatch(await to_bolt_request(request)))
        status = self.statuses.pop(0)
        if status == 0 and request.transport is not None:
            request.transport.abort()
        return web.Response(status=status or 503, headers=self.headers)


@asynccontextmanager
async def bolted(world: Served, *, secret: str = SECRET) -> AsyncIterator[Bolted]:
    """Serve a Bolt app that listens to everything the workspace sends, and connect the workspace to it."""
    app = AsyncApp(token=TOKEN, signing_secret=secret, client=world.sdk, process_before_response=True)
    bolt = Bolted(app=app)
    for event in ("reaction_added", "reaction_removed", "app_home_opened", "app_mention"):

        @app.event(event)
        async def heard(body: dict[str, Any]) -> None:
            bolt.seen.append(body)

    site = web.Application()
    site.router.add_post("/slack/events", bolt.handle)
    async with TestServer(site) as server:
        world.chat.connect(str(server.make_url("/slack/events")))
        yield bolt


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The workspace and the app."""

    slack: Served
    bolt: Bolted

    def private(self) -> list[str]:
        return [w["text"] for w in self.slack.chat.state()["private"]]

    def public(self) -> list[str]:
        return [m["text"] for m in self.slack.chat.state()["messages"]]

    async def type(self, text: str, *, user: str = "alice") -> dict[str, Any]:
        return await self.slack.chat.say(user=user, channel="#ml-releases", text=text)

    async def post(self, **more: Any) -> str:
        posted = await self.slack.sdk.chat_postMessage(channel=CHANNEL, text="card", **more)
        return str(posted["ts"])


async def until(holds: Callable[[], object], *, seconds: float = 10) -> None:
    """Wait until something holds; fail when it does not in time."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what is waited for rings no bell of ours
            await asyncio.sleep(0.01)
