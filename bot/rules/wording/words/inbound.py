"""The words of `bot.domain.reasons.inbound`."""

from collections.abc import Mapping
from typing import Final

from bot.domain.reason import Reason
from bot.domain.reasons import inbound
from bot.rules.wording.words.template import Words

WORDS: Final[Mapping[type[Reason], Words]] = {
    inbound.NotAForm: "the body is not a form of at most {fields} fields in UTF-8; send it as Slack does",
    inbound.NotAJsonObject: ("the body is not a JSON object in UTF-8, or is nested too deeply; send it as Slack does"),
    inbound.NotFromSlack: "the body is not what Slack sends ({problem}); see docs.slack.dev",
    inbound.SignatureMissing: "the header {header} is missing",
    inbound.TimestampNotCurrent: "{header} is not a time within {window} of now",
    inbound.HostNotPrivate: (
        "this listener does not answer to the host name of this request, because a web page could have chosen it. Use "
        "an IP address, localhost, a Service's short name, or a name that ends in one of: {endings}"
    ),
}
