"""A reason in words, once for each surface: Slack, GitHub, and plain text for logs, terminals and commit statuses.

The sentences are ours and are written in `words`.  What is put into them comes from outside and is escaped here, as its
type and the surface demand: people, names and times are shown as the surface shows such things.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from inspect import getmembers
from string import Formatter
from typing import Any, Final, get_args, get_type_hints

from bot.domain.reason import Command, Name, Reason, Said, Url, User
from bot.rules.wording import blocks, escape
from bot.rules.wording.figures import duration
from bot.rules.wording.sentences import capital, full_stop
from bot.rules.wording.words import WORDS

MOST: Final = 20
"""How many of a list are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """How one surface shows what comes from outside."""

    user: Callable[[str], str]
    name: Callable[[str], str]
    command: Callable[[str], str]
    link: Callable[[str, str], str]
    """Takes an address and a label."""
    said: Callable[[str], str]
    when: Callable[[datetime], str]


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _by_id(show: Callable[[str], str]) -> Callable[[str], str]:
    return lambda user: "Callboard" if user == "callboard" else show(user)


def _address(show: Callable[[str], str]) -> Callable[[str, str], str]:
    return lambda url, _label: show(url)


SLACK: Final = Surface(
    user=blocks.mention,
    name=escape.code,
    command=partial(escape.code, limit=300),
    link=blocks.link,
    said=escape.mrkdwn,
    when=blocks.when,
)
GITHUB: Final = Surface(
    user=_by_id(escape.markdown),
    name=escape.markdown,
    command=escape.markdown,
    link=_address(escape.markdown),
    said=escape.markdown,
    when=_utc,
)
SAID: Final = 1000
"""Characters of another system's words in plain text: a quota or a webhook of a cluster needs so many."""
PLAIN: Final = Surface(
    user=_by_id(escape.flat),
    name=escape.flat,
    command=escape.flat,
    link=_address(escape.flat),
    said=partial(escape.flat, limit=SAID),
    when=_utc,
)


def slack(reason: Reason) -> str:
    """Return a reason as Slack mrkdwn, to stand in a sentence."""
    return _render(reason, SLACK)


def reply(reason: Reason) -> str:
    """Return a reason as Slack mrkdwn, to be a message of its own."""
    return complete(slack(reason))


def complete(text: str) -> str:
    """Return the words of a reason as a sentence of their own."""
    return capital(full_stop(text))


def markdown(reason: Reason) -> str:
    """Return a reason as GitHub Markdown, to stand in a sentence."""
    return _render(reason, GITHUB)


def plain(reason: Reason) -> str:
    """Return a reason as plain text on one line, to stand in a sentence."""
    return _render(reason, PLAIN)


def _render(reason: Reason, surface: Surface) -> str:
    words = WORDS[type(reason)]
    template = words if isinstance(words, str) else words(reason)
    kinds = KINDS[type(reason)]
    parts = (
        text + (_shown(getattr(reason, field), kinds[field], surface, spec or "") if field is not None else "")
        for text, field, spec, _ in Formatter().parse(template)
    )
    return "".join(parts)


def _shown(value: object, kind: Any, surface: Surface, spec: str = "") -> str:
    """Return a parameter as a surface shows it; `spec` is a link's label, or how many values of a tuple are shown."""
    match value:
        case Reason():
            return _render(value, surface)
        case datetime():
            return surface.when(value)
        case timedelta():
            return duration(value)
        case tuple():
            return _listed(value, kind, surface, most=int(spec or MOST))
        case str():
            return surface.link(value, spec) if kind is Url else _text(value, kind, surface)
        case _:
            return str(value)


def _text(value: str, kind: Any, surface: Surface) -> str:
    shows = {User: surface.user, Name: surface.name, Command: surface.command, Said: surface.said}
    return shows[kind](value)


def _listed(values: tuple[object, ...], kind: Any, surface: Surface, *, most: int) -> str:
    between = "; " if any(isinstance(each, Reason) for each in values) else ", "
    more = [f"and {len(values) - most} more"] if len(values) > most else []
    return between.join([*(_shown(each, kind, surface) for each in values[:most]), *more])


def _kinds(cls: type[Reason]) -> dict[str, Any]:
    """Return the type of each field and property, inherited ones included, or of what it holds."""
    found = getmembers(cls, lambda member: isinstance(member, property))
    properties = {name: get_type_hints(each.fget)["return"] for name, each in found}
    return {name: _kind(hint) for name, hint in {**get_type_hints(cls), **properties}.items()}


def _kind(hint: Any) -> Any:
    """Return `Name` for `Name`, `Name | None` and `tuple[Name, ...]`."""
    inner = [each for each in get_args(hint) if each not in {type(None), Ellipsis}]
    return _kind(inner[0]) if inner else hint


KINDS: Final = {cls: _kinds(cls) for cls in WORDS}
