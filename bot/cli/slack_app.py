"""The Slack app manifest, generated from the handlers' tables.

https://docs.slack.dev/reference/app-manifest
"""

from collections.abc import Mapping
from typing import Final

from bot.domain.json import Json
from handlers import COMMANDS, EVENTS, Command

SCOPES: Final[Mapping[str, str]] = {
    "commands": "slash commands",
    "chat:write": "promotion messages, their threads, private replies",
    "reactions:read": "✅ and ❌",
    "users:read": "to exclude bots, guests and deactivated users from approving",
    "usergroups:read": "the members of @ml-release-captains",
    "channels:read": "the id of a public channel in app.yaml",
    "groups:read": "the same for private channels",
    "channels:history": "to find a message after its response was lost",
    "groups:history": "the same for private channels",
}
"""The app's scopes with their purpose; the events add their own."""


def manifest(url: str | None) -> Json:
    """Return the app manifest for a bot at `url`, or for Socket Mode if `url` is None."""
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
    """Return a slash command.  `should_escape` is off: it would turn @alias and #channel into ids."""
    called = {"url": _requests(url)} if url is not None else {}
    hint = {"description": command.description, "usage_hint": command.syntax.arguments, "should_escape": False}
    return {"command": command.name, **called, **hint}
