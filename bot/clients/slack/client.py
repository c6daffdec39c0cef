"""The client for Slack's Web API.  Every method may be repeated, and raises only `Temporary` or `Permanent`.

It respects Slack's rate limits, holds one connection pool, and never retries: the caller knows whether an earlier
attempt may have taken effect.  It does not verify requests from Slack, and decides nothing.
"""

import asyncio
import ipaddress
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, Self, TypeAlias, TypeVar
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.clients.failures import cause, unanswered
from bot.clients.limits import FAILURES, Bounded, Pages
from bot.clients.redirects import refuse_redirects
from bot.clients.slack import answers
from bot.clients.slack.errors import refused
from bot.clients.slack.pace import Pace
from bot.clients.slack.sockets import await_hello
from bot.domain.chat import Message, Person, Posted
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Name, Reason
from bot.domain.reasons import slack as reasons
from bot.domain.reasons import systems
from bot.rules.parsing import emoji

SLACK: Final = "https://slack.com/api/"
TIMEOUT: Final = aiohttp.ClientTimeout(total=15, connect=5)
EVENT: Final = "callboard"
"""The `event_type` of our messages' metadata."""
PATIENCE: Final = timedelta(seconds=3)
"""The longest wait for Slack's rate limits; beyond it the caller has to try again later."""
SKEW: Final = timedelta(minutes=5)
"""How much Slack's clock and ours may differ when a message is searched for."""
CACHED: Final = 60.0
"""Seconds for which people and groups are cached; someone who was just removed may count for as long."""
PAGE: Final = 200
HEARTBEAT: Final = 10.0
"""Seconds between two pings on a socket; without an answer for half of that, the connection is dead."""
HELLO: Final = 10.0
"""Seconds within which Slack has to send `hello` on a new socket."""
_CHANNEL_ID: Final = ("C", "G", "D")
_NO_MESSAGE: Final = frozenset({"message_not_found"})
_NOBODY: Final = frozenset({"user_not_found", "users_not_found", "user_not_visible"})

