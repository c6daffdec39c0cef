"""The fake Slack as a whole: what people do, its state for the page, its start, storage and shutdown.

It does not reply from a script: slack_sdk and slack_bolt use it unmodified, and it refuses what Slack refuses.  Not
modelled: files, search, enterprise grids, unfurling, stored retries.
"""

import asyncio
import json
import secrets
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Middleware

from bot.domain.json import Json
from callboard_demo.chat import emoji, envelopes, texts
from callboard_demo.chat.answers import Address, Answers, parsed
from callboard_demo.chat.arguments import Refusal
from callboard_demo.chat.deliveries import RETRIES, Deliveries
from callboard_demo.chat.limits import Limits, Meter
from callboard_demo.chat.page_state import page_state
from callboard_demo.chat.sockets import PATIENCE, Answer, Sockets
from callboard_demo.chat.web_api import SCOPES, Logged, WebApi
from callboard_demo.chat.world import BOT_USER, Channel, ChatMessage, ChatUser, Ephemeral, World, pinged

SUBSCRIBED: Final = frozenset({"reaction_added", "reaction_removed", "app_home_opened", "app_mention"})
UNKNOWN: Final = (
    '`{command}` is not a valid command. In Slack, all messages that start with the "/" character are interpreted as '
    'commands. If you are trying to send a message and not run a command, try preceding the "/" with an empty space.'
)
SAVE_AFTER: Final = 0.2


