"""Read YAML nodes as settings, and collect every mistake with its line.

It knows types of values (a flag, a duration, people), but not Callboard's keys, which are in `app_yaml` and `policies`.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, TypeVar
from zoneinfo import available_timezones

import yaml
from cronsim import CronSim, CronSimError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.domain.target import Written

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
MAX_DURATION: Final = timedelta(days=366)
CRON_FIELDS: Final = 5
NULL: Final = "tag:yaml.org,2002:null"
PATH: Final = re.compile(r"[^\s/\\][^\s\\]*")
CHANNEL: Final = re.compile(r"#[^\s#@:/<>]{1,80}|[CG][A-Z0-9]{5,}")  # a name, or the id of a channel
PERSON: Final = re.compile(r"@[a-z0-9][a-z0-9._-]*|[UW][A-Z0-9]{2,}")  # the handle of a user group, or a user's id
PLACEHOLDERS: Final = re.compile(r"(?:[^{}\s]|\{(?:model|stage)\})+")

C = TypeVar("C", bound=StrEnum)


class Reader:
    """Reads nodes as values.  After a mistake it continues, so that all mistakes are reported at once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._mistakes: dict[tuple[int, str], None] = {}

    @property
    def mistakes(self) -> list[str]:
        """Return the mistakes as `file:line: sentence`, sorted by line."""
        return [f"{self._name}:{line}: {what}" for line, what in sorted(self._mistakes, key=lambda each: each[0])]

    def document(self, text: str) -> Node | None:
        """Return the document of a text; None if it is empty or not YAML."""
        try:
            return yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            self._mistakes[_broken(error)] = None
        except yaml.YAMLError as error:
            self._mistakes[1, f"not YAML: {str(error).splitlines()[0]}"] = None
        except RecursionError:
            self._mistakes[1, "nested too deeply"] = None
        return None

    def mistake(self, node: Node | None, what: str) -> None:
        """Record a mistake at a node."""
        self._mistakes[node.start_mark.line + 1 if node is not None else 1, what] = None

    def entries(self, node: Node | None) -> Iterator[tuple[Node, str, Node]]:
        """Yield a mapping's keys (as node and as text) and values; nothing if it is absent."""
        if node is None or is_null(node):
            return
        if not isinstance(node, MappingNode):
            self.mistake(node, f"expected `key: value` lines, found {what(node)}")
            return
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or key.tag.endswith(":merge"):
                self.mistake(key, "expected a plain key")
            elif key.value in seen:
                self.mistake(key, f"`{key.value}` is here twice; remove one")
            else:
                seen.add(key.value)
                yield key, str(key.value), value

    def mapping(self, node: Node | None, known: Collection[str], *, later: Collection[str] = ()) -> dict[str, Node]:
        """Return a mapping, which may have only known keys; `later` are keys of a later release."""
        found: dict[str, Node] = {}
        for key, name, value in self.entries(node):
            if name in known:
                found[name] = value
            elif name in later:
                self.mistake(
                    key, f"`{name}` is not enforced yet by this release; remove it, so that nobody relies on it"
                )
            else:
                self.mistake(key, f"there is no key `{name}` here; {meant(name, known)}")
        return found

    def text(self, node: Node | None, form: re.Pattern[str], expected: str) -> str | None:
        """Return a text that matches a pattern; None if it is absent."""
        if node is None:
            return None
        if isinstance(node, ScalarNode) and form.fullmatch(node.value):
            return str(node.value)
        self.mistake(node, f"expected {expected}, found {what(node)}")
        return None

    def channel(self, node: Node | None) -> str | None:
        """Return a channel's name or id."""
        return self.text(node, CHANNEL, 'a channel such as "#ml-releases" (in quotes: a bare # starts a comment)')

    def path(self, node: Node | None) -> str | None:
        """Return a path inside the repository, which may contain `{model}` and `{stage}`."""
        found = self.text(node, PATH, "a path inside the repository, such as manifests/{model}/{stage}")
        parts = (found or "x").removesuffix("/").split("/")
        if {"", ".", ".."} & set(parts) or set("".join(re.split(r"\{(?:model|stage)\}", found or ""))) & set("{}"):
            self.mistake(
                node, f"expected a path without `..`, and with no braces except {{model}} and {{stage}}: `{found}`"
            )
            return None
        return found.removesuffix("/") if found else None

    def written(self, node: Node, form: re.Pattern[str], expected: str) -> Written | None:
        """Return a text with `{model}` and `{stage}` in it, and its line; None if it has no value."""
        found = self.text(node, PLACEHOLDERS, expected)
        if found is not None and not form.fullmatch(re.sub(r"\{(?:model|stage)\}", "x", found)):
            self.mistake(node, f"expected {expected}, found {what(node)}")
        return Written(value=found, file=self._name, line=node.start_mark.line + 1) if found is not None else None

    def flag(self, node: Node) -> bool:
        """Return true or false."""
        if isinstance(node, ScalarNode) and node.style is None and node.value in {"true", "false"}:
            return bool(node.value == "true")
        self.mistake(node, f"expected true or false, found {what(node)}")
        return False

    def choice(self, node: Node, choices: type[C]) -> C:
        """Return one of the values of an enum."""
        if isinstance(node, ScalarNode) and node.value in list(choices):
            return choices(node.value)
        *rest, last = (f"`{each.value}`" for each in choices)
        self.mistake(node, f"expected {', '.join(rest)} or {last}, found {what(node)}")
        return next(iter(choices))

    def count(self, node: Node) -> int:
        """Return a number of people."""
        if isinstance(node, ScalarNode) and re.fullmatch(r"[0-9]{1,2}", node.value):
            return int(node.value)
        self.mistake(node, f"expected a number of people, found {what(node)}")
        return 0

    def duration(self, node: Node) -> timedelta:
        """Return a duration such as `10s`, `2m`, `1h` or `3d`."""
        match = re.fullmatch(r"([0-9]{1,6})([smhd])", node.value) if isinstance(node, ScalarNode) else None
        span = timedelta(**{UNITS[match[2]]: int(match[1])}) if match else None
        if span is None:
            self.mistake(node, f"expected a duration such as 10s, 2m, 1h or 3d, found {what(node)}")
        elif span > MAX_DURATION:
            self.mistake(node, f"expected a duration of at most a year, found {what(node)}")
        return span if span is not None and span <= MAX_DURATION else timedelta(0)

    def items(self, node: Node) -> list[Node]:
        """Return the items of a list; empty if it is absent."""
        if isinstance(node, SequenceNode):
            return list(node.value)
        if not is_null(node):
            self.mistake(node, f"expected a list, found {what(node)}")
        return []

    def cron(self, node: Node) -> str:
        """Return a cron expression, in the five fields of crontab(5)."""
        text = " ".join(node.value.split()) if isinstance(node, ScalarNode) else ""
        wrong = _not_cron(text)
        if wrong:
            found = f"found {what(node)}: {wrong}"
            self.mistake(node, f'expected minute, hour, day, month and weekday, such as "0 16 * * FRI", {found}')
        return text

    def zone(self, node: Node) -> str:
        """Return the name of a time zone."""
        zones = available_timezones()
        name = str(node.value) if isinstance(node, ScalarNode) else ""
        if name not in zones:
            near = get_close_matches(name, zones, n=1)
            meant_it = f"; did you mean `{near[0]}`?" if near else ""
            self.mistake(node, f"expected a time zone such as Europe/Berlin or UTC, found {what(node)}{meant_it}")
        return name

    def people_or_anyone(self, node: Node, anyone: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return user ids and user groups, or `anyone` for that word."""
        return anyone if isinstance(node, ScalarNode) and node.value == "anyone" else self.people(node)

    def people(self, node: Node) -> tuple[str, ...]:
        """Return user ids and user groups, each once."""
        nodes = node.value if isinstance(node, SequenceNode) else [node]
        expected = 'a user id (U024BE7LH) or a user group ("@captains")'
        found = [self.text(each, PERSON, expected) for each in nodes]
        return tuple(dict.fromkeys(each for each in found if each is not None))


def _broken(error: yaml.MarkedYAMLError) -> tuple[int, str]:
    """Return the line of a YAML syntax error and its cause, without PyYAML's notation."""
    mark = error.problem_mark or error.context_mark
    line, begins = mark.line + 1 if mark else 1, error.context_mark.line + 1 if error.context_mark else None
    why = (error.problem or "it cannot be read").replace(r"character '\t' that cannot start any token", "a tab")
    why = re.sub("'?<([a-z ]+)>'?", r"\1", why)
    why = re.sub("stream end|unexpected end of stream", "the end of the file", why)
    where = f" in the block that starts on line {begins}" if begins not in {None, line} else ""
    return line, f"not YAML: {why}{where}; check the brackets, quotes and indentation (spaces, no tabs) here"


def _not_cron(text: str) -> str | None:
    """Return what is wrong with a cron expression."""
    if len(text.split()) != CRON_FIELDS:
        return f"it has {len(text.split())} fields"
    try:
        next(CronSim(text, datetime(2000, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        return str(error).lower()
    except StopIteration:
        return "that time never occurs"
    return None


def is_null(node: Node) -> bool:
    """Return whether a key has no value."""
    return isinstance(node, ScalarNode) and node.tag == NULL


def meant(word: str, known: Iterable[str]) -> str:
    """Return a suggestion: the closest known word, or all of them."""
    known = list(known)
    near = get_close_matches(word, known, n=1) or [each for each in known if word and each.startswith(word)]
    return f"did you mean `{near[0]}`?" if near else f"expected one of: {', '.join(known)}"


def what(node: Node | None) -> str:
    """Describe a node, for an error message."""
    if isinstance(node, ScalarNode):
        return f"`{node.value}`" if node.value else "nothing"
    return "a list" if isinstance(node, SequenceNode) else "a mapping"
