"""The Slack app manifest: what Slack must know of Callboard, made from the handlers' tables.

https://docs.slack.dev/reference/app-manifest
"""

from collections.abc import Mapping
from typing import Final

from bot.domain.json import Json
from handlers import COMMANDS, EVENTS, Command

SCOPES: Final[Mapping[str, str]] = {
    "commands": "slash commands",
    "chat:write": "the message of a promotion, its thread, private answers",
    "reactions:read": "✅ and ❌",
    "users:read": "who is a bot, a guest or deactivated, and approves nothing",
    "usergroups:read": "who is in @ml-release-captains",
    "channels:read": "the id of a public channel that app.yaml names",
    "groups:read": "the same of a private one",
    "channels:history": "whether a message whose answer was lost has been posted",
    "groups:history": "the same in a private channel",
}
"""What the app asks for, and what for; what its events need comes on top."""


def manifest(url: str | None) -> Json:
    """Return the manifest of an app whose bot answers below `url`, or uses Socket Mode where there is none."""
    requests = {"request_url": _requests(url)} if url is not None else {}
    return {
        "_metadata": {"major_version": 1, "minor_version": 1},
        "display_information": {
            "name": "Callboard",
            "description": "Releases machine-learning models from Slack, through Git",
            "background_color": "#1d3557",
        },
        "features": {
            "bot_user": {"display_name": "callboard", "always_online": True},
            "slash_commands": [_command(command, url) for command in COMMANDS.values()],
        },
        "oauth_config": {
            "scopes": {"bot": list(dict.fromkeys((*SCOPES, *(event.scope for event in EVENTS.values()))))}
        },
        "settings": {
            "event_subscriptions": {**requests, "bot_events": sorted(EVENTS)},
            "interactivity": {"is_enabled": True, **requests},
            "org_deploy_enabled": False,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }


def _requests(url: str) -> str:
    return f"{url.rstrip('/')}/slack/events"


def _command(command: Command, url: str | None) -> Json:
    """Return one slash command; `should_escape` would turn @alias and #channel into ids."""
    called = {"url": _requests(url)} if url is not None else {}
    hint = {"description": command.description, "usage_hint": command.usage, "should_escape": False}
    return {"command": command.name, **called, **hint}
