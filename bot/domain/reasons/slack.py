"""Why Slack does not do something.  Names of errors: https://docs.slack.dev/reference/methods ."""

from bot.domain.reason import Name, Reason, Said, reason

# ── calls ─────────────────────────────────────────────────────────────────────────────────────────────


@reason("slack_refused")
class Refused(Reason):
    """Slack refused a call, with its error and what it says more about it."""

    method: Name
    error: Said
    details: tuple[Said, ...] = ()
    cause: Reason


@reason("slack_bot_token_refused")
class BotTokenRefused(Reason):
    """The bot's token is not accepted."""

    error: Said
    cause: Reason


@reason("slack_app_token_refused")
class AppTokenRefused(Reason):
    """The app-level token is not accepted."""

    error: Said


@reason("slack_scope_missing")
class ScopeMissing(Reason):
    """The bot's token lacks a scope, which Slack usually names."""

    method: Name
    scope: Name | None = None


@reason("slack_pace")
class Paced(Reason):
    """Callboard waits so as not to exceed Slack's rate limits."""

    method: Name


@reason("slack_stopping")
class Stopping(Reason):
    """The connection is closed because the bot is stopping."""


@reason("slack_socket")
class Socket(Reason):
    """The call is the WebSocket of Socket Mode."""


@reason("slack_socket_refused")
class SocketRefused(Reason):
    """Slack ended a new WebSocket instead of sending `hello`."""

    said: Said | None = None


# ── names in app.yaml and settings ────────────────────────────────────────────────────────────────────


@reason("slack_group_unknown")
class GroupUnknown(Reason):
    """There is no such user group, or it is disabled."""

    group: Name


@reason("slack_not_in_channel")
class NotInChannel(Reason):
    """The bot is not in a channel of this name."""

    channel: Name


@reason("slack_address_invalid")
class AddressInvalid(Reason):
    """SLACK_API_URL is not an address."""


# ── causes: what Slack's errors mean ──────────────────────────────────────────────────────────────────


@reason("slack_token_wrong")
class TokenWrong(Reason):
    """The token is wrong or was revoked."""


@reason("slack_app_removed")
class AppRemoved(Reason):
    """The app was removed from the workspace."""


@reason("slack_message_foreign")
class MessageForeign(Reason):
    """The message was posted by someone else."""


@reason("slack_channel_unavailable")
class ChannelUnavailable(Reason):
    """The channel does not exist, or the bot is not in it."""


@reason("slack_channel_archived")
class ChannelArchived(Reason):
    """The channel is archived."""


@reason("slack_edits_forbidden")
class EditsForbidden(Reason):
    """The workspace allows no late edits."""


@reason("slack_posting_forbidden")
class PostingForbidden(Reason):
    """The workspace does not let apps post in the channel."""


@reason("slack_layout_invalid")
class LayoutInvalid(Reason):
    """Slack does not accept the blocks of a message."""


@reason("slack_message_too_long")
class MessageTooLong(Reason):
    """The message is too long for Slack."""


@reason("slack_message_deleted")
class MessageDeleted(Reason):
    """The message is gone."""


@reason("slack_thread_deleted")
class ThreadDeleted(Reason):
    """The first message of a thread is gone."""


@reason("slack_group_missing")
class GroupMissing(Reason):
    """A user group does not exist."""


@reason("slack_plan_without_groups")
class PlanWithoutGroups(Reason):
    """The workspace's plan has no user groups."""


@reason("slack_person_left")
class PersonLeft(Reason):
    """Someone is no longer in the channel."""


@reason("slack_error_unknown")
class ErrorUnknown(Reason):
    """An error that Callboard has no advice for."""
