"""Text from outside, made harmless for Slack and for GitHub.

Model names, metrics, tags, pod logs and error texts are written by anybody.  Nothing of them may call a person, make a
link, close an issue, look like a verdict of ours, or break the message.  `mrkdwn`, `code` and `block` are for Slack,
`markdown` for GitHub, `plain` for Slack's plain text.  Not for secrets: those are taken out in `redaction`.

A sentence that says why (`because`) is kept as it is said and escaped once, where it is shown: by `sentence` on Slack.
What stands in it from outside is put there by `quoted`, or by `bare` where it is a sentence itself.

What cannot be escaped is *substituted*: Slack's mrkdwn has no escape for ``* ~ ` _ :``, so a look-alike stands in, and
GitHub looks for ``@name``, ``#1`` and addresses only after Markdown is done, so an invisible character (U+200B) parts
them.  Inside `code` the names of things stay as they are, apart from backticks, so that they can be copied.

Every function returns at most `limit` characters, cut with "…", and escapes are never cut in half.
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
"""Inside a word (val_accuracy) Slack leaves an underscore alone; elsewhere it may begin or end italics."""
_EMOJI: Final = re.compile(r":(?=[^\s:]+(?::|$))")
"""Also before the last word: a colon of ours may come right behind it."""
_CALL: Final = re.compile(r"@(?=here|channel|everyone|group)", re.IGNORECASE)
"""Also where a longer word begins so: the cut may come right behind it."""
_MENTION: Final = re.compile(r"<@([UW][A-Z0-9]{1,20})>")
_SPAN: Final = re.compile(r"(<@[UW][A-Z0-9]{1,20}>|`[^`\n]{1,300}`)")

_MARKDOWN: Final = {
    **{c: f"\\{c}" for c in "\\`*_[]#|~"},
    **_CONTROLS,
    "$": "&dollar;",  # a pair of dollars is mathematics to GitHub, and in a commit message "&#36;" is issue 36
}
_LIST: Final = re.compile(r"(\d{0,9})([-+=.)])")
"""What makes a list or a heading of a line that begins with it."""
_LINKED: Final = re.compile(r"@|#|:(?=\S)|(?<=www)(?=\.)|(?<=GH)(?=-)", re.IGNORECASE)
"""Where GitHub finds a person, an issue, an emoji, an address: after the escapes are gone."""


def mrkdwn(text: str, limit: int = 300) -> str:
    """Return text that Slack shows as it is, on one line: no mention, link, emoji or formatting of its own works."""
    return _capped(_slack_pieces(_flat(text, limit)), limit)


def code(text: str, limit: int = 160) -> str:
    """Return a Slack code span: the one place where names can be copied as they are."""
    pieces = [_CONTROLS.get(c, _LOOKALIKES["`"] if c == "`" else c) for c in _flat(text, limit)]
    return f"`{_capped(pieces, limit - 2) or '–'}`"


def quoted(text: str, limit: int = 300) -> str:
    """Return words from outside for a sentence of ours that is escaped later: a code span, or nothing but a dash."""
    pieces = list(_flat(text, limit).replace("`", _LOOKALIKES["`"]))
    return f"`{_capped(pieces, limit - 2) or '–'}`"


def bare(text: str, limit: int = 300) -> str:
    """Return a sentence as plain words, to be escaped later: no code, and people by their ids, which calls nobody."""
    flat = _MENTION.sub(r"\1", _flat(text, limit).replace("`", ""))
    return _capped(list(flat.replace("<@", "‹@")), limit)


def block(text: str, limit: int = 1500) -> str:
    """Return a Slack code block of the *last* words, which are the telling ones in a log; empty for no words."""
    lines = [_clean(line.expandtabs(4)).rstrip() for line in text[-4 * limit :].splitlines()]
    shown = "\n".join(line for line in lines if line).replace("`", _LOOKALIKES["`"])
    pieces = [_CONTROLS.get(c, c) for c in shown]
    room = limit - len("```\n…\n```")
    tail = _fitting(reversed(pieces), room)
    cut = "…" if len(tail) < len(pieces) else ""
    return f"```\n{cut}{''.join(reversed(tail))}\n```" if tail else ""


def sentence(text: str, limit: int = 500, *, mentions: bool = False) -> str:
    """Return a sentence that Callboard made, perhaps around words from outside.

    Its code spans are kept; with `mentions`, which is only for sentences that hold nothing from outside, user ids in
    Slack's own form (`<@U0BOB>`) are too.  All else is treated like any outside text.
    """
    pieces: list[str] = []
    for part in _SPAN.split(_flat(text, limit)):
        if mentions and _MENTION.fullmatch(part):
            pieces.append(part)
        elif part.startswith("`") and part.endswith("`") and len(part) > 2:  # noqa: PLR2004  (both backticks)
            pieces.append(code(part[1:-1], limit))
        else:
            pieces += _slack_pieces(part)
    return _capped(pieces, limit)


def plain(text: str, limit: int = 150) -> str:
    """Return text for Slack's `plain_text` objects, where only emoji mean something; never empty, as Slack demands."""
    return _capped(list(_EMOJI.sub(_COLON, _flat(text, limit))), limit) or "–"


def markdown(text: str, limit: int = 300) -> str:
    """Return text that GitHub shows as it is, on one line, in a paragraph, a list or a table's cell.

    No mention, `Fixes #1`, link, image, HTML, formula or emoji of its own works, also not where the text is copied
    raw into a commit message; `[skip ci]` and its kin are parted by their escapes.
    """
    flat = _LINKED.sub(lambda m: m.group() + APART, _flat(text, limit))
    pieces = [_MARKDOWN.get(c, c) for c in flat]
    if begins := _LIST.match(flat):
        pieces[begins.start(2)] = f"\\{begins.group(2)}"
    return _capped(pieces, limit)


def _slack_pieces(flat: str) -> list[str]:
    """Return what each character of a line becomes; pieces are never cut."""
    text = _LOOSE_UNDERSCORE.sub(_LOW_LINE, flat)
    text = _EMOJI.sub(_COLON, text).replace("://", f":{APART}//")
    text = _CALL.sub(f"@{APART}", text)
    if text.startswith(">"):  # even escaped, it would begin a quotation
        text = "›" + text[1:]
    return [_CONTROLS.get(c, _LOOKALIKES.get(c, c)) for c in text]


def _flat(text: str, limit: int) -> str:
    """Return one line without control characters, and not much longer than can be shown."""
    return " ".join(_clean(text[: 4 * limit]).split())


def _clean(text: str) -> str:
    """Drop what is invisible or turns the direction of writing; control characters become spaces."""
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
