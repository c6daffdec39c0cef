"""A GitHub App's installation and tokens, and the rate limit.  Source: https://docs.github.com/en/rest/apps/apps."""

import secrets
from datetime import timedelta

from aiohttp import web

from bot.clock import now
from callboard_demo.forge import shapes
from callboard_demo.forge.access import APP
from callboard_demo.forge.answers import LOGIN, REPO, Route, answer
from callboard_demo.forge.hub import Hub
from callboard_demo.forge.records import spell
from callboard_demo.forge.refused import Refused, not_found

INSTALLATION = 1
LIFETIME = timedelta(hours=1)
PERMISSIONS = {"contents": "write", "pull_requests": "write", "statuses": "write", "metadata": "read"}


def _app_only(request: web.Request) -> None:
    if request[LOGIN] != APP:
        raise Refused(401, "A JSON web token could not be decoded")


async def get_installation(hub: Hub, request: web.Request) -> web.Response:
    """Return the app's installation on the repository; only for the app itself."""
    _app_only(request)
    url, made = f"{hub.url}/app/installations/{INSTALLATION}", hub.records.created_at
    return answer(
        {
            "id": INSTALLATION, "account": shapes.user(hub, hub.owner), "repository_selection": "selected",
            "access_tokens_url": f"{url}/access_tokens", "repositories_url": f"{hub.url}/installation/repositories",
            "html_url": f"{hub.url}/settings/installations/{INSTALLATION}", "app_id": 1, "app_slug": "callboard",
            "target_id": shapes.number(hub.owner), "target_type": "Organization", "permissions": PERMISSIONS,
            "events": [], "created_at": made, "updated_at": made, "single_file_name": None, "suspended_by": None,
            "suspended_at": None,
        }
    )  # fmt: skip


async def create_token(hub: Hub, request: web.Request) -> web.Response:
    """Issue a token for the installation, valid for an hour; only for the app itself."""
    _app_only(request)
    if request.match_info["installation"] != str(INSTALLATION):
        raise not_found()
    token, expires = f"ghs_{secrets.token_hex(18)}", spell(now() + LIFETIME)
    hub.records.tokens = {kept: until for kept, until in hub.records.tokens.items() if until > spell(now())}
    hub.records.tokens[token] = expires
    hub.changed()
    return answer({"token": token, "expires_at": expires, "permissions": PERMISSIONS}, 201)


ROUTES: tuple[Route, ...] = (
    ("GET", REPO + "/installation", get_installation),
    ("POST", "/app/installations/{installation}/access_tokens", create_token),
)
