"""Slack's building blocks, each within Slack's limits.  They take mrkdwn that is harmless already (see `escape`).

Every mrkdwn object is `verbatim`, so that Slack makes no links and no mentions of what only looks like some.
Limits: https://docs.slack.dev/reference/block-kit/blocks , …/block-elements , …/composition-objects
To add a kind of block, write one function here; `tests/fixtures/hostile.py` says what all of them must keep.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from bot.domain.json import Json
from bot.rules.wording.escape import code, mrkdwn

SECTION: Final = 3000
"""Characters in one section's text."""
WHOLE: Final = 10_000
"""Characters of one list in all: a whole message may hold about 13,200 before Slack answers `msg_blocks_too_long`."""

_USER: Final = re.compile(r"[UW][A-Z0-9]{1,20}")
_ADDRESS: Final = re.compile(r"https?://[^\s<>|\"\\`*~]{1,1000}")


def mention(user: str) -> str:
    """Return a mention of a user id; a plain name for `callboard`, which did it by itself, and for all else."""
    if user == "callboard":
        return "Callboard"
    return f"<@{user}>" if _USER.fullmatch(user) else code(user, 80)


def people(users: Sequence[str], most: int = 20) -> str:
    """Return mentions of these users, "and N more" after the first ones."""
    named = ", ".join(mention(user) for user in users[:most])
    return named + (f" and {len(users) - most} more" if len(users) > most else "")


def link(url: str | None, label: str) -> str:
    """Return a link, or the bare label where there is no web address to go to."""
    words, target = mrkdwn(label), (url or "").replace("&", "&amp;")
    return f"<{target}|{words}>" if _ADDRESS.fullmatch(target) else words


def when(moment: datetime) -> str:
    """Return a moment that Slack shows in each reader's own time zone."""
    fallback = moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time}}|{fallback}>"


def section(text: str) -> Json:
    """Return one paragraph; lines that do not fit are left out as a whole."""
    return {"type": "section", "text": _mrkdwn(_lines_within(text, SECTION))}


def context(text: str) -> Json:
    """Return a line in small print."""
    return {"type": "context", "elements": [_mrkdwn(_lines_within(text, SECTION))]}


def sections(lines: Iterable[str], *, room: int = WHOLE) -> list[Json]:
    """Return as many lines as there is room for, in as few sections as hold them, and how many were left out."""
    kept: list[str] = []
    listed = list(lines)
    for line in listed:
        room -= len(line) + 1
        if room < 0:
            kept.append(f"… and {len(listed) - len(kept)} more")
            break
        kept.append(line)
    return [section("\n".join(group)) for group in _grouped(kept)]


def button(label: str, *, action: str, value: str, style: str | None = None, confirm: Json | None = None) -> Json:
    """Return a button; `value` comes back with the click.  `style` is "primary" or "danger"."""
    made: Json = {
        "type": "button",
        "text": {"type": "plain_text", "text": label},
        "action_id": action,
        "value": value[:2000],
    }
    return made | ({"style": style} if style else {}) | ({"confirm": confirm} if confirm else {})


def confirm(title: str, text: str, *, yes: str, no: str) -> Json:
    """Return the question that Slack asks before it sends a click."""
    words = {"title": title, "text": text, "confirm": yes, "deny": no}
    return {name: {"type": "plain_text", "text": text} for name, text in words.items()} | {"style": "danger"}


def actions(*buttons: Json) -> Json:
    """Return a row of buttons."""
    return {"type": "actions", "elements": list(buttons)}


def _mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _lines_within(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    kept = text[: most - 2].rpartition("\n")[0]
    return f"{kept}\n…" if kept else "…"  # a line cut in half could open what it does not close


def _grouped(lines: Iterable[str]) -> list[list[str]]:
    groups: list[list[str]] = []
    length = SECTION
    for line in lines:
        length += len(line) + 1
        if length > SECTION:
            groups.append([])
            length = len(line) + 1
        groups[-1].append(line)
    return groups
