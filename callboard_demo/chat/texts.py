"""How Slack stores what people and programs write: three characters escaped, mentions kept.

Pure functions.  Nothing is rendered here: the page turns `&lt;` and `<@U0BOB>` into what a person sees.
Source: https://docs.slack.dev/messaging/formatting-message-text#escaping and …#mentioning
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

_MARKUP: Final = re.compile(
    r"<(?:@[UWB][A-Z0-9]*(?:\|[^<>]*)?"  # a person
    r"|#[CG][A-Z0-9]*(?:\|[^<>]*)?"  # a channel
    r"|!(?:channel|here|everyone|subteam\^S[A-Z0-9]*|date\^[^<>]*)(?:\|[^<>]*)?"
    r"|(?:https?://|mailto:|tel:|slack://)[^<>]*)>"
)
_BARE_AMPERSAND: Final = re.compile(r"&(?!(?:amp|lt|gt);)")
_PING: Final = re.compile(r"<(?:@([UW][A-Z0-9]+)|!(channel|here|everyone)|!subteam\^(S[A-Z0-9]+))(?:\|[^<>]*)?>")
_TYPED: Final = re.compile(r"(?<![\w@])@([\w.-]*\w)")


def escaped(text: str) -> str:
    """Return text with Slack's control characters escaped."""
    return _BARE_AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def stored(text: str) -> str:
    """Return a program's text as Slack stores it: links and mentions stay, every other `<`, `>` and `&` is escaped."""
    parts, end = [], 0
    for found in _MARKUP.finditer(text):
        parts += [escaped(text[end : found.start()]), found.group()]
        end = found.end()
    return "".join([*parts, escaped(text[end:])])


def typed(text: str, names: Mapping[str, str]) -> str:
    """Return a person's text as Slack stores it.

    People cannot type control sequences, only pick names.  `names` maps "bob", "channel" or "ml-release-captains" to a
    mention: "<@U0BOB>", "<!channel>", "<!subteam^S0MLRELEASECAPTAINS>".
    """
    return _TYPED.sub(lambda m: names.get(m.group(1), m.group()), escaped(text))


def pings(*texts: str) -> list[str]:
    """Return whom these texts mention, each once: user ids, group ids, `channel`, `here`, `everyone`."""
    found = (next(filter(None, m.groups())) for text in texts for m in _PING.finditer(text))
    return list(dict.fromkeys(found))


def mrkdwn(node: Any) -> Iterator[str]:
    """Yield every mrkdwn text in blocks; only those can mention anybody."""
    if isinstance(node, dict):
        if node.get("type") == "mrkdwn" and isinstance(node.get("text"), str):
            yield node["text"]
        for value in node.values():
            yield from mrkdwn(value)
    elif isinstance(node, list):
        for value in node:
            yield from mrkdwn(value)
