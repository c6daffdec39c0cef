"""The forms of Slack's answers, as far as they are used: https://docs.slack.dev/reference/methods .

What others can write (messages and their metadata) is decoded one by one, so that a malformed one hides no other.
"""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from bot.domain.chat import Person
from bot.domain.errors import Temporary
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import systems
from bot.rules.wording.redaction import excerpt

T = TypeVar("T")


class Done(Struct, frozen=True):
    """An answer whose content is not used."""


class Whoami(Struct, frozen=True):
    """auth.test."""

    team_id: str
    user_id: str
    bot_id: str | None = None


class Profile(Struct, frozen=True):
    """A person's chosen name."""

    display_name: str | None = None


class GridUser(Struct, frozen=True):
    """A member of an organisation with several workspaces."""

    teams: list[str] | None = None


class User(Struct, frozen=True):
    """A user, as far as Slack shows one."""

    profile: Profile | None = None
    real_name: str | None = None
    name: str | None = None
    team_id: str | None = None
    enterprise_user: GridUser | None = None
    deleted: bool | None = None
    is_bot: bool | None = None
    is_restricted: bool | None = None
    is_ultra_restricted: bool | None = None
    is_stranger: bool | None = None
    is_workflow_bot: bool | None = None

    @property
    def guest(self) -> bool:
        """Return whether this is not a full member."""
        restricted = self.is_restricted or self.is_ultra_restricted
        return bool(self.deleted or self.is_bot or restricted or self.is_stranger or self.is_workflow_bot)


class UserInfo(Struct, frozen=True):
    """users.info."""

    user: User | None = None


class Group(Struct, frozen=True):
    """A user group."""

    id: str
    handle: str
    users: list[str] | None = None
    date_delete: int | None = None


class Groups(Struct, frozen=True):
    """usergroups.list."""

    usergroups: list[Group]


class Place(Struct, frozen=True):
    """chat.postMessage."""

    channel: str
    ts: str


class Permalink(Struct, frozen=True):
    """chat.getPermalink."""

    permalink: str


class Reaction(Struct, frozen=True):
    """One emoji, and the users who reacted with it."""

    name: str
    users: list[str]


class Reacted(Struct, frozen=True):
    """A message, as reactions.get returns it."""

    reactions: list[Reaction] = []


class Reactions(Struct, frozen=True):
    """reactions.get."""

    message: Reacted


class More(Struct, frozen=True):
    """Where the next page begins."""

    next_cursor: str | None = None


class Page(Struct, frozen=True):
    """A page of a list."""

    response_metadata: More | None = None

    @property
    def cursor(self) -> str | None:
        """Return where the next page begins; None where there is none."""
        return (self.response_metadata and self.response_metadata.next_cursor) or None


class Channel(Struct, frozen=True):
    """A channel that the bot is in."""

    id: str
    name: str


class Channels(Page, frozen=True, kw_only=True):
    """users.conversations."""

    channels: list[Channel]


class Messages(Page, frozen=True, kw_only=True):
    """conversations.history and conversations.replies."""

    messages: list[Any]
    """To be decoded one by one, with `key_of`."""


class Payload(Struct, frozen=True):
    """The data of a message's metadata."""

    key: Any = None


class Metadata(Struct, frozen=True):
    """The metadata of a message."""

    event_type: str | None = None
    event_payload: Payload | None = None


class Written(Struct, frozen=True):
    """One message."""

    ts: str
    user: str | None = None
    metadata: Metadata | None = None


class Opened(Struct, frozen=True):
    """apps.connections.open."""

    url: str


class Hello(Struct, frozen=True):
    """The first message that Slack sends over a socket."""

    type: str | None = None
    reason: Any = None


def read(method: str, body: object, shape: type[T]) -> T:
    """Return an answer, decoded.

    Raises:
        Temporary: it does not have the form of Slack's answers.
    """
    try:
        return msgspec.convert(body, shape)
    except (msgspec.ValidationError, RecursionError) as error:
        why = systems.UnexpectedForm() if isinstance(error, RecursionError) else systems.Unreadable(said=_quoted(error))
        raise Temporary(not_slack(method, why)) from error


def not_slack(method: str, cause: Reason) -> Reason:
    """Return that an answer to a method does not have the form of Slack's answers."""
    return systems.Malformed(system=systems.SLACK, during=systems.Request(name=Name(method)), cause=cause)


def _quoted(error: msgspec.ValidationError) -> Said:
    return Said(excerpt(str(error)))


def key_of(message: object, *, user: str, event: str) -> tuple[str, object] | None:
    """Return the timestamp and the key of a message, if this user posted it with a key."""
    try:
        found = msgspec.convert(message, Written)
    except (msgspec.ValidationError, RecursionError):
        return None
    metadata = found.metadata
    if found.user != user or metadata is None or metadata.event_type != event or metadata.event_payload is None:
        return None
    return found.ts, metadata.event_payload.key


def person(user: str, found: User | None, team: str) -> Person:
    """Return a user, and whether they may be entitled to anything: full members of our workspace only.

    On a grid `team_id` is the home workspace: ours may be among the others.
    """
    if found is None:
        return Person(id=user, name=user, entitled=False)
    display_name = found.profile.display_name if found.profile else None
    teams = {found.team_id, *((found.enterprise_user and found.enterprise_user.teams) or ())}
    full = not found.guest and user != "USLACKBOT"
    return Person(id=user, name=display_name or found.real_name or found.name or user, entitled=full and team in teams)
