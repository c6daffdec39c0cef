"""What a workspace holds: people, channels, groups, messages with reactions, and ephemeral messages.

State and its rules, without HTTP.  All changes go through the methods below, so that every change is announced
(`changed`) and every event that Slack sends to apps is passed on (`emit`).
"""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from bot.domain.json import Json
from callboard_demo.chat import texts

TEAM: Final = "T0ACME"
DOMAIN: Final = "acme"
APP: Final = "A0CALLBOARD"
BOT: Final = "B0CALLBOARD"
BOT_USER: Final = "U0CALLBOARD"
BOT_NAME: Final = "callboard"

VERSIONS_KEPT: Final = 60
VERSIONS_ON_DISK: Final = 5
PRIVATE_KEPT: Final = 200
TRIGGERS_KEPT: Final = 60.0
"""Seconds after which a trigger_id is deleted, long after it has expired."""
TICKET_SECONDS: Final = 30.0
"""How long the URL of a socket is valid."""


def identifier(prefix: str, name: str) -> str:
    """Return a fixed id for a name: `C0` and "#ml-releases" make C0MLRELEASES."""
    return prefix + "".join(c for c in name.upper() if c.isascii() and c.isalnum())


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatUser:
    """A member of the workspace.  The flags are Slack's own; `role` is for the page only."""

    name: str
    role: str = ""
    id: str = ""
    real_name: str = ""
    team_id: str = TEAM
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", self.id or identifier("U0", self.name))
        object.__setattr__(self, "real_name", self.real_name or self.name.capitalize())


CALLBOARD: Final = ChatUser(id=BOT_USER, name=BOT_NAME, role="bot", real_name="Callboard", is_bot=True)


