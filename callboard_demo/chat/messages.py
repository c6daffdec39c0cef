"""The Web API's `chat.*`: post, update, delete, ephemeral messages, permalinks.

Sources: https://docs.slack.dev/reference/methods/chat.postMessage and its neighbours.
"""

from typing import Any, Final

from bot.domain.json import Json
from callboard_demo.chat import blocks as rules
from callboard_demo.chat import texts
from callboard_demo.chat.arguments import Arguments, Refusal
from callboard_demo.chat.calls import Method, as_slack, joined, message
from callboard_demo.chat.limits import Tier
from callboard_demo.chat.world import BOT_USER, DOMAIN, ChatMessage, Ephemeral, World

POST_TEXT: Final = 40_000
UPDATE_TEXT: Final = 4_000
"""The text of an edit may be a tenth as long as that of a post: see chat.update, `msg_too_long`."""
ATTACHMENTS: Final = 100
METADATA_SIZE: Final = 8_000


def contents(given: Arguments, *, most: int = POST_TEXT) -> tuple[str, list[Json], list[Json]]:
    """Return (text, blocks, attachments) of a message as Slack would store them.

    Raises:
        Refusal: Slack would reject them.
    """
    text = given.text("text")
    blocks = _blocks(given.nested("blocks", otherwise="invalid_blocks_format"))
    attachments = given.nested("attachments", otherwise="invalid_attachments") or []
    if not isinstance(attachments, list) or len(attachments) > ATTACHMENTS:
        raise Refusal("too_many_attachments" if isinstance(attachments, list) else "invalid_attachments")
    for attachment in attachments:
        _blocks(attachment.get("blocks"))
    if not (text.strip() or blocks or attachments):
        raise Refusal("no_text")
    if len(text) > most:
        raise Refusal("msg_too_long")
    return texts.stored(text), rules.furnished(blocks), attachments


def _blocks(given: Any) -> list[Json]:
    if given is None or given == []:
        return []
    if not isinstance(given, list):
        raise Refusal("invalid_blocks_format")
    if found := rules.faults(given):
        raise Refusal("invalid_blocks", messages=tuple(found))
    if rules.tables(given) > 1:
        raise Refusal("invalid_attachments", messages=("only_one_table_allowed",))
    if rules.length(given) > rules.CONTENT_TOTAL:
        raise Refusal("msg_blocks_too_long")
    return given


def metadata(given: Arguments) -> Json | None:
    """Return a message's metadata.  https://docs.slack.dev/messaging/message-metadata ."""
    value = given.nested("metadata", otherwise="invalid_metadata_format")
    if value is None:
        return None
    if not isinstance(value, dict) or (value and not isinstance(value.get("event_type"), str)):
        raise Refusal("invalid_metadata_format")
    if not value:
        return {}
    payload = value.get("event_payload")
    if not isinstance(payload, dict) or any(map(_too_deep, payload.values())):
        raise Refusal("invalid_metadata_schema")
    if len(str(payload)) > METADATA_SIZE:
        raise Refusal("metadata_too_large")
    return value


def _too_deep(value: Any) -> bool:
    """Return whether a value is nested deeper than one level of objects."""
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return any(isinstance(v, dict | list) for v in inner)


def _thread(world: World, channel: str, given: Arguments) -> str | None:
    ts = given.text("thread_ts")
    if not ts:
        return None
    root = world.message(channel, ts)
    if root is None:
        raise Refusal("cannot_reply_to_message")
    return root.root


def _post(world: World, given: Arguments) -> Json:
    place = joined(world, given, by_name=True)
    text, blocks, attachments = contents(given)
    posted = ChatMessage(
        channel=place.id,
        ts=world.stamp(),
        user=BOT_USER,
        text=text,
        blocks=blocks,
        attachments=attachments,
        thread_ts=_thread(world, place.id, given),
        broadcast=given.flag("reply_broadcast"),
        metadata=metadata(given) or None,
    )
    world.add(posted)
    return {"channel": place.id, "ts": posted.ts, "message": as_slack(world, posted)}


def _update(world: World, given: Arguments) -> Json:
    known = message(world, given)
    if known.user != BOT_USER:
        raise Refusal("cant_update_message")
    new = metadata(given)
    text, blocks, attachments = contents(given, most=UPDATE_TEXT)
    revise(world, known, text=text, blocks=blocks)
    known.attachments = attachments
    known.metadata = known.metadata if new is None else new or None
    return {"channel": known.channel, "ts": known.ts, "text": known.text, "message": as_slack(world, known)}


def revise(world: World, known: ChatMessage, *, text: str, blocks: list[Json]) -> None:
    """Replace a message's content.  Text without blocks removes the blocks and shows "(edited)"."""
    known.edited = known.edited if blocks else world.stamp()
    known.text, known.blocks = text, blocks
    known.remember(world.clock())
    world.changed()


def _delete(world: World, given: Arguments) -> Json:
    known = message(world, given)
    if known.user != BOT_USER:
        raise Refusal("cant_delete_message")
    world.remove(known)
    return {"channel": known.channel, "ts": known.ts}


def _post_ephemeral(world: World, given: Arguments) -> Json:
    place = joined(world, given, by_name=True)
    if given.text("user") not in place.members:
        raise Refusal("user_not_in_channel")
    text, blocks, _ = contents(given)
    ephemeral = Ephemeral(ts=world.stamp(), to=given.text("user"), channel=place.id, text=text, blocks=tuple(blocks))
    world.show_ephemeral(ephemeral)
    return {"message_ts": ephemeral.ts}


def _permalink(world: World, given: Arguments) -> Json:
    known = message(world, given, name="message_ts")
    link = f"https://{DOMAIN}.slack.com/archives/{known.channel}/p{known.ts.replace('.', '')}"
    thread = f"?thread_ts={known.thread_ts}&cid={known.channel}" if known.thread_ts else ""
    return {"channel": known.channel, "permalink": link + thread}


METHODS: Final = (
    Method(name="chat.postMessage", tier=Tier.POSTING, scope="chat:write", run=_post),
    Method(name="chat.update", tier=Tier.THREE, scope="chat:write", run=_update),
    Method(name="chat.delete", tier=Tier.THREE, scope="chat:write", run=_delete),
    Method(name="chat.postEphemeral", tier=Tier.FOUR, scope="chat:write", run=_post_ephemeral),
    Method(name="chat.getPermalink", tier=Tier.SPECIAL, scope=None, run=_permalink),
)
