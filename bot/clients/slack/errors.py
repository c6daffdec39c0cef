"""What each of Slack's refusals means for this program: wait, or tell the operator what to do.

Pure.  No token and no text of ours is ever part of a sentence.  Source of the names: the error tables at
https://docs.slack.dev/reference/methods
"""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from bot.clients.pacing import asked
from bot.domain.errors import Permanent, Temporary
from bot.rules.wording.redaction import excerpt

_WAIT: Final = timedelta(seconds=30)
TOLD: Final = 5
"""Details of an error that are told."""
_PASSING: Final = frozenset(
    {
        "accesslimited",
        "external_channel_migrating",
        "fatal_error",
        "internal_error",
        "message_limit_exceeded",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
        "update_failed",
    }
)
_TOKEN: Final = "the token is wrong or was revoked; set the Bot User OAuth Token of the installed app"  # noqa: S105
_INVITE: Final = "the channel does not exist or the bot is not in it; create it, or type /invite @callboard there"
_ADVICE: Final[Mapping[str, str]] = {
    "account_inactive": "the app was removed from the workspace; install it again",
    "cant_update_message": "that message was posted by another app or person; the token may be another app's",
    "channel_not_found": _INVITE,
    "edit_window_closed": "the workspace forbids edits after a while; let apps edit their messages",
    "invalid_blocks": "Slack does not take this message's layout; this is a fault of Callboard, please report it",
    "is_archived": "the channel is archived; name another channel in app.yaml",
    "message_not_found": "the message is gone; somebody deleted it",
    "msg_blocks_too_long": "the message is too long; this is a fault of Callboard, please report it",
    "msg_too_long": "the message is too long; this is a fault of Callboard, please report it",
    "no_such_subteam": "there is no such user group; look at approvers in app.yaml",
    "not_in_channel": _INVITE,
    "plan_upgrade_required": "this workspace's plan has no user groups; name people by id in app.yaml",
    "restricted_action": "the workspace forbids apps to post there; let the app post, or name another channel",
    "thread_not_found": "the message that begins the thread is gone; somebody deleted it",
    "user_not_in_channel": "the person has left the channel",
}
_APP: Final = "set an app-level token (xapp-…) with the scope connections:write, and turn on Socket Mode in the app"
_AUTH: Final = frozenset(
    {"not_allowed_token_type", "invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive"}
)


def refused(method: str, status: int, headers: Mapping[str, str], body: Any) -> Temporary | Permanent:
    """Return what an answer that is not a success means.  `body` is the JSON, or whatever else came."""
    answer = body if isinstance(body, dict) else {}
    error = _text(answer.get("error"))
    if status == HTTPStatus.TOO_MANY_REQUESTS or error in {"ratelimited", "rate_limited"}:
        wait = asked(str(headers.get("Retry-After", "")))
        after = _WAIT if wait.after is None else wait.after
        return Temporary(f"Slack asks to call {method} less often{wait.remark}", after=after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or error in _PASSING:
        return Temporary(f"Slack did not do {method} ({error or status})")
    if not error:
        return Temporary(f"what answered {method} was not Slack (HTTP {status})")
    return Permanent(_sentence(method, error, answer))


def _sentence(method: str, error: str, answer: Mapping[str, Any]) -> str:
    if method == "apps.connections.open":
        return f"Slack refuses SLACK_APP_TOKEN ({error}): {_APP}"
    if error in _AUTH:
        return f"Slack refuses SLACK_BOT_TOKEN ({error}): {_ADVICE.get(error, _TOKEN)}"
    if error == "missing_scope":
        needed = _text(answer.get("needed")) or "unknown"
        return f"Slack's {method} needs the scope {needed}: add it under OAuth & Permissions and install the app again"
    errors = answer.get("errors")
    more = "; ".join(map(_text, errors[:TOLD])) if isinstance(errors, list) else ""
    advice = _ADVICE.get(error, "see the error table of this method in Slack's reference")
    return f"Slack refuses {method} ({error}{': ' + more if more else ''}): {advice}"


def _text(value: object) -> str:
    return excerpt(value, 200) if isinstance(value, str) else ""
