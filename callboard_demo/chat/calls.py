"""What every Web API method is, and what they ask of the workspace in the same way.

A method is a function `(world, arguments) -> body`; it raises `Refusal` with Slack's own error.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from bot.domain.json import Json
from callboard_demo.chat.arguments import Arguments, Refusal
from callboard_demo.chat.limits import Tier
from callboard_demo.chat.world import APP, BOT, BOT_NAME, BOT_USER, TEAM, Channel, ChatMessage, World

Run: TypeAlias = Callable[[World, Arguments], Json]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of the Web API: its name, limit, the scope it needs, and what it does."""

    name: str
    tier: Tier
    scope: str | None
    run: Run
    app_level: bool = False
    """Called with the app's own token (xapp-…) rather than the bot's."""


BOT_PROFILE: Final[Json] = {
    "id": BOT,
    "app_id": APP,
    "user_id": BOT_USER,
    "name": BOT_NAME,
    "team_id": TEAM,
    "deleted": False,
}


def channel(world: World, given: Arguments, *, name: str = "channel", by_name: bool = False) -> Channel:
    """Return the channel that a call names: by id, and where Slack allows it by "#name" or a person's id."""
    which = given.text(name)
    found = world.channel(which) if by_name else world.channels.get(which)
    if not which or found is None:
        raise Refusal("channel_not_found")
    return found


def joined(world: World, given: Arguments, *, by_name: bool = False) -> Channel:
    """Return the channel that a call names, of which the bot must be a member."""
    found = channel(world, given, by_name=by_name)
    if BOT_USER not in found.members:
        raise Refusal("not_in_channel")
    return found


def message(world: World, given: Arguments, *, name: str = "ts") -> ChatMessage:
    """Return the message that a call names by channel and ts."""
    found = world.message(channel(world, given).id, given.text(name))
    if found is None:
        raise Refusal("message_not_found")
    return found


def page(
    items: Sequence[Item], given: Arguments, *, default: int = 100, most: int = 1000
) -> tuple[Sequence[Item], Json]:
    """Return one page of a list, and the `response_metadata` that leads to the next.

    https://docs.slack.dev/apis/web-api/pagination ; the cursor is opaque to the caller, here it is an offset.
    """
    cursor = given.text("cursor")
    if cursor and not (cursor.startswith("next:") and cursor[5:].isdigit()):
        raise Refusal("invalid_cursor")
    start = int(cursor[5:]) if cursor else 0
    end = start + given.number("limit", default=default, most=most)
    return items[start:end], {"next_cursor": f"next:{end}" if end < len(items) else ""}


def as_slack(world: World, shown: ChatMessage, *, metadata: bool = False) -> Json:
    """Return a message as the Web API shows it.  https://docs.slack.dev/reference/objects/message-object."""
    body: Json = {"type": "message", "user": shown.user, "text": shown.text, "ts": shown.ts, "team": TEAM}
    if shown.user == BOT_USER:
        body |= {"bot_id": BOT, "app_id": APP, "bot_profile": BOT_PROFILE}
    body |= {"blocks": shown.blocks} if shown.blocks else {}
    body |= {"attachments": shown.attachments} if shown.attachments else {}
    body |= {"metadata": shown.metadata} if metadata and shown.metadata else {}
    body |= {"edited": {"user": shown.user, "ts": shown.edited}} if shown.edited else {}
    body |= {"reactions": reactions(shown)} if shown.reactions else {}
    return body | _thread(world, shown)


def reactions(shown: ChatMessage) -> list[Json]:
    """Return the reactions to a message as the Web API shows them."""
    return [{"name": name, "users": users, "count": len(users)} for name, users in shown.reactions.items()]


def _thread(world: World, shown: ChatMessage) -> Json:
    if shown.thread_ts:
        return {"thread_ts": shown.thread_ts}
    answers = list(world.replies(shown))
    if not answers:
        return {}
    users = list(dict.fromkeys(a.user for a in answers))
    counts = {"reply_count": len(answers), "reply_users_count": len(users), "reply_users": users}
    return {"thread_ts": shown.ts, "latest_reply": answers[-1].ts, **counts}
