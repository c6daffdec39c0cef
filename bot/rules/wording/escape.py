"""Text from outside, made harmless for Slack, GitHub and plain text.

Model names, metrics, tags, pod logs and error texts are written by anybody.  None of them may notify a person, make a
link, close an issue, look like a verdict of ours, or break the message.  `mrkdwn`, `code` and `block` are for Slack,
`plain` for Slack's plain text, `markdown` for GitHub, `flat` for logs and terminals.  `reasons` applies them to what a
reason holds.  Secrets are removed elsewhere, in `redaction`.

What cannot be escaped is *substituted*: Slack's mrkdwn has no escape for ``* ~ ` _ :``, so a look-alike is used, and
GitHub looks for ``@name``, ``#1`` and addresses only after Markdown is done, so an invisible character (U+200B) splits
them.  Inside `code`, names stay as they are, apart from backticks, so that they can be copied.

Every function returns at most `limit` characters, cut with "…", and never cuts an escape in half.
Sources: https://docs.slack.dev/messaging/formatting-message-text ,
https://docs.github.com/en/get-started/writing-on-github , https://github.github.com/gfm/#backslash-escapes
"""

import re
import unicodedata
from collections.abc import Iterable
from itertools import accumulate, takewhile
from typing import Final

APART: Final = "\u200b"
"""Zero-width space."""

_CONTROLS: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LOOKALIKES: Final = {"`": "ˋ", "*": "∗", "~": "∼"}
_LOW_LINE: Final = "ˍ"
_COLON: Final = "꞉"

_LOOSE_UNDERSCORE: Final = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""Slack ignores an underscore inside a word (val_accuracy); elsewhere it may begin or end italics."""
_EMOJI: Final = re.compile(r":(?=[^\s:]+(?::|$))")
"""Also before the last word: a colon of ours may follow directly."""
_CALL: Final = re.compile(r"@(?=here|channel|everyone|group)", re.IGNORECASE)
"""Also at the beginning of a longer word: the text may be cut there."""

_MARKDOWN: Final = {
    **{c: f"\\{c}" for c in "\\`*_[]#|~"},
    **_CONTROLS,
    "$": "&dollar;",  # a pair of dollars is mathematics to GitHub, and in a commit message "&#36;" is issue 36
}
_LIST: Final = re.compile(r"(\d{0,9})([-+=.)])")
"""What makes a list or a heading of a line that begins with it."""
_LINKED: Final = re.compile(r"@|#|:(?=\S)|(?<=www)(?=\.)|(?<=GH)(?=-)", re.IGNORECASE)
"""Where GitHub finds a person, an issue, an emoji or an address, after it has removed the escapes."""


def mrkdwn(text: str, limit: int = 300) -> str:
    """Return text that Slack shows literally, on one line: no mention, link, emoji or formatting in it works."""
    return _capped(_slack_pieces(_flat(text, limit)), limit)


def code(text: str, limit: int = 160) -> str:
    """Return a Slack code span, where names can be copied as they are."""
    pieces = [_CONTROLS.get(c, _LOOKALIKES["`"] if c == "`" else c) for c in _flat(text, limit)]
    return f"`{_capped(pieces, limit - 2) or '–'}`"


def flat(text: str, limit: int = 300) -> str:
    """Return text on one line, without control characters and what is invisible: for logs, terminals and statuses."""
    return _capped(list(_flat(text, limit)), limit)


def block(text: str, limit: int = 1500) -> str:
    """Return a Slack code block of the *last* lines, which matter most in a log; empty if there are none."""
    lines = [_clean(line.expandtabs(4)).rstrip() for line in text[-4 * limit :].splitlines()]
    shown = "\n".join(line for line in lines if line).replace("`", _LOOKALIKES["`"])
    pieces = [_CONTROLS.get(c, c) for c in shown]
    room = limit - len("```\n…\n```")
    tail = _fitting(reversed(pieces), room)
    cut = "…" if len(tail) < len(pieces) else ""
    return f"```\n{cut}{''.join(reversed(tail))}\n```" if tail else ""


def plain(text: str, limit: int = 150) -> str:
    """Return text for Slack's `plain_text` objects, where only emoji have a meaning; never empty, as Slack demands."""
    return _capped(list(_EMOJI.sub(_COLON, _flat(text, limit))), limit) or "–"


def markdown(text: str, limit: int = 300) -> str:
    """Return text that GitHub shows literally, on one line, in a paragraph, a list or a table cell.

    No mention, `Fixes #1`, link, image, HTML, formula or emoji in it works, not even if the text is copied raw into a
    commit message; `[skip ci]` and the like are split by their escapes.
    """
    flat = _LINKED.sub(lambda m: m.group() + APART, _flat(text, limit))
    pieces = [_MARKDOWN.get(c, c) for c in flat]
    if begins := _LIST.match(flat):
        pieces[begins.start(2)] = f"\\{begins.group(2)}"
    return _capped(pieces, limit)


def _slack_pieces(flat: str) -> list[str]:
    """Return what each character of a line becomes; a piece is never cut."""
    text = _LOOSE_UNDERSCORE.sub(_LOW_LINE, flat)
    text = _EMOJI.sub(_COLON, text).replace("://", f":{APART}//")
    text = _CALL.sub(f"@{APART}", text)
    if text.startswith(">"):  # even escaped, it would begin a quotation
        text = "›" + text[1:]
    return [_CONTROLS.get(c, _LOOKALIKES.get(c, c)) for c in text]


def _flat(text: str, limit: int) -> str:
    """Return one line without control characters, not much longer than `limit`."""
    return " ".join(_clean(text[: 4 * limit]).split())


def _clean(text: str) -> str:
    """Drop invisible characters and those that change the writing direction; replace control characters by spaces."""
    if text.isprintable():  # as nearly every text is: it takes a hundredth of the time
        return text
    kinds = ((c, unicodedata.category(c)) for c in text)
    return "".join(" " if kind in {"Cc", "Zl", "Zp"} else c for c, kind in kinds if kind not in {"Cf", "Cs", "Co"})


def _capped(pieces: list[str], limit: int) -> str:
    if sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    return "".join(_fitting(pieces, limit - 1)).rstrip() + "…"


def _fitting(pieces: Iterable[str], room: int) -> list[str]:
    """Return the first pieces that fit into `room` characters."""
    listed = list(pieces)
    count = sum(1 for _ in takewhile(lambda length: length <= room, accumulate(map(len, listed))))
    return listed[:count]
