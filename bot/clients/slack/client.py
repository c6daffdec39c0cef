"""The one door to Slack's Web API.  Every verb may be repeated, and raises only `Temporary` or `Permanent`.

It keeps Slack's pace, holds one connection pool, and never tries again by itself: whoever calls knows whether an
earlier try may have taken effect.  It does not verify requests from Slack, and decides nothing.
"""

import asyncio
import ipaddress
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, Never, Self, TypeAlias
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.clients.redirects import unfollowed
from bot.clients.slack.errors import refused
from bot.clients.slack.pace import Pace
from bot.domain.chat import Message, Person, Posted
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.rules.parsing import emoji
from bot.rules.wording.redaction import redact

SLACK: Final = "https://slack.com/api/"
TIMEOUT: Final = aiohttp.ClientTimeout(total=15, connect=5)
EVENT: Final = "callboard"
"""The `event_type` of our messages' metadata."""
PATIENCE: Final = timedelta(seconds=3)
"""The longest wait for a place in Slack's pace; beyond it the caller is told to come again."""
SKEW: Final = timedelta(minutes=5)
"""How far Slack's clock and ours may be apart when a message is looked for."""
REMEMBERED: Final = 60.0
"""Seconds for which people and groups are remembered: so long may somebody who was just removed still count."""
PAGE: Final = 200
HEARTBEAT: Final = 10.0
"""Seconds between two pings at a socket; when half of that passes without an answer, it is dead."""
GREETING: Final = 10.0
"""Seconds within which Slack says hello at a socket."""
_CHANNEL_ID: Final = ("C", "G", "D")
_GUEST_FLAGS: Final = ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger", "is_workflow_bot")
_NO_MESSAGE: Final = frozenset({"message_not_found"})
_NOBODY: Final = frozenset({"user_not_found", "users_not_found", "user_not_visible"})

Call: TypeAlias = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who we are there: the workspace's id, the bot's user id and the bot's own id."""

    team: str
    user: str
    bot: str


class _Body(dict[str, Any]):
    """An answer; one in which something is missing that Slack always says is not Slack's."""

    def __missing__(self, key: str) -> Never:
        raise Temporary(f"what answered was not Slack: it did not say {key}; look at SLACK_API_URL")


