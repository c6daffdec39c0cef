"""The fake Slack as a whole: what its people do, what a page shows of it, how it starts, lasts and ends.

Not a test double that answers from a script: slack_sdk and slack_bolt use it unmodified, and it refuses
what Slack refuses.  Not modelled: files, search, enterprise grids, unfurling, stored retries.
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
from callboard_demo.chat.picture import picture
from callboard_demo.chat.sockets import PATIENCE, Answer, Sockets
from callboard_demo.chat.web_api import SCOPES, Logged, WebApi
from callboard_demo.chat.world import BOT_USER, Channel, ChatMessage, ChatUser, Whisper, World, pinged

SUBSCRIBED: Final = frozenset({"reaction_added", "reaction_removed", "app_home_opened", "app_mention"})
UNKNOWN: Final = (
    '`{command}` is not a valid command. In Slack, all messages that start with the "/" character are interpreted as '
    'commands. If you are trying to send a message and not run a command, try preceding the "/" with an empty space.'
)
SAVE_AFTER: Final = 0.2


class Chat:
    """A workspace with one app.

    `folder` keeps its state; with `app_token` the app may use Socket Mode; `retries` are the seconds before each
    further attempt to deliver an event; `patience` is how long the app may take to answer; `url` is where `app` is
    served (learned from the first call where it is not told).
    """

    def __init__(  # noqa: PLR0913 - a workspace is told all about itself at once
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

    # ── its life ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def log(self) -> deque[Logged]:
        """Every call of the Web API, oldest first; the oldest are forgotten."""
        return self._web_api.log

    def serve_at(self, url: str) -> None:
        """Say where `app` is served, for the response_urls: needed where the app's first word is not a call."""
        self.world.url = url.rstrip("/")

    def install(self, manifest: Json) -> None:
        """Take commands, events and scopes from the app's manifest.  Before that, every command is delivered.

        https://docs.slack.dev/reference/app-manifest
        """
        self._commands = tuple(manifest["features"]["slash_commands"])
        self._events = frozenset(manifest["settings"]["event_subscriptions"]["bot_events"])
        self._web_api.scopes = frozenset(manifest["oauth_config"]["scopes"]["bot"])

    def connect(self, url: str) -> None:
        """Set the app's request URL for commands, interactions and events."""
        self._deliveries.url = url

    async def verify(self) -> None:
        """Ask the app's address for a challenge, as Slack does when one enters it.

        Raises:
            ConnectionError: the app did not send the challenge back.
        """
        challenge = secrets.token_hex(20)
        answer = await self._deliveries.json(envelopes.handshake(challenge))
        if answer.reason or challenge not in answer.text:
            raise ConnectionError(f"the request URL did not answer the challenge: {answer.status} {answer.reason}")

    async def start(self) -> None:
        """Begin; deliveries run as things happen, so there is nothing to wait for."""

    async def close(self) -> None:
        """End the deliveries under way and write down what there is."""
        await self._deliveries.close()
        await self.sockets.close()
        if self._saving is not None:
            self._saving.cancel()
        self._save()

    def _changed(self) -> None:
        for tell in self.on_change:
            tell()
        if self._saving is None:
            try:
                self._saving = asyncio.get_running_loop().call_later(SAVE_AFTER, self._save)
            except RuntimeError:  # changed from outside a loop, before one runs
                self._save()

    def _save(self) -> None:
        self._saving = None
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(self.world.dump()))
        new.replace(self._file)

    def _emit(self, event: Json) -> None:
        """Deliver an event that the app subscribes to and can see."""
        place = self.world.channels.get(envelopes.place_of(event))
        if event["type"] in self._events and place is not None and BOT_USER in place.members:
            self._deliveries.publish(envelopes.event(event, at=time.time()))

    def set_group(self, handle: str, members: Sequence[str]) -> None:
        """Change who is in a user group, as an administrator does."""
        group = self.world.group((handle, members))
        self.world.groups[group.id] = group
        self._changed()

    # ── what people do ───────────────────────────────────────────────────────────────────────────────

    async def say(self, *, user: str, channel: str, text: str, thread: str | None = None) -> Json:
        """Let somebody type a line: a slash command is delivered, all else is a message.

        Returns {"ok", "status", "ms", "error"?} for a command (status 0: no answer) and {"ok", "ts"} for a message.

        Raises:
            LookupError: there is no such person or channel.
        """
        person, place = self.world.person(user), self._place(channel)
        if text.startswith("/"):
            return await self._command(person, place, text)
        kept = texts.typed(text, self.world.mentions())
        said = ChatMessage(channel=place.id, ts=self.world.stamp(), user=person.id, text=kept, thread_ts=thread)
        self.world.add(said)
        if BOT_USER in pinged(said):
            where = {"channel": place.id, "ts": said.ts, "event_ts": said.ts, "team": person.team_id}
            thread_of = {"thread_ts": thread} if thread else {}
            self._emit({"type": "app_mention", "user": person.id, "text": kept} | where | thread_of)
        return {"ok": True, "ts": said.ts}

    async def react(self, *, user: str, ts: str, emoji: str, remove: bool = False) -> None:
        """Let somebody add a reaction, or take theirs back; doing it twice changes nothing.

        Raises:
            LookupError: there is no such person or message.
            ValueError: there is no such emoji.
        """
        person, message = self.world.person(user), self.world.find(ts)
        if message is None:
            raise LookupError(f"there is no message {ts}")
        (self.world.unreact if remove else self.world.react)(message, person.id, _known_emoji(emoji))

    async def click(self, *, user: str, ts: str, action_id: str) -> None:
        """Let somebody press a button of a message, or of words that only they see.

        Raises:
            LookupError: there is no such person, message or button.
        """
        person = self.world.person(user)
        shown = self.world.find(ts) or next((w for w in self.world.private if w.ts == ts and w.to == person.id), None)
        element = envelopes.action(shown.blocks, action_id) if shown else None
        if shown is None or element is None:
            raise LookupError(f"there is no {action_id!r} to press on message {ts}")
        handles, address = self._handles(person, shown.channel, original=ts)
        payload = envelopes.interaction(self.world, person, shown, element, handles)
        answer = await self._deliveries.interaction(payload)
        if answer.reason:
            self._explain(address, f'That button failed with the error "{answer.error}"')

    async def open_home(self, *, user: str) -> None:
        """Let somebody open the app's home tab."""
        person = self.world.person(user)
        place, view = self.world.direct(person.id), self.world.homes.get(person.id)
        event: Json = {"type": "app_home_opened", "user": person.id, "channel": place.id, "tab": "home"}
        self._emit(event | {"event_ts": self.world.stamp()} | ({"view": view} if view else {}))

    def invite(self, channel: str) -> None:
        """Make the bot a member of a channel."""
        self._place(channel).members.add(BOT_USER)
        self._changed()

    def kick(self, channel: str) -> None:
        """Put the bot out of a channel: it can no longer post there and is told of nothing there."""
        self._place(channel).members.discard(BOT_USER)
        self._changed()

    def state(self) -> Json:
        """Return the picture for the page: channels, people, messages, private words, commands."""
        shown = [
            {"name": c["command"], "usage": c["usage_hint"], "about": c["description"]} for c in self._commands or ()
        ]
        return picture(self.world) | {"commands": shown}

    # ── a command and its answer ─────────────────────────────────────────────────────────────────────

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
        told: dict[str, Any] = {"error": error} if error else {}
        return {"ok": not error, "status": answer.status, "ms": answer.ms} | told

    def _show(self, address: Address, answer: Answer) -> str | None:
        """Show what a command was answered with; an error where Slack could make nothing of it."""
        if not answer.text.strip():
            return None
        try:
            as_json = answer.content_type == "application/json"
            self._answers.show(address, parsed(answer.text) if as_json else {"text": answer.text})
        except Refusal:
            return "invalid_command_response"
        return None

    def _explain(self, address: Address, text: str) -> None:
        self.world.whisper(Whisper(ts=self.world.stamp(), to=address.user, channel=address.channel, text=text))


def _known_emoji(name: str) -> str:
    known = emoji.canonical(name)
    if known is None:
        raise ValueError(f"there is no emoji {name!r}")
    return known
