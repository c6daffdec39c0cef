"""The Web API's `conversations.*` and `users.conversations`: channels and their messages.

Sources: https://docs.slack.dev/reference/methods/conversations.history and its neighbours.
"""

import re
from typing import Final

from bot.domain.json import Json
from callboard_demo.chat.arguments import Arguments, Refusal
from callboard_demo.chat.calls import Method, as_slack, channel, joined, page
from callboard_demo.chat.limits import Tier
from callboard_demo.chat.world import BOT_USER, TEAM, Channel, ChatMessage, World

_TS: Final = re.compile(r"\d+(?:\.\d{1,6})?")


def _as_slack(world: World, place: Channel) -> Json:
    if place.is_im:
        person = next(m for m in place.members if m != BOT_USER)
        return {"id": place.id, "is_im": True, "user": person, "is_archived": False}
    flags = {"is_channel": True, "is_private": False, "is_archived": False, "is_member": BOT_USER in place.members}
    return {"id": place.id, "name": place.name, "name_normalized": place.name, "context_team_id": TEAM, **flags}


def _of_kind(world: World, given: Arguments) -> list[Channel]:
    kinds = {k.strip() for k in given.text("types", "public_channel").split(",")}
    return [c for c in world.channels.values() if ("im" if c.is_im else "public_channel") in kinds]


def _list(world: World, given: Arguments) -> Json:
    entries, more = page(_of_kind(world, given), given)
    return {"channels": [_as_slack(world, c) for c in entries], "response_metadata": more}


def _mine(world: World, given: Arguments) -> Json:
    mine = [c for c in _of_kind(world, given) if given.text("user", BOT_USER) in c.members]
    entries, more = page(mine, given)
    return {"channels": [_as_slack(world, c) for c in entries], "response_metadata": more}


def _info(world: World, given: Arguments) -> Json:
    return {"channel": _as_slack(world, channel(world, given))}


def _members(world: World, given: Arguments) -> Json:
    entries, more = page(sorted(channel(world, given).members), given)
    return {"members": list(entries), "response_metadata": more}


def _open(world: World, given: Arguments) -> Json:
    users = [u.strip() for u in given.text("users").split(",") if u.strip()]
    if not users:
        raise Refusal("users_list_not_supplied")
    if users[0] not in world.people or len(users) > 1:
        raise Refusal("user_not_found" if users[0] not in world.people else "too_many_users")
    place = world.direct(users[0])
    return {"channel": _as_slack(world, place) if given.flag("return_im") else {"id": place.id}}


def _join(world: World, given: Arguments) -> Json:
    place = channel(world, given)
    already: Json = {"warning": "already_in_channel"} if BOT_USER in place.members else {}
    place.members.add(BOT_USER)
    world.changed()
    return {"channel": _as_slack(world, place)} | already


# ── messages ──────────────────────────────────────────────────────────────────────────────────────────


def _moment(given: Arguments, name: str) -> float | None:
    raw = given.text(name)
    if not raw or (name == "latest" and raw == "now"):
        return None
    if not _TS.fullmatch(raw):
        raise Refusal(f"invalid_ts_{name}")
    return float(raw)


def _between(messages: list[ChatMessage], given: Arguments) -> list[ChatMessage]:
    """Return the messages after `oldest` and before `latest`; `inclusive` includes both ends."""
    oldest, latest = _moment(given, "oldest") or 0.0, _moment(given, "latest")
    ends = given.flag("inclusive")

    def within(at: float) -> bool:
        after = at > oldest or (ends and at == oldest)
        before = latest is None or at < latest or (ends and at == latest)
        return after and before

    return [m for m in messages if within(float(m.ts))]


def _pageful(world: World, given: Arguments, messages: list[ChatMessage]) -> Json:
    entries, more = page(messages, given, most=999)
    with_metadata = given.flag("include_all_metadata")
    body = {
        "messages": [as_slack(world, m, metadata=with_metadata) for m in entries],
        "has_more": bool(more["next_cursor"]),
    }
    return body | ({"response_metadata": more} if more["next_cursor"] else {})


def _history(world: World, given: Arguments) -> Json:
    place = joined(world, given)
    top = [m for m in place.messages.values() if m.thread_ts is None or m.broadcast]
    return _pageful(world, given, _between(top, given)[::-1]) | {"pin_count": 0}


def _replies(world: World, given: Arguments) -> Json:
    place = joined(world, given)
    root = place.messages.get(given.text("ts"))
    if root is None:
        raise Refusal("thread_not_found")
    answers = [] if root.thread_ts else list(world.replies(root))
    return _pageful(world, given, [root, *_between(answers, given)])


METHODS: Final = (
    Method(name="conversations.list", tier=Tier.TWO, scope="channels:read", run=_list),
    Method(name="users.conversations", tier=Tier.THREE, scope="channels:read", run=_mine),
    Method(name="conversations.info", tier=Tier.THREE, scope="channels:read", run=_info),
    Method(name="conversations.members", tier=Tier.FOUR, scope="channels:read", run=_members),
    Method(name="conversations.open", tier=Tier.THREE, scope="im:write", run=_open),
    Method(name="conversations.join", tier=Tier.THREE, scope="channels:join", run=_join),
    Method(name="conversations.history", tier=Tier.THREE, scope="channels:history", run=_history),
    Method(name="conversations.replies", tier=Tier.THREE, scope="channels:history", run=_replies),
)
