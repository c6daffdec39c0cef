"""The Web API's `reactions.*`.  Sources: https://docs.slack.dev/reference/methods/reactions.add and its neighbours."""

from typing import Final

from bot.domain.json import Json
from callboard_demo.chat import emoji
from callboard_demo.chat.arguments import Arguments, Refusal
from callboard_demo.chat.calls import Method, as_slack, message
from callboard_demo.chat.limits import Tier
from callboard_demo.chat.world import BOT_USER, ChatMessage, World


def _named(world: World, given: Arguments) -> tuple[ChatMessage, str]:
    if not given.text("channel") or not given.text("timestamp"):
        raise Refusal("no_item_specified")
    name = emoji.canonical(given.text("name"))
    if name is None:
        raise Refusal("invalid_name")
    return message(world, given, name="timestamp"), name


def _add(world: World, given: Arguments) -> Json:
    known, name = _named(world, given)
    if not world.react(known, BOT_USER, name):
        raise Refusal("already_reacted")
    return {}


def _remove(world: World, given: Arguments) -> Json:
    known, name = _named(world, given)
    if not world.unreact(known, BOT_USER, name):
        raise Refusal("no_reaction")
    return {}


def _get(world: World, given: Arguments) -> Json:
    if not given.text("channel") or not given.text("timestamp"):
        raise Refusal("no_item_specified")
    known = message(world, given, name="timestamp")
    return {"type": "message", "channel": known.channel, "message": as_slack(world, known)}


METHODS: Final = (
    Method(name="reactions.add", tier=Tier.THREE, scope="reactions:write", run=_add),
    Method(name="reactions.remove", tier=Tier.TWO, scope="reactions:write", run=_remove),
    Method(name="reactions.get", tier=Tier.THREE, scope="reactions:read", run=_get),
)
