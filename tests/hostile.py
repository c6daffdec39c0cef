"""Text as somebody would write it who wants to call people or break a message, and what no message may do all the same.

Not itself a test.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final

from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.demo.chat import blocks as slack
from bot.demo.chat.messages import UPDATE_TEXT
from bot.demo.chat.texts import mrkdwn, pings
from bot.domain import Message

SLACK: Final = (
    "<!channel>", "<!here>", "<!everyone>", "<!subteam^S0MLRELEASECAPTAINS>", "<@U0MALLORY>", "<@U0MALLORY|bob>",
    "<#C0MLRELEASES>", "<https://evil.example|approve>", "<mailto:a@evil.example>", "&lt;!channel&gt;", "&amp;lt;",
    "@channel", "@HERE", "@everyone", "```", "``", "`", "*", "_", "~", ":white_check_mark:", "> ", "•", "<", ">", "&",
    "|", "://", "https://evil.example", "<!date^0^{date}|x>",
)  # fmt: skip
GITHUB: Final = (
    "[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "***NO_CI***", "skip-checks: true",
    "Fixes #1", "closes: #1", "fixes acme/x#1", "GH-1", "@acme/team", "@bob", "![x](https://evil.example/x.png)",
    "[x](https://evil.example)", "[x]: https://evil.example", "<img src=x onerror=alert(1)>", "<!--", "-->",
    "<details>", "# ", "- [x] ", "| a | b |", "|---|", "~~~", "    ", "$$x$$", "www.evil.example", "https://evil.example",
    "\\", "a@evil.example", "Callboard-Promotion: 99", "Co-authored-by: Bob <bob@acme.example>", "1. ", "---", "===",
    "[^1]",
)  # fmt: skip
ODD: Final = ("\n", "\n\n", "\r", "\t", "\x00", "\x1b[31m", "\u2028", "\u202e", "\u200b", "\ufeff", "\ud800", "é", "🚀")

FRAGMENTS: Final = (*SLACK, *GITHUB, *ODD, " ", "word", "v3")


def texts(*, most: int = 12, times: int = 1) -> st.SearchStrategy[str]:
    """Return hostile text; with `times`, sometimes that much longer."""
    piece = st.one_of(st.sampled_from(FRAGMENTS), st.sampled_from(FRAGMENTS), st.text(max_size=8))
    text = st.lists(piece, max_size=most).map("".join)
    return st.builds(lambda t, n: t * n, text, st.sampled_from((1, 1, 1, times)))


ACTED_ON: Final = re.compile(
    r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|\*\*\*NO_CI\*\*\*|@\w|#\d|GH-\d|^skip-checks:"
    r"|^(?:Co-authored-by|Signed-off-by):",
    re.IGNORECASE | re.MULTILINE,
)
"""Skipped checks, mentions, references to issues, trailers: also where the text is copied into a commit's message."""
MARKDOWN: Final = MarkdownIt("commonmark").enable(["table", "strikethrough"])

DATE: Final = re.compile(r"<!date\^[0-9]+\^\{date_short_pretty\} \{time\}\|[0-9: UTC-]+>")
CODE: Final = re.compile(r"```\n(?:[^`])*\n```|`[^`\n]+`")
CONTROL: Final = re.compile(r"<[^<>\n]*>")


def faults(message: Message, *, people: Collection[str] = (), links: Collection[str] = ()) -> list[str]:
    """Return what is wrong with a message that may call nobody but these people, and lead nowhere but there."""
    blocks = list(message.blocks)
    found = slack.faults(blocks) if blocks else []
    if not 0 < len(message.text) <= UPDATE_TEXT:
        found.append(f"the text has {len(message.text)} characters")
    if slack.length(blocks) > slack.CONTENT_TOTAL:
        found.append(f"the blocks have {slack.length(blocks)} characters")
    shown = [message.text, *mrkdwn(blocks)]
    found += [f"calls {who}" for who in pings(*shown) if who not in people]
    return found + [fault for text in shown for fault in loose(text, links=links)]


def loose(text: str, *, links: Collection[str] = ()) -> Iterator[str]:
    """Yield what in a mrkdwn text works that Callboard did not put there; mentions of users are looked at apart."""
    for control in CONTROL.findall(text):
        target = control[1:-1].partition("|")[0]
        if not (DATE.fullmatch(control) or re.fullmatch(r"@[UW][A-Z0-9]+", target) or target in links):
            yield f"a control sequence: {control}"
    rest = CONTROL.sub("", text)
    if re.search(r"[<>]|&(?!(?:amp|lt|gt);)", rest):
        yield f"an unescaped character: {rest!r}"
    plain = CODE.sub("", rest)
    if "`" in plain:
        yield f"a code span that does not end: {plain!r}"
    if plain.count("*") % 2 or "~" in plain or re.search(r"(?:^|\s)_|_(?:\s|$)", plain):
        yield f"formatting: {plain!r}"
    if re.search(r"@(?:here|channel|everyone)\b|://", plain, re.IGNORECASE):
        yield f"a call or an address: {plain!r}"
    if re.search(r":[a-z0-9_+-]+:", plain):
        yield f"an emoji: {plain!r}"
    if re.search(r"[\x00-\x09\x0b-\x1f\u2028\u202e\ud800-\udfff]", text):
        yield f"an invisible character: {text!r}"


def leading_anywhere(text: str) -> set[str]:
    """Return where links of a Markdown text lead, and what else of it is more than words, tables and lists."""
    found: set[str] = set()
    for token in MARKDOWN.parse(text):
        for one in (token, *(token.children or [])):
            if one.type == "link_open":
                found.add(str(one.attrs["href"]))
            elif one.type in {"image", "html_inline", "html_block", "fence", "code_block", "code_inline", "s_open"}:
                found.add(one.type)
    return found
