"""Why a request to one of the listeners is refused."""

from datetime import timedelta

from bot.domain.reason import Name, Reason, Said, reason


@reason("not_a_form")
class NotAForm(Reason):
    """A body is not a form."""

    fields: int
    """How many it may have."""


@reason("not_a_json_object")
class NotAJsonObject(Reason):
    """A body is not a JSON object, or is nested too deeply."""


@reason("not_from_slack")
class NotFromSlack(Reason):
    """A body lacks something that Slack sends, or holds something else there."""

    problem: Said


@reason("signature_missing")
class SignatureMissing(Reason):
    """A request has no signature."""

    header: Name


@reason("timestamp_not_current")
class TimestampNotCurrent(Reason):
    """A request was signed too long ago, or has no time."""

    header: Name
    window: timedelta


@reason("host_not_private")
class HostNotPrivate(Reason):
    """A request names a host that anyone can register."""

    endings: tuple[Name, ...]
    """Of names that nobody can."""