class Slack:
    """Slack, as one workspace's installed app sees it."""

    def __init__(
        self,
        sdk: AsyncWebClient,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.sdk = sdk
        """The SDK's client, for Bolt."""
        self._clock = clock
        self._sleep = sleep
        self._pace = Pace(clock=clock)
        self._me: Identity | None = None
        self._channels: dict[str, str] = {}
        self._groups: dict[str, tuple[float, frozenset[str]]] = {}
        self._people: dict[str, tuple[float, Person]] = {}

    @classmethod
    def connect(
        cls,
        token: str,
        base_url: str | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> Self:
        """Return a door with a connection pool of its own.  Nothing is called yet; a loop must run."""
        # The SDK ignores its own timeout when it is given a session: the session has to have one.
        session = aiohttp.ClientSession(timeout=TIMEOUT, trust_env=False, trace_configs=[unfollowed()])
        url = base_url or SLACK
        sdk = AsyncWebClient(token, base_url=url.rstrip("/") + "/", session=session, retry_handlers=[])
        if _loopback(url):
            sdk.proxy = None  # the SDK takes HTTPS_PROXY from the environment and knows no NO_PROXY
        return cls(sdk, clock=clock, sleep=sleep)

    @property
    def token(self) -> str:
        """The bot's token; never to be shown."""
        return self.sdk.token or ""

    async def close(self) -> None:
        """Close the connections."""
        if self.sdk.session is not None:
            await self.sdk.session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    # ── who ──────────────────────────────────────────────────────────────────────────────────────────

    async def whoami(self) -> Identity:
        """Return who we are."""
        body = await self._call("auth.test", self.sdk.auth_test)
        self._me = Identity(team=body["team_id"], user=body["user_id"], bot=body.get("bot_id") or "")
        return self._me

    async def person(self, user: str, *, fresh: bool = False, within: float = REMEMBERED) -> Person:
        """Return what is known of a user id; somebody whom Slack does not show us is entitled to nothing.

        `fresh`: ask again, whatever was learnt `within` so many seconds.
        """
        at, known = self._people.get(user, (0.0, None))
        if known is not None and not fresh and self._clock() - at < within:
            return known
        me = self._me or await self.whoami()
        body = await self._call("users.info", lambda: self.sdk.users_info(user=user), accepted=_NOBODY)
        found = _person(user, body.get("user") or {}, me.team)
        self._people[user] = (self._clock(), found)
        return found

    async def members(self, group: str, *, fresh: bool = False) -> frozenset[str]:
        """Return the user ids in a group: "@ml-release-captains" or "S0614TZR7".  `fresh`: ask again.

        Raises:
            Permanent: there is no such group, or it is disabled.
        """
        at, known = self._groups.get(group, (0.0, None))
        if known is not None and not fresh and self._clock() - at < REMEMBERED:
            return known
        body = await self._call("usergroups.list", lambda: self.sdk.usergroups_list(include_users=True))
        self._groups = {}
        for found in body["usergroups"]:
            if not found.get("date_delete"):
                entry = (self._clock(), frozenset(found.get("users") or ()))
                self._groups |= {found["id"]: entry, "@" + found["handle"]: entry}
        if group not in self._groups:
            raise Permanent(f"Slack has no user group {group}: look at approvers in app.yaml, or make the group")
        return self._groups[group][1]

    # ── where ────────────────────────────────────────────────────────────────────────────────────────

    async def channel_id(self, name: str) -> str:
        """Return the id of "#name" (an id is returned as it is).  Only channels that the bot is in are found.

        Raises:
            Permanent: the bot is in no channel of that name.
        """
        bare = name.lstrip("#")
        if not name.startswith("#") and name.startswith(_CHANNEL_ID) and name.isupper():
            return name
        if bare not in self._channels:
            self._channels = {c["name"]: c["id"] async for c in self._my_channels()}
        if bare not in self._channels:
            raise Permanent(f"I am in no Slack channel #{bare}: create it, or type /invite @callboard there")
        return self._channels[bare]

    def _my_channels(self) -> AsyncGenerator[Json, None]:
        kinds = "public_channel,private_channel"

        async def page(cursor: str | None) -> Any:
            return await self.sdk.users_conversations(types=kinds, exclude_archived=True, limit=PAGE, cursor=cursor)

        return self._pages("users.conversations", "channels", page)

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────

    async def post(
        self, channel: str, message: Message, *, key: str, since: datetime | None = None, thread: str | None = None
    ) -> Posted:
        """Post a message that carries `key`, and return where it stands.

        `since` says that a try at or after that moment may have taken effect: then the message with that key is
        looked for first, and found rather than posted again.  Slack may still show a message that it is just taking
        in a little later, so a try whose answer was lost is best repeated after a second.
        """
        place = await self.channel_id(channel)
        if since is not None and (found := await self._posted(place, key, since, thread)):
            return found
        body = await self._call(
            "chat.postMessage",
            lambda: self.sdk.chat_postMessage(
                channel=place,
                text=message.text,
                blocks=list(message.blocks) or None,
                thread_ts=thread,
                metadata={"event_type": EVENT, "event_payload": {"key": key}},
                unfurl_links=False,
                unfurl_media=False,
            ),
            channel=place,
        )
        return Posted(channel=body["channel"], ts=body["ts"])

    async def update(self, posted: Posted, message: Message) -> None:
        """Make a message show something else; what it shows already does no harm."""
        await self._call(
            "chat.update",
            lambda: self.sdk.chat_update(
                channel=posted.channel, ts=posted.ts, text=message.text, blocks=list(message.blocks)
            ),
        )

    async def whisper(self, channel: str, user: str, text: str) -> None:
        """Tell one person something in a channel.  Slack forgets such words, so there is nothing to look for."""
        place = await self.channel_id(channel)
        await self._call("chat.postEphemeral", lambda: self.sdk.chat_postEphemeral(channel=place, user=user, text=text))

    async def permalink(self, posted: Posted) -> str:
        """Return the address of a message."""
        body = await self._call(
            "chat.getPermalink",
            lambda: self.sdk.chat_getPermalink(channel=posted.channel, message_ts=posted.ts),
        )
        return str(body["permalink"])

    async def reactions(self, posted: Posted) -> Mapping[str, frozenset[str]] | None:
        """Return who reacted to a message with what: emoji without skin tone → user ids; None: somebody deleted it.

        For events that were missed.  Slack may leave users out where very many reacted.
        """
        body = await self._call(
            "reactions.get",
            lambda: self.sdk.reactions_get(channel=posted.channel, timestamp=posted.ts, full=True),
            accepted=_NO_MESSAGE,
        )
        if not body["ok"]:
            return None
        found: dict[str, frozenset[str]] = {}
        for reaction in body["message"].get("reactions", ()):
            name = emoji.plain(reaction["name"])
            found[name] = found.get(name, frozenset()) | frozenset(reaction["users"])
        return found

    async def _posted(self, channel: str, key: str, since: datetime, thread: str | None) -> Posted | None:
        """Return our own message with that key.  Others can write metadata too: only our own bot's counts."""
        me = self._me or await self.whoami()
        async with aclosing(self._said(channel, f"{(since - SKEW).timestamp():.6f}", thread)) as said:
            async for message in said:
                metadata = message.get("metadata") or {}
                ours = message.get("user") == me.user and metadata.get("event_type") == EVENT
                if ours and (metadata.get("event_payload") or {}).get("key") == key:
                    return Posted(channel=channel, ts=message["ts"])
        return None

    def _said(self, channel: str, oldest: str, thread: str | None) -> AsyncGenerator[Json, None]:
        """Yield what was said in a channel, or in a thread, since `oldest` (Unix seconds)."""
        asked: dict[str, Any] = {"channel": channel, "oldest": oldest, "include_all_metadata": True, "limit": PAGE}

        async def history(cursor: str | None) -> Any:
            return await self.sdk.conversations_history(**asked, cursor=cursor)

        async def replies(cursor: str | None) -> Any:
            return await self.sdk.conversations_replies(**asked, ts=thread or "", cursor=cursor)

        if thread is None:
            return self._pages("conversations.history", "messages", history)
        return self._pages("conversations.replies", "messages", replies)

    # ── what people do ───────────────────────────────────────────────────────────────────────────────

    async def socket(self, app_token: str) -> aiohttp.ClientWebSocketResponse:
        """Open a socket over which Slack tells what people do, and return it when Slack has said hello.

        Its address is good for one try: each call asks for another.
        """
        body = await self._call("apps.connections.open", lambda: self.sdk.apps_connections_open(app_token=app_token))
        assert self.sdk.session is not None  # noqa: S101 - `connect` gave it one
        try:
            async with asyncio.timeout(GREETING):
                return await _greeted(
                    await self.sdk.session.ws_connect(
                        body["url"],
                        heartbeat=HEARTBEAT,
                        timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                        proxy=self.sdk.proxy,
                    )
                )
        except TimeoutError as error:
            raise Temporary("Slack did not say hello at its socket in time") from error
        except aiohttp.ClientError as error:
            raise Temporary(f"Slack's socket cannot be reached ({type(error).__name__})") from error

    # ── the wire ─────────────────────────────────────────────────────────────────────────────────────

    async def _pages(
        self, method: str, name: str, page: Callable[[str | None], Awaitable[Any]]
    ) -> AsyncGenerator[Json, None]:
        cursor: str | None = None
        while True:
            at = cursor
            body = await self._call(method, lambda: page(at))  # noqa: B023 - it is awaited within this round
            for item in body[name]:
                yield item
            cursor = (body.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    async def _call(self, method: str, call: Call, *, channel: str = "", accepted: frozenset[str] = frozenset()) -> Any:
        """Return the body of a call; `accepted` names errors that are an answer.

        Raises:
            Temporary: Slack is not there, or not now.
            Permanent: Slack refuses.
        """
        await self._wait(method, channel)
        try:
            return _Body((await call()).data)
        except SlackApiError as error:
            status, headers, body = _answer(error)
            if isinstance(body, dict) and body.get("error") in accepted:
                return body
            meaning = refused(method, status, headers, body)
            if isinstance(meaning, Temporary) and status == HTTPStatus.TOO_MANY_REQUESTS and meaning.after:
                self._pace.pause(method, meaning.after)
            raise meaning from error
        except aiohttp.InvalidURL as error:
            raise Permanent("SLACK_API_URL is not a web address: leave it unset for Slack itself") from error
        except TimeoutError as error:
            raise Temporary(f"Slack did not answer {method} in time") from error
        except aiohttp.ClientError as error:
            raise Temporary(f"Slack cannot be reached for {method} ({type(error).__name__})") from error
        except (AttributeError, ValueError) as error:  # the SDK stumbles over answers that are no JSON objects
            raise Temporary(f"what answered {method} was not Slack") from error

    async def _wait(self, method: str, channel: str) -> None:
        if self.sdk.session is not None and self.sdk.session.closed:
            raise Temporary("the connection to Slack is closed: Callboard is stopping")
        wait = self._pace.book(method, channel, within=PATIENCE)
        if wait > PATIENCE:
            raise Temporary(f"{method} has to wait: Slack allows no more calls at present", after=wait)
        if wait:
            await self._sleep(wait.total_seconds())


async def _greeted(socket: aiohttp.ClientWebSocketResponse) -> aiohttp.ClientWebSocketResponse:
    """Return a socket at which Slack said hello; one at which it says anything else is closed."""
    try:
        said = await socket.receive_json()
    except (TypeError, ValueError) as error:  # it was closed at once, or the other side is not Slack
        raise Temporary("what answered at Slack's socket was not Slack") from error
    except BaseException:
        await socket.close()
        raise
    if said.get("type") != "hello":
        await socket.close()
        raise Temporary(f"Slack did not take the socket ({redact(str(said.get('reason', 'no reason given')))})")
    return socket


def _answer(error: SlackApiError) -> tuple[int, Mapping[str, str], Any]:
    """Return (status, headers, body) of a refusal; where the body was no JSON the SDK hands over aiohttp's response."""
    response: Any = error.response
    if isinstance(response, aiohttp.ClientResponse):
        return response.status, response.headers, None
    return response.status_code, response.headers, response.data


def _person(user: str, found: Json, team: str) -> Person:
    """Say whether somebody counts.  On a grid `team_id` is the home workspace: ours may be among the others."""
    profile = found.get("profile") or {}
    name = profile.get("display_name") or found.get("real_name") or found.get("name") or user
    teams = {found.get("team_id"), *(found.get("enterprise_user") or {}).get("teams", ())}
    guest = any(found.get(flag) for flag in _GUEST_FLAGS) or user == "USLACKBOT"
    return Person(id=user, name=name, entitled=bool(found) and not guest and team in teams)


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
