"""Why any outside system did not do what it was asked: unreachable, too slow, overloaded, or its answer is unusable."""

from datetime import timedelta
from typing import Final

from bot.domain.reason import Name, Reason, Said, reason

GITHUB: Final = Name("github")
SLACK: Final = Name("slack")
MLFLOW: Final = Name("mlflow")
CLUSTER: Final = Name("cluster")
IMAGES: Final = Name("image_registry")
SERVER: Final = Name("model_server")


# ── what a system did not do ──────────────────────────────────────────────────────────────────────────


@reason("system_unreachable")
class Unreachable(Reason):
    """No connection, or it ended before the whole answer had arrived."""

    system: Name
    at: Name | None = None
    """Its address."""
    during: Reason | None = None
    """The call that failed."""
    cause: Reason


@reason("system_timed_out")
class TimedOut(Reason):
    """No whole answer in time."""

    system: Name
    at: Name | None = None
    during: Reason | None = None
    within: timedelta | None = None


@reason("system_failing")
class Failing(Reason):
    """The system answered that it cannot do this at the moment."""

    system: Name
    at: Name | None = None
    during: Reason | None = None
    status: int | None = None
    said: Said | None = None
    wait: Reason | None = None


@reason("system_rate_limited")
class RateLimited(Reason):
    """The system wants fewer requests."""

    system: Name
    during: Reason | None = None
    said: Said | None = None
    wait: Reason | None = None


@reason("system_malformed")
class Malformed(Reason):
    """What answered is probably another system, or its answer is damaged."""

    system: Name
    at: Name | None = None
    during: Reason | None = None
    cause: Reason


@reason("system_answer_too_large")
class AnswerTooLarge(Reason):
    """An answer is larger than Callboard reads."""

    system: Name
    at: Name | None = None
    during: Reason | None = None
    cause: Reason


@reason("system_list_too_long")
class ListTooLong(Reason):
    """A list has more pages, or more bytes, than Callboard reads."""

    what: Reason
    pages: int
    mebibytes: int


@reason("system_list_too_slow")
class ListTooSlow(Reason):
    """The pages of a list took too long together."""

    what: Reason
    within: timedelta


# ── calls ─────────────────────────────────────────────────────────────────────────────────────────────


@reason("call_request")
class Request(Reason):
    """An HTTP request, or a named method of an API."""

    name: Name


@reason("list_at")
class ListAt(Reason):
    """The list at a path or of a method of an API."""

    name: Name


# ── causes ────────────────────────────────────────────────────────────────────────────────────────────


@reason("cause_no_answer")
class NoAnswer(Reason):
    """Nothing came in time."""


@reason("cause_host_unknown")
class HostUnknown(Reason):
    """DNS has no address for the host's name."""


@reason("cause_connection_failed")
class ConnectionFailed(Reason):
    """No connection, in the operating system's words where it gave any."""

    said: Said | None = None


@reason("cause_connection_closed")
class ConnectionClosed(Reason):
    """The other side ended the connection too early."""


@reason("cause_tls")
class TLSFailed(Reason):
    """No encrypted connection."""

    said: Said | None = None


@reason("cause_too_large")
class TooLarge(Reason):
    """An answer, or a line of it, is larger than its limit."""

    bytes: int
    line: bool = False


@reason("cause_redirect")
class Redirect(Reason):
    """The answer is a redirect, which is not followed."""

    status: int


@reason("cause_not_http")
class NotHTTP(Reason):
    """The answer breaks the rules of HTTP."""


@reason("cause_status")
class Status(Reason):
    """An HTTP status that the system never gives."""

    status: int


@reason("cause_unreadable")
class Unreadable(Reason):
    """The answer could not be decoded, in the decoder's words."""

    said: Said


@reason("cause_unexpected_form")
class UnexpectedForm(Reason):
    """The answer could be decoded, and does not have the documented form."""


# ── waits ─────────────────────────────────────────────────────────────────────────────────────────────


@reason("wait_shortened")
class WaitShortened(Reason):
    """The system asked for a longer wait than Callboard keeps."""

    limit: timedelta


@reason("wait_ignored")
class WaitIgnored(Reason):
    """The system asked for a wait that is not a time."""
