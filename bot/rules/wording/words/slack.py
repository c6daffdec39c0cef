"""The words of `bot.domain.reasons.slack`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import slack
from bot.rules.wording.words.template import Words


def _refused(why: slack.Refused) -> str:
    return f"Slack refused {{method}} ({{error}}{': {details}' if why.details else ''}): {{cause}}"


def _scope_missing(why: slack.ScopeMissing) -> str:
    scope = "the scope {scope}" if why.scope is not None else "a scope that Slack does not name"
    return f"Slack's {{method}} needs {scope}; add it under OAuth and Permissions and reinstall the app"


def _socket_refused(why: slack.SocketRefused) -> str:
    return f"Slack ended the Socket Mode connection at once ({'{said}' if why.said else 'it gave no reason'})"


WORDS: Final[Mapping[type[Reason], Words]] = {
    slack.Refused: _refused,
    slack.BotTokenRefused: "Slack refused SLACK_BOT_TOKEN ({error}): {cause}",
    slack.AppTokenRefused: "Slack refused SLACK_APP_TOKEN ({error})"
    "; set an app-level token (xapp-…) with the scope connections:write, and turn on Socket Mode in the app",
    slack.ScopeMissing: _scope_missing,
    slack.Paced: "{method} has to wait: Slack's rate limit allows no more calls at the moment",
    slack.Stopping: "the connection to Slack is closed, because Callboard is stopping",
    slack.Socket: "Socket Mode",
    slack.SocketRefused: _socket_refused,
    slack.GroupUnknown: "Slack has no user group {group}; correct approvers in app.yaml, or create the group",
    slack.NotInChannel: "Callboard is not in a Slack channel named {channel}"
    "; create it, or type /invite @callboard in it",
    slack.AddressInvalid: "SLACK_API_URL is not a valid address; leave it unset to use Slack itself",
    slack.TokenWrong: "the token is wrong or was revoked; set the Bot User OAuth Token of the installed app",
    slack.AppRemoved: "the app was removed from the workspace; reinstall it",
    slack.MessageForeign: "another app or person posted that message; check that the token belongs to the same app",
    slack.ChannelUnavailable: "the channel does not exist or Callboard is not in it"
    "; create it, or type /invite @callboard in it",
    slack.ChannelArchived: "the channel is archived; name another channel in app.yaml",
    slack.EditsForbidden: "the workspace does not allow edits of older messages; let apps edit their messages",
    slack.PostingForbidden: "the workspace does not let apps post there; allow it, or name another channel in app.yaml",
    slack.LayoutInvalid: "Slack does not accept this message's layout; this is a bug in Callboard, please report it",
    slack.MessageTooLong: "the message is too long; this is a bug in Callboard, please report it",
    slack.MessageDeleted: "someone deleted the message",
    slack.ThreadDeleted: "someone deleted the first message of the thread",
    slack.GroupMissing: "the user group does not exist; correct approvers in app.yaml",
    slack.PlanWithoutGroups: "this workspace's plan has no user groups; name people by id in app.yaml",
    slack.PersonLeft: "the person is no longer in the channel",
    slack.ErrorUnknown: "see the error table of this method in Slack's reference",
}
