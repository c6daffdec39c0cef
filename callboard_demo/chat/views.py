"""The Web API's `views.publish` (the app's home) and `views.open` (a modal, within three seconds of a trigger).

Sources: https://docs.slack.dev/reference/methods/views.publish and …/views.open
"""

import re
import uuid
from typing import Final

from bot.domain.json import Json
from callboard_demo.chat import blocks as rules
from callboard_demo.chat.arguments import Arguments, Refusal
from callboard_demo.chat.calls import Method
from callboard_demo.chat.limits import Tier
from callboard_demo.chat.world import APP, BOT, TEAM, World

TRIGGER_SECONDS: Final = 3.0
VIEW_BYTES: Final = 250_000
_TRIGGER: Final = re.compile(r"\d+\.\d+\.[0-9a-f]+")


def _view(given: Arguments, *, kind: str) -> Json:
    view = given.nested("view", otherwise="invalid_arguments")
    if not isinstance(view, dict) or view.get("type") != kind:
        raise Refusal("invalid_arguments", messages=("missing required field: type [json-pointer:/view]",))
    if found := rules.faults(view.get("blocks"), at="/view/blocks", most=rules.VIEW_BLOCKS):
        raise Refusal("invalid_arguments", messages=tuple(found))
    if len(str(view)) > VIEW_BYTES:
        raise Refusal("view_too_large")
    names = {"id": f"V{uuid.uuid4().hex[:10].upper()}", "team_id": TEAM, "app_id": APP, "bot_id": BOT}
    return view | {"blocks": rules.furnished(view["blocks"]), "hash": uuid.uuid4().hex[:8]} | names


def _publish(world: World, given: Arguments) -> Json:
    user = given.text("user_id")
    if user not in world.people:
        raise Refusal("user_not_found")
    known, expected = world.homes.get(user), given.text("hash")
    if expected and (known is None or known["hash"] != expected):
        raise Refusal("hash_conflict")
    world.homes[user] = _view(given, kind="home")
    world.changed()
    return {"view": world.homes[user]}


def _open(world: World, given: Arguments) -> Json:
    trigger = given.text("trigger_id")
    if trigger not in world.triggers:
        raise Refusal("exchanged_trigger_id" if _TRIGGER.fullmatch(trigger) else "invalid_trigger_id")
    if world.clock() - world.triggers[trigger] > TRIGGER_SECONDS:
        raise Refusal("expired_trigger_id")
    view = _view(given, kind="modal")
    del world.triggers[trigger]
    world.modals.append(view)
    world.changed()
    return {"view": view}


METHODS: Final = (
    Method(name="views.publish", tier=Tier.FOUR, scope=None, run=_publish),
    Method(name="views.open", tier=Tier.FOUR, scope=None, run=_open),
)
