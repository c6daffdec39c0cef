"""What a Web API method is, and the lookups that the methods share.

A method is a function `(world, arguments) -> body`; it raises `Refusal` with Slack's own error code.
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
    """A Web API method: its name, rate limit, required scope, and implementation."""

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
    """Return the channel that a call names: by id or, where Slack allows it, by "#name" or a person's id."""
    which = given.text(name)
    found = world.channel(which) if by_name else world.channels.get(which)
    if not which or found is None:
        raise Refusal("channel_not_found")
    return found


def joined(world: World, given: Arguments, *, by_name: bool = False) -> Channel:
    """Return the channel that a call names; the bot must be a member of it."""
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
    """Return one page of a list, and the `response_metadata` with the cursor of the next.

    https://docs.slack.dev/apis/web-api/pagination ; the cursor is opaque to callers; here it is an offset.
    """
    cursor = given.text("cursor")
    if cursor and not (cursor.startswith("next:") and cursor[5:].isdigit()):
        raise Refusal("invalid_cursor")
    start = int(cursor[5:]) if cursor else 0
    end = start + given.number("limit", default=default, most=most)
    return items[start:end], {"next_cursor": f"next:{end}" if end < len(items) else ""}


def as_slack(world: World, item: ChatMessage, *, metadata: bool = False) -> Json:
    """Return a message as the Web API shows it.  https://docs.slack.dev/reference/objects/message-object."""
    body: Json = {"type": "message", "user": item.user, "text": item.text, "ts": item.ts, "team": TEAM}
    if item.user == BOT_USER:
        body |= {"bot_id": BOT, "app_id": APP, "bot_profile": BOT_PROFILE}
    body |= {"blocks": item.blocks} if item.blocks else {}
    body |= {"attachments": item.attachments} if item.attachments else {}
    body |= {"metadata": item.metadata} if metadata and item.metadata else {}
    body |= {"edited": {"user": item.user, "ts": item.edited}} if item.edited else {}
    body |= {"reactions": reactions(item)} if item.reactions else {}
    return body | _thread(world, item)


def reactions(item: ChatMessage) -> list[Json]:
    """Return the reactions to a message as the Web API shows them."""
    return [{"name": name, "users": users, "count": len(users)} for name, users in item.reactions.items()]


def _thread(world: World, item: ChatMessage) -> Json:
    if item.thread_ts:
        return {"thread_ts": item.thread_ts}
    answers = list(world.replies(item))
    if not answers:
        return {}
    users = list(dict.fromkeys(a.user for a in answers))
    counts = {"reply_count": len(answers), "reply_users_count": len(users), "reply_users": users}
    return {"thread_ts": item.ts, "latest_reply": answers[-1].ts, **counts}