@dataclass(slots=True, kw_only=True)
class Channel:
    """A channel with its messages, ordered by ts."""

    id: str
    name: str
    members: set[str]
    is_im: bool = False
    messages: dict[str, "ChatMessage"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A user group; `handle` is without the @."""

    id: str
    handle: str
    users: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class ChatMessage:
    """A message with its reactions, edits and thread."""

    channel: str
    ts: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    broadcast: bool = False
    metadata: Json | None = None
    edited: str | None = None
    """When it was edited, if Slack would show "(edited)": text changed without blocks."""
    reactions: dict[str, list[str]] = field(default_factory=dict)
    versions: list[Json] = field(default_factory=list)
    """Its versions, newest last: {"at", "text", "blocks"}; only the latest are kept."""

    @property
    def root(self) -> str:
        """Return the ts of the thread that a reply to this message belongs to."""
        return self.thread_ts or self.ts

    def remember(self, at: float) -> None:
        """Add the current content to the versions."""
        self.versions.append({"at": at, "text": self.text, "blocks": self.blocks})
        del self.versions[:-VERSIONS_KEPT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ephemeral:
    """An ephemeral message: only one person sees it, and Slack drops it on a reload."""

    ts: str
    to: str
    channel: str
    text: str
    blocks: tuple[Json, ...] = ()


class World:
    """The workspace.  `changed` is called after every change; `emit` gets each event an app could subscribe to."""

    def __init__(
        self,
        *,
        people: Sequence[ChatUser],
        channels: Sequence[str],
        groups: Mapping[str, Sequence[str]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self.url = ""
        """Where this workspace is served, for the URLs it issues."""
        self.changed: Callable[[], None] = lambda: None
        self.emit: Callable[[Json], None] = lambda event: None
        self.people = {p.id: p for p in (*people, CALLBOARD)}
        everyone = set(self.people)
        names = [c.lstrip("#") for c in channels]
        self.channels = {
            c.id: c for c in (Channel(id=identifier("C0", n), name=n, members=set(everyone)) for n in names)
        }
        self.groups = {g.id: g for g in map(self.group, groups.items())}
        self.private: list[Ephemeral] = []
        self.homes: dict[str, Json] = {}
        self.modals: list[Json] = []
        self.triggers: dict[str, float] = {}
        """When each trigger_id was issued, until it is exchanged."""
        self._tickets: dict[str, float] = {}
        self._last = 0

    def group(self, named: tuple[str, Sequence[str]]) -> Group:
        """Return a new user group with this handle and these members."""
        handle = named[0].lstrip("@")
        users = tuple(self.person(name).id for name in named[1])
        return Group(id=identifier("S0", handle), handle=handle, users=users)

    # ── queries ───────────────────────────────────────────────────────────────────────────────────────

    def person(self, who: str) -> ChatUser:
        """Return a person by id or name.

        Raises:
            LookupError: nobody has that name.
        """
        found = self.people.get(who) or next((p for p in self.people.values() if p.name == who.lstrip("@")), None)
        if found is None:
            raise LookupError(
                f"nobody here is called {who!r}; there are {', '.join(p.name for p in self.people.values())}"
            )
        return found

    def channel(self, which: str) -> Channel | None:
        """Return a channel by id, "#name" or name; a person's id means the direct conversation with the bot."""
        if which in self.people and which != BOT_USER:
            return self.direct(which)
        bare = which.lstrip("#")
        return self.channels.get(which) or next((c for c in self.channels.values() if c.name == bare), None)

    def direct(self, user: str) -> Channel:
        """Return the direct conversation between the bot and a person; create it if needed."""
        key = "D" + user[1:]
        return self.channels.setdefault(key, Channel(id=key, name=key, members={user, BOT_USER}, is_im=True))

    def message(self, channel: str, ts: str) -> ChatMessage | None:
        """Return a message by channel id and ts."""
        return self.channels[channel].messages.get(ts) if channel in self.channels else None

    def find(self, ts: str) -> ChatMessage | None:
        """Return a message by its ts alone; here no two channels share one."""
        return next((c.messages[ts] for c in self.channels.values() if ts in c.messages), None)

    def replies(self, message: ChatMessage) -> Iterator[ChatMessage]:
        """Yield the replies in a message's thread, oldest first."""
        return (m for m in self.channels[message.channel].messages.values() if m.thread_ts == message.ts)

    def mentions(self) -> dict[str, str]:
        """Return the names that can follow an @, with how Slack stores each mention."""
        everyone = {name: f"<!{name}>" for name in ("channel", "here", "everyone")}
        groups = {g.handle: f"<!subteam^{g.id}>" for g in self.groups.values()}
        return everyone | groups | {p.name: f"<@{p.id}>" for p in self.people.values()}

    # ── changes ───────────────────────────────────────────────────────────────────────────────────────

    def stamp(self) -> str:
        """Return a new ts: the time in microseconds, unique."""
        self._last = max(self._last + 1, int(self.clock() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def trigger(self) -> str:
        """Return a new trigger_id, valid for one view within three seconds."""
        name = f"{self.stamp()}.{uuid.uuid4().hex}"
        now = self.clock()
        self.triggers = {k: at for k, at in self.triggers.items() if now - at < TRIGGERS_KEPT} | {name: now}
        return name

    def ticket(self) -> str:
        """Return a new ticket, valid for one socket within half a minute."""
        name, now = uuid.uuid4().hex, self.clock()
        self._tickets = {k: at for k, at in self._tickets.items() if now - at < TICKET_SECONDS} | {name: now}
        return name

    def redeem(self, ticket: str) -> bool:
        """Return whether a ticket is valid, and use it up."""
        return self.clock() - self._tickets.pop(ticket, 0) < TICKET_SECONDS

    def add(self, message: ChatMessage) -> ChatMessage:
        """Add a message to its channel or thread."""
        message.remember(self.clock())
        self.channels[message.channel].messages[message.ts] = message
        self.changed()
        return message

    def remove(self, message: ChatMessage) -> None:
        """Delete a message."""
        del self.channels[message.channel].messages[message.ts]
        self.changed()

    def show_ephemeral(self, ephemeral: Ephemeral) -> None:
        """Show an ephemeral message."""
        self.private.append(ephemeral)
        del self.private[:-PRIVATE_KEPT]
        self.changed()

    def delete_ephemeral(self, ts: str) -> None:
        """Delete an ephemeral message."""
        self.private[:] = [w for w in self.private if w.ts != ts]
        self.changed()

    def react(self, message: ChatMessage, user: str, name: str) -> bool:
        """Add a reaction; return False if that person has already added it."""
        users = message.reactions.setdefault(name, [])
        if user in users:
            return False
        users.append(user)
        self._reacted("reaction_added", message, user, name)
        return True

    def unreact(self, message: ChatMessage, user: str, name: str) -> bool:
        """Remove a reaction; return False if that person has not added it."""
        users = message.reactions.get(name, [])
        if user not in users:
            return False
        users.remove(user)
        if not users:
            del message.reactions[name]
        self._reacted("reaction_removed", message, user, name)
        return True

    def _reacted(self, kind: str, message: ChatMessage, user: str, name: str) -> None:
        """Emit the event of a reaction.  https://docs.slack.dev/reference/events/reaction_added."""
        item = {"type": "message", "channel": message.channel, "ts": message.ts}
        event = {"type": kind, "user": user, "reaction": name, "item": item, "item_user": message.user}
        self.changed()
        self.emit(event | {"event_ts": self.stamp()})

    # ── storage ───────────────────────────────────────────────────────────────────────────────────────

    def dump(self) -> Json:
        """Return everything that must survive a restart."""
        channels = [_kept(c) for c in self.channels.values()]
        return {
            "last": self._last,
            "channels": channels,
            "private": [asdict(w) for w in self.private],
            "homes": self.homes,
        }

    def load(self, kept: Json) -> None:
        """Load what `dump` returned; people and groups are not stored, they are passed in at each start."""
        self._last = kept["last"]
        self.private = [Ephemeral(**w | {"blocks": tuple(w["blocks"])}) for w in kept["private"]]
        self.homes = kept["homes"]
        for channel in kept["channels"]:
            messages = {ts: ChatMessage(**m) for ts, m in channel["messages"].items()}
            self.channels[channel["id"]] = Channel(
                **channel | {"members": set(channel["members"]), "messages": messages}
            )


def _kept(channel: Channel) -> Json:
    """Return a channel for storage, with only the newest version of each message, so that the file stays bounded."""
    kept = asdict(channel) | {"members": sorted(channel.members)}
    for message in kept["messages"].values():
        del message["versions"][:-VERSIONS_ON_DISK]
    return kept


def pinged(message: ChatMessage | Ephemeral) -> list[str]:
    """Return whom a message mentions in its text or its blocks."""
    blocks: list[Any] = list(message.blocks)
    return texts.pings(message.text, *texts.mrkdwn(blocks))


def revised(ephemeral: Ephemeral, *, text: str, blocks: Sequence[Json]) -> Ephemeral:
    """Return an ephemeral message with other content."""
    return replace(ephemeral, text=text, blocks=tuple(blocks))
