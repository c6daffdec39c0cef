"""What each of Slack's errors means: wait, or tell the operator what to do.

Pure.  No reason contains a token or a text of ours.  Source of the names: the error tables at
https://docs.slack.dev/reference/methods
"""

from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from bot.clients.pacing import asked
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons import slack as reasons
from bot.domain.reasons import systems
from bot.domain.reasons.systems import Request
from bot.rules.wording.redaction import excerpt

_WAIT: Final = timedelta(seconds=30)
"""How long to back off where Slack does not say how long."""
QUOTED: Final = 5
"""Details of an error that are quoted."""
_TEMPORARY: Final = frozenset(
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
_CAUSES: Final[Mapping[str, Reason]] = {
    "account_inactive": reasons.AppRemoved(),
    "cant_update_message": reasons.MessageForeign(),
    "channel_not_found": reasons.ChannelUnavailable(),
    "edit_window_closed": reasons.EditsForbidden(),
    "invalid_blocks": reasons.LayoutInvalid(),
    "is_archived": reasons.ChannelArchived(),
    "message_not_found": reasons.MessageDeleted(),
    "msg_blocks_too_long": reasons.MessageTooLong(),
    "msg_too_long": reasons.MessageTooLong(),
    "no_such_subteam": reasons.GroupMissing(),
    "not_in_channel": reasons.ChannelUnavailable(),
    "plan_upgrade_required": reasons.PlanWithoutGroups(),
    "restricted_action": reasons.PostingForbidden(),
    "thread_not_found": reasons.ThreadDeleted(),
    "user_not_in_channel": reasons.PersonLeft(),
}
_AUTH: Final = frozenset(
    {"not_allowed_token_type", "invalid_auth", "not_authed", "token_expired", "token_revoked", "account_inactive"}
)


def refused(method: str, status: int, headers: Mapping[str, str], body: Any) -> Temporary | Permanent:
    """Return what an answer that is not a success means.  `body` is the JSON, or whatever else came."""
    answer = body if isinstance(body, dict) else {}
    error, call = _text(answer.get("error")), Request(name=Name(method))
    if status == HTTPStatus.TOO_MANY_REQUESTS or error in {"ratelimited", "rate_limited"}:
        wait = asked(str(headers.get("Retry-After", "")))
        after = _WAIT if wait.after is None else wait.after
        return Temporary(systems.RateLimited(system=systems.SLACK, during=call, wait=wait.remark), after=after)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or error in _TEMPORARY:
        number = None if error else status
        return Temporary(systems.Failing(system=systems.SLACK, during=call, status=number, said=error or None))
    if not error:
        return Temporary(systems.Malformed(system=systems.SLACK, during=call, cause=systems.Status(status=status)))
    return Permanent(_reason(method, error, answer))


def _reason(method: str, error: Said, answer: Mapping[str, Any]) -> Reason:
    if method == "apps.connections.open":
        return reasons.AppTokenRefused(error=error)
    if error in _AUTH:
        return reasons.BotTokenRefused(error=error, cause=_CAUSES.get(error, reasons.TokenWrong()))
    if error == "missing_scope":
        needed = _text(answer.get("needed"))
        return reasons.ScopeMissing(method=Name(method), scope=Name(needed) if needed else None)
    errors = answer.get("errors")
    details = tuple(map(_text, errors[:QUOTED])) if isinstance(errors, list) else ()
    cause = _CAUSES.get(error, reasons.ErrorUnknown())
    return reasons.Refused(method=Name(method), error=error, details=details, cause=cause)


def _text(value: object) -> Said:
    return Said(excerpt(value, 200) if isinstance(value, str) else "")
