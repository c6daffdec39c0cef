"""What Slack sends to an app: slash commands, interactions and events, in Slack's format.

Pure functions that return the body; signing and sending are elsewhere.
Sources: https://docs.slack.dev/interactivity/implementing-slash-commands#app_command_handling ,
https://docs.slack.dev/reference/interaction-payloads/block_actions-payload , https://docs.slack.dev/apis/events-api
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.domain.json import Json
from callboard_demo.chat.calls import as_slack
from callboard_demo.chat.world import APP, BOT_USER, DOMAIN, TEAM, Channel, ChatMessage, ChatUser, Ephemeral, World

VERIFICATION_TOKEN: Final = "not-a-secret-and-not-used"  # noqa: S105 - deprecated by Slack, still in every body


@dataclass(frozen=True, slots=True, kw_only=True)
class Handles:
    """What an app may reply with: a response_url for messages, a trigger_id for a modal."""

    response_url: str
    trigger_id: str


def command(person: ChatUser, place: Channel, text: str, handles: Handles) -> dict[str, str]:
    """Return the form of a slash command; `text` is the whole line as typed."""
    name, _, rest = text.strip().partition(" ")
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM,
        "team_domain": DOMAIN,
        "channel_id": place.id,
        "channel_name": "directmessage" if place.is_im else place.name,
        "user_id": person.id,
        "user_name": person.name,
        "command": name,
        "text": rest.strip(),
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": handles.response_url,
        "trigger_id": handles.trigger_id,
    }


def action(blocks: Sequence[Json], action_id: str) -> Json | None:
    """Return the interactive element with that action id, and the id of its block."""
    return next((e | {"block_id": b} for b, e in _elements(blocks) if e.get("action_id") == action_id), None)


def _elements(blocks: Sequence[Json]) -> Iterator[tuple[str, Json]]:
    for block in blocks:
        for element in (*block.get("elements", ()), block.get("accessory")):
            if isinstance(element, dict):
                yield block["block_id"], element


def interaction(world: World, person: ChatUser, item: ChatMessage | Ephemeral, element: Json, handles: Handles) -> Json:
    """Return the payload of a click on `element`, which `action` found."""
    private = isinstance(item, Ephemeral)
    place = world.channels[item.channel]
    container = {"type": "message", "message_ts": item.ts, "channel_id": item.channel, "is_ephemeral": private}
    clicked = {k: v for k, v in element.items() if k in {"type", "action_id", "block_id", "text", "value", "style"}}
    return {
        "type": "block_actions",
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id},
        "api_app_id": APP,
        "token": VERIFICATION_TOKEN,
        "container": container,
        "trigger_id": handles.trigger_id,
        "team": {"id": TEAM, "domain": DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": place.id, "name": place.name},
        **({} if isinstance(item, Ephemeral) else {"message": as_slack(world, item)}),
        "state": {"values": {}},
        "response_url": handles.response_url,
        "actions": [clicked | {"action_ts": world.stamp()}],
    }


def event(inner: Json, *, at: float) -> Json:
    """Return the envelope of one event; every delivery attempt carries the same one."""
    authorized = {
        "enterprise_id": None,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "token": VERIFICATION_TOKEN,
        "team_id": TEAM,
        "context_team_id": TEAM,
        "context_enterprise_id": None,
        "api_app_id": APP,
        "event": inner,
        "type": "event_callback",
        "event_id": f"Ev{uuid.uuid4().hex[:10].upper()}",
        "event_time": int(at),
        "authorizations": [authorized],
        "is_ext_shared_channel": False,
        "event_context": f"4-{uuid.uuid4().hex}",
    }


def handshake(challenge: str) -> Json:
    """Return the body of Slack's URL verification request."""
    return {"token": VERIFICATION_TOKEN, "challenge": challenge, "type": "url_verification"}


def place_of(inner: Json) -> Any:
    """Return the channel of an event."""
    return inner.get("channel") or inner.get("item", {}).get("channel")