class Chat:
    """A workspace with one app.

    `folder` stores its state; with `app_token` the app may use Socket Mode; `retries` are the seconds before each retry
    of an event; `patience` is the app's response timeout; `url` is where `app` is served (by default, taken from the
    first call).
    """

    def __init__(  # noqa: PLR0913 - a workspace is failure all about itself at once
        self,
        *,
        folder: Path,
        signing_secret: str,
        token: str,
        people: Sequence[ChatUser],
        channels: Sequence[str],
        groups: Mapping[str, Sequence[str]],
        app_token: str | None = None,
        middlewares: Sequence[Middleware] = (),
        url: str = "",
        scopes: Collection[str] = SCOPES,
        events: Collection[str] = SUBSCRIBED,
        limits: Limits | None = None,
        retries: Sequence[float] = RETRIES,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.on_change: list[Callable[[], None]] = []
        self.world = World(people=people, channels=channels, groups=groups, clock=clock)
        self.world.url = url.rstrip("/")
        self._file = folder / "chat.json"
        folder.mkdir(parents=True, exist_ok=True)
        if self._file.exists():
            self.world.load(json.loads(self._file.read_text()))
        self._saving: asyncio.TimerHandle | None = None
        self._events = frozenset(events)
        self._commands: tuple[Json, ...] | None = None
        self._answers = Answers(self.world)
        self.sockets = Sockets(self.world, patience=patience)
        self._deliveries = Deliveries(self.sockets, secret=signing_secret, patience=patience, retries=retries)
        meter = Meter(limits=limits or Limits(), clock=clock)
        self._web_api = WebApi(self.world, token=token, app_token=app_token, scopes=scopes, meter=meter)
        self.world.changed, self.world.emit = self._changed, self._emit
        self.app = web.Application(middlewares=middlewares)
        self.app.router.add_route("*", "/api/{method}", self._web_api.handle)
        self.app.router.add_get("/link/", self.sockets.handle)
        self.app.router.add_post("/response/{id}", self._answers.handle)

    # ── set-up and shutdown ───────────────────────────────────────────────────────────────────────────

    @property
    def log(self) -> deque[Logged]:
        """Return the Web API calls, oldest first; only the latest are kept."""
        return self._web_api.log

    def serve_at(self, url: str) -> None:
        """Set where `app` is served: needed for response_urls before the app's first call."""
        self.world.url = url.rstrip("/")

    def install(self, manifest: Json) -> None:
        """Install the commands, events and scopes of the app's manifest.  Before that, every command is delivered.

        https://docs.slack.dev/reference/app-manifest
        """
        self._commands = tuple(manifest["features"]["slash_commands"])
        self._events = frozenset(manifest["settings"]["event_subscriptions"]["bot_events"])
        self._web_api.scopes = frozenset(manifest["oauth_config"]["scopes"]["bot"])

    def connect(self, url: str) -> None:
        """Set the app's request URL for commands, interactions and events."""
        self._deliveries.url = url

    async def verify(self) -> None:
        """Verify the app's request URL with a challenge, as Slack does when it is entered.

        Raises:
            ConnectionError: the app did not return the challenge.
        """
        challenge = secrets.token_hex(20)
        answer = await self._deliveries.json(envelopes.handshake(challenge))
        if answer.reason or challenge not in answer.text:
            raise ConnectionError(f"the request URL did not answer the challenge: {answer.status} {answer.reason}")

    async def start(self) -> None:
        """Do nothing: deliveries start when something happens."""

    async def close(self) -> None:
        """Cancel the deliveries in progress and save the state."""
        await self._deliveries.close()
        await self.sockets.close()
        if self._saving is not None:
            self._saving.cancel()
        self._save()

    def _changed(self) -> None:
        for callback in self.on_change:
            callback()
        if self._saving is None:
            try:
                self._saving = asyncio.get_running_loop().call_later(SAVE_AFTER, self._save)
            except RuntimeError:  # changed before an event loop runs
                self._save()

    def _save(self) -> None:
        self._saving = None
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(self.world.dump()))
        new.replace(self._file)

    def _emit(self, event: Json) -> None:
        """Deliver an event if the app subscribes to it and can see it."""
        place = self.world.channels.get(envelopes.place_of(event))
        if event["type"] in self._events and place is not None and BOT_USER in place.members:
            self._deliveries.publish(envelopes.event(event, at=time.time()))

    def set_group(self, handle: str, members: Sequence[str]) -> None:
        """Set the members of a user group, as an administrator does."""
        group = self.world.group((handle, members))
        self.world.groups[group.id] = group
        self._changed()

    # ── what people do ────────────────────────────────────────────────────────────────────────────────

    async def send(self, *, user: str, channel: str, text: str, thread: str | None = None) -> Json:
        """Send a line as a person: a slash command is delivered to the app, anything else is posted as a message.

        Returns {"ok", "status", "ms", "error"?} for a command (status 0: no response) and {"ok", "ts"} for a message.

        Raises:
            LookupError: there is no such person or channel.
        """
        person, place = self.world.person(user), self._place(channel)
        if text.startswith("/"):
            return await self._command(person, place, text)
        kept = texts.typed(text, self.world.mentions())
        sent = ChatMessage(channel=place.id, ts=self.world.stamp(), user=person.id, text=kept, thread_ts=thread)
        self.world.add(sent)
        if BOT_USER in pinged(sent):
            where = {"channel": place.id, "ts": sent.ts, "event_ts": sent.ts, "team": person.team_id}
            thread_of = {"thread_ts": thread} if thread else {}
            self._emit({"type": "app_mention", "user": person.id, "text": kept} | where | thread_of)
        return {"ok": True, "ts": sent.ts}

    async def react(self, *, user: str, ts: str, emoji: str, remove: bool = False) -> None:
        """Add or remove a person's reaction; doing it twice changes nothing.

        Raises:
            LookupError: there is no such person or message.
            ValueError: there is no such emoji.
        """
        person, message = self.world.person(user), self.world.find(ts)
        if message is None:
            raise LookupError(f"there is no message {ts}")
        (self.world.unreact if remove else self.world.react)(message, person.id, _known_emoji(emoji))

    async def click(self, *, user: str, ts: str, action_id: str) -> None:
        """Press a button of a message or of an ephemeral message, as a person.

        Raises:
            LookupError: there is no such person, message or button.
        """
        person = self.world.person(user)
        message = self.world.find(ts) or next((w for w in self.world.private if w.ts == ts and w.to == person.id), None)
        element = envelopes.action(message.blocks, action_id) if message else None
        if message is None or element is None:
            raise LookupError(f"there is no {action_id!r} to press on message {ts}")
        handles, address = self._handles(person, message.channel, original=ts)
        payload = envelopes.interaction(self.world, person, message, element, handles)
        answer = await self._deliveries.interaction(payload)
        if answer.reason:
            self._explain(address, f'That button failed with the error "{answer.error}"')

    async def open_home(self, *, user: str) -> None:
        """Open the app's home tab as a person."""
        person = self.world.person(user)
        place, view = self.world.direct(person.id), self.world.homes.get(person.id)
        event: Json = {"type": "app_home_opened", "user": person.id, "channel": place.id, "tab": "home"}
        self._emit(event | {"event_ts": self.world.stamp()} | ({"view": view} if view else {}))

    def invite(self, channel: str) -> None:
        """Make the bot a member of a channel."""
        self._place(channel).members.add(BOT_USER)
        self._changed()

    def kick(self, channel: str) -> None:
        """Remove the bot from a channel: it can no longer post there and gets no events from it."""
        self._place(channel).members.discard(BOT_USER)
        self._changed()

    def state(self) -> Json:
        """Return the state for the page: channels, people, messages, ephemeral messages, commands."""
        commands = [
            {"name": c["command"], "usage": c["usage_hint"], "about": c["description"]} for c in self._commands or ()
        ]
        return page_state(self.world) | {"commands": commands}

    # ── commands and their replies ────────────────────────────────────────────────────────────────────

    def _place(self, channel: str) -> Channel:
        place = self.world.channel(channel)
        if place is None:
            raise LookupError(f"there is no channel {channel!r}")
        return place

    def _handles(
        self, person: ChatUser, channel: str, *, original: str | None = None
    ) -> tuple[envelopes.Handles, Address]:
        url, address = self._answers.address(user=person.id, channel=channel, original=original)
        return envelopes.Handles(response_url=url, trigger_id=self.world.trigger()), address

    async def _command(self, person: ChatUser, place: Channel, text: str) -> Json:
        handles, address = self._handles(person, place.id)
        fields = envelopes.command(person, place, text, handles)
        if self._commands is not None and fields["command"] not in {each["command"] for each in self._commands}:
            self._explain(address, UNKNOWN.format(command=fields["command"]))
            return {"ok": False, "status": 0, "ms": 0.0, "error": "not a valid command"}
        answer = await self._deliveries.command(fields)
        error = answer.error if answer.reason else self._show(address, answer)
        if error:
            self._explain(address, f'{fields["command"]} failed with the error "{error}"')
        failure: dict[str, Any] = {"error": error} if error else {}
        return {"ok": not error, "status": answer.status, "ms": answer.ms} | failure

    def _show(self, address: Address, answer: Answer) -> str | None:
        """Show the reply to a command, or an error if Slack cannot read it."""
        if not answer.text.strip():
            return None
        try:
            as_json = answer.content_type == "application/json"
            self._answers.show(address, parsed(answer.text) if as_json else {"text": answer.text})
        except Refusal:
            return "invalid_command_response"
        return None

    def _explain(self, address: Address, text: str) -> None:
        self.world.show_ephemeral(Ephemeral(ts=self.world.stamp(), to=address.user, channel=address.channel, text=text))


def _known_emoji(name: str) -> str:
    known = emoji.canonical(name)
    if known is None:
        raise ValueError(f"there is no emoji {name!r}")
    return known