Call: TypeAlias = Callable[[], Awaitable[Any]]
T = TypeVar("T")
P = TypeVar("P", bound=answers.Page)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The bot's identity: the ids of its workspace, of its user and of the bot itself."""

    team: str
    user: str
    bot: str


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
        """Return a client with its own connection pool.  Calls nothing yet; needs a running event loop."""
        # Given a session, the SDK ignores its own timeout: the session needs one.
        session = aiohttp.ClientSession(
            timeout=TIMEOUT, trust_env=False, trace_configs=[refuse_redirects()], response_class=Bounded
        )
        url = base_url or SLACK
        sdk = AsyncWebClient(token, base_url=url.rstrip("/") + "/", session=session, retry_handlers=[])
        if _loopback(url):
            sdk.proxy = None  # the SDK takes HTTPS_PROXY from the environment and knows no NO_PROXY
        return cls(sdk, clock=clock, sleep=sleep)

    @property
    def token(self) -> str:
        """The bot's token, which must not be shown."""
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
        """Return the bot's identity."""
        found = await self._call("auth.test", self.sdk.auth_test, answers.Whoami)
        self._me = Identity(team=found.team_id, user=found.user_id, bot=found.bot_id or "")
        return self._me

    async def person(self, user: str, *, fresh: bool = False, within: float = CACHED) -> Person:
        """Return the person with a user id; someone whom Slack does not show to the bot is entitled to nothing.

        `fresh`: ask again, whatever is cached; otherwise the cache may be `within` so many seconds old.
        """
        at, known = self._people.get(user, (0.0, None))
        if known is not None and not fresh and self._clock() - at < within:
            return known
        me = self._me or await self.whoami()
        info = await self._find("users.info", lambda: self.sdk.users_info(user=user), answers.UserInfo, absent=_NOBODY)
        found = answers.person(user, info.user if info else None, me.team)
        self._people[user] = (self._clock(), found)
        return found

    async def members(self, group: str, *, fresh: bool = False) -> frozenset[str]:
        """Return the user ids in a group: "@ml-release-captains" or "S0614TZR7".  `fresh`: ask again.

        Raises:
            Permanent: there is no such group, or it is disabled.
        """
        at, known = self._groups.get(group, (0.0, None))
        if known is not None and not fresh and self._clock() - at < CACHED:
            return known
        listed = await self._call(
            "usergroups.list", lambda: self.sdk.usergroups_list(include_users=True), answers.Groups
        )
        self._groups = {}
        for found in listed.usergroups:
            if not found.date_delete:
                entry = (self._clock(), frozenset(found.users or ()))
                self._groups |= {found.id: entry, "@" + found.handle: entry}
        if group not in self._groups:
            raise Permanent(reasons.GroupUnknown(group=Name(group)))
        return self._groups[group][1]

    # ── where ────────────────────────────────────────────────────────────────────────────────────────

    async def channel_id(self, name: str) -> str:
        """Return the id of "#name" (an id is returned as it is).  Only channels that the bot is in are found.

        Raises:
            Permanent: the bot is not in a channel of that name.
        """
        bare = name.lstrip("#")
        if not name.startswith("#") and name.startswith(_CHANNEL_ID) and name.isupper():
            return name
        if bare not in self._channels:
            self._channels = {c.name: c.id async for page in self._my_channels() for c in page.channels}
        if bare not in self._channels:
            raise Permanent(reasons.NotInChannel(channel=Name(f"#{bare}")))
        return self._channels[bare]

    def _my_channels(self) -> AsyncGenerator[answers.Channels]:
        kinds = "public_channel,private_channel"

        async def page(cursor: str | None) -> Any:
            return await self.sdk.users_conversations(types=kinds, exclude_archived=True, limit=PAGE, cursor=cursor)

        return self._pages("users.conversations", answers.Channels, page)

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────

    async def post(
        self, channel: str, message: Message, *, key: str, since: datetime | None = None, thread: str | None = None
    ) -> Posted:
        """Post a message with this `key`, and return its place.

        `since`: an attempt at or after that moment may have taken effect.  Then the message with that key is searched
        first, and not posted again if it is found.  Slack may list a new message a little late, so it is best to wait
        a second before repeating an attempt whose answer was lost.
        """
        place = await self.channel_id(channel)
        if since is not None and (posted := await self._posted(place, key, since, thread)):
            return posted
        found = await self._call(
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
            answers.Place,
            channel=place,
        )
        return Posted(channel=found.channel, ts=found.ts)

    async def update(self, posted: Posted, message: Message) -> None:
        """Replace the content of a message; the same content does no harm."""
        await self._call(
            "chat.update",
            lambda: self.sdk.chat_update(
                channel=posted.channel, ts=posted.ts, text=message.text, blocks=list(message.blocks)
            ),
            answers.Done,
        )

    async def post_ephemeral(self, channel: str, user: str, text: str) -> None:
        """Show one person an ephemeral message in a channel.  Slack does not keep it, so none can be found again."""
        place = await self.channel_id(channel)
        await self._call(
            "chat.postEphemeral",
            lambda: self.sdk.chat_postEphemeral(channel=place, user=user, text=text),
            answers.Done,
        )

    async def permalink(self, posted: Posted) -> str:
        """Return the address of a message."""
        found = await self._call(
            "chat.getPermalink",
            lambda: self.sdk.chat_getPermalink(channel=posted.channel, message_ts=posted.ts),
            answers.Permalink,
        )
        return found.permalink

    async def reactions(self, posted: Posted) -> Mapping[str, frozenset[str]] | None:
        """Return the reactions to a message: emoji without skin tone → user ids; None: someone deleted the message.

        For events that were missed.  Slack may omit users where very many reacted.
        """
        listed = await self._find(
            "reactions.get",
            lambda: self.sdk.reactions_get(channel=posted.channel, timestamp=posted.ts, full=True),
            answers.Reactions,
            absent=_NO_MESSAGE,
        )
        if listed is None:
            return None
        found: dict[str, frozenset[str]] = {}
        for reaction in listed.message.reactions:
            name = emoji.plain(reaction.name)
            found[name] = found.get(name, frozenset()) | frozenset(reaction.users)
        return found

    async def _posted(self, channel: str, key: str, since: datetime, thread: str | None) -> Posted | None:
        """Return our own message with that key.  Others can write metadata too, so only our bot's messages count."""
        me = self._me or await self.whoami()
        async with aclosing(self._messages(channel, f"{(since - SKEW).timestamp():.6f}", thread)) as pages:
            async for page in pages:
                for message in page.messages:
                    found = answers.key_of(message, user=me.user, event=EVENT)
                    if found is not None and found[1] == key:
                        return Posted(channel=channel, ts=found[0])
        return None

    def _messages(self, channel: str, oldest: str, thread: str | None) -> AsyncGenerator[answers.Messages]:
        """Yield the messages in a channel, or in a thread, since `oldest` (Unix seconds)."""
        asked: dict[str, Any] = {"channel": channel, "oldest": oldest, "include_all_metadata": True, "limit": PAGE}

        async def history(cursor: str | None) -> Any:
            return await self.sdk.conversations_history(**asked, cursor=cursor)

        async def replies(cursor: str | None) -> Any:
            return await self.sdk.conversations_replies(**asked, ts=thread or "", cursor=cursor)

        if thread is None:
            return self._pages("conversations.history", answers.Messages, history)
        return self._pages("conversations.replies", answers.Messages, replies)

    # ── what people do ───────────────────────────────────────────────────────────────────────────────

    async def socket(self, app_token: str) -> aiohttp.ClientWebSocketResponse:
        """Open a socket for Slack's events, and return it after Slack's `hello`.

        Its address is valid for one attempt: each call requests another.
        """
        opened = await self._call(
            "apps.connections.open", lambda: self.sdk.apps_connections_open(app_token=app_token), answers.Opened
        )
        assert self.sdk.session is not None  # noqa: S101 - `connect` gave it one
        try:
            async with asyncio.timeout(HELLO):
                return await await_hello(
                    await self.sdk.session.ws_connect(
                        opened.url,
                        heartbeat=HEARTBEAT,
                        timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                        proxy=self.sdk.proxy,
                    )
                )
        except TimeoutError as error:
            raise Temporary(_timed_out(reasons.Socket(), HELLO)) from error
        except FAILURES as error:
            raise Temporary(unanswered(error, system=systems.SLACK, during=reasons.Socket())) from error

    # ── calls ────────────────────────────────────────────────────────────────────────────────────────

    async def _pages(
        self, method: str, shape: type[P], page: Callable[[str | None], Awaitable[Any]]
    ) -> AsyncGenerator[P]:
        cursor: str | None = None
        pages = Pages(systems.ListAt(name=Name(method)))
        while True:
            at = cursor
            found = await self._call(method, lambda: page(at), shape)  # noqa: B023 - awaited within this iteration
            pages.take()
            yield found
            if (cursor := found.cursor) is None:
                return

    async def _call(self, method: str, call: Call, shape: type[T], *, channel: str = "") -> T:
        """Return the answer to a call.

        Raises:
            Temporary: Slack does not answer, or cannot do it now.
            Permanent: Slack refuses.
        """
        return answers.read(method, await self._asked(method, call, channel), shape)

    async def _find(self, method: str, call: Call, shape: type[T], *, absent: frozenset[str]) -> T | None:
        """Return the answer to a call, or None where Slack answers with one of the `absent` errors."""
        body = await self._asked(method, call, absent=absent)
        return None if body is None else answers.read(method, body, shape)

    async def _asked(self, method: str, call: Call, channel: str = "", absent: frozenset[str] = frozenset()) -> Any:
        await self._wait(method, channel)
        request = systems.Request(name=Name(method))
        try:
            return (await call()).data
        except SlackApiError as error:
            status, headers, body = _answer(error)
            if isinstance(body, dict) and body.get("error") in absent:
                return None
            meaning = refused(method, status, headers, body)
            if isinstance(meaning, Temporary) and status == HTTPStatus.TOO_MANY_REQUESTS and meaning.after:
                self._pace.pause(method, meaning.after)
            raise meaning from error
        except aiohttp.InvalidURL as error:
            raise Permanent(reasons.AddressInvalid()) from error
        except TimeoutError as error:
            raise Temporary(systems.TimedOut(system=systems.SLACK, during=request)) from error
        except aiohttp.ClientError as error:
            raise Temporary(unanswered(error, system=systems.SLACK, during=request)) from error
        except (AttributeError, TypeError, *FAILURES) as error:  # the SDK fails on what is not a JSON object
            raise Temporary(answers.not_slack(method, cause(error))) from error

    async def _wait(self, method: str, channel: str) -> None:
        if self.sdk.session is not None and self.sdk.session.closed:
            raise Temporary(reasons.Stopping())
        wait = self._pace.book(method, channel, within=PATIENCE)
        if wait > PATIENCE:
            raise Temporary(reasons.Paced(method=Name(method)), after=wait)
        if wait:
            await self._sleep(wait.total_seconds())


def _answer(error: SlackApiError) -> tuple[int, Mapping[str, str], Any]:
    """Return (status, headers, body) of a refusal; where the body is not JSON, the SDK passes aiohttp's response."""
    response: Any = error.response
    if isinstance(response, aiohttp.ClientResponse):
        return response.status, response.headers, None
    return response.status_code, response.headers, response.data


def _timed_out(during: Reason, seconds: float) -> Reason:
    return systems.TimedOut(system=systems.SLACK, during=during, within=timedelta(seconds=seconds))


def _loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
