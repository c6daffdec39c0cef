"""The Slack app manifest: what Slack must know of Callboard, made from the handlers' table of contents.

https://docs.slack.dev/reference/app-manifest
"""

from collections.abc import Iterable, Mapping
from typing import Final

from bot.domain.json import Json

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
"""What the app asks for, and what for."""


def manifest(commands: Mapping[str, tuple[str, str]], url: str | None, events: Iterable[str] = ()) -> Json:
    """Return the manifest of an app whose bot answers below `url`, or uses Socket Mode where there is none.

    `commands` are, by their name with the slash, (description, usage hint); `events` the bot events handled.
    """
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
            "slash_commands": [_command(name, *texts, url) for name, texts in commands.items()],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**requests, "bot_events": sorted(events)},
            "interactivity": {"is_enabled": True, **requests},
            "org_deploy_enabled": False,
            "socket_mode_enabled": url is None,
            "token_rotation_enabled": False,
        },
    }


def _requests(url: str) -> str:
    return f"{url.rstrip('/')}/slack/events"


def _command(name: str, description: str, usage: str, url: str | None) -> Json:
    """Return one slash command; `should_escape` would turn @alias and #channel into ids."""
    called = {"url": _requests(url)} if url is not None else {}
    return {"command": name, **called, "description": description, "usage_hint": usage, "should_escape": False}
