"""Write a pin into YAML text: only the bytes of the pinned values change, and the result is proved.

A format finds the pin (`Carrier`); here the text is cut and joined at those places.  Nothing is dumped: comments,
order, quotes, line ends and layout stay.  A missing MODEL_VERSION is added as a copy of the MODEL_STAGE entry beside
it, so that it is formatted as the team writes YAML.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from yaml.nodes import MappingNode, Node, ScalarNode

from bot.domain.errors import Permanent
from bot.domain.reason import Name
from bot.domain.reasons.pins import LayoutNotEditable, NotEditable
from bot.domain.target import Pin
from bot.rules.pins import proof
from bot.rules.pins.carrier import DIGEST, STAGE, VERSION, Carrier, Entry, Spot
from bot.rules.pins.tree import BOM, STR, children, end, walk

Cut: TypeAlias = tuple[int, int, str]
"""From where to where in a text, and the new text for that place."""


_BARE: Final = r"[A-Za-z0-9_.=-]*(?:[/:@][A-Za-z0-9_.=-]+)*"
_PLAIN: Final = re.compile(rf"[A-Za-z]{_BARE}|[A-Z][A-Z_]*=(?P<quote>['\"]){_BARE}(?P=quote)")
"""What every parser reads as that string without quotes: words, or a literal of kustomize that has its own quotes."""


def write(text: str, carrier: Carrier, pin: Pin, name: str) -> str:
    """Return `text` with the pin in its place.

    Raises:
        Permanent: more than the pinned values would change.
    """
    wanted = [(carrier.stage, STAGE, pin.stage), (carrier.version, VERSION, str(pin.version))]
    if pin.digest is not None:
        wanted.append((carrier.digest, DIGEST, pin.digest))
    values = {spot.node: _filled(spot, key, value) for entry, key, value in wanted if entry for spot in entry.spots}
    cuts, added = list[Cut](), list[str]()
    if carrier.stage and not carrier.version:
        cuts = [_addition(text.removeprefix(BOM), carrier.stage, str(pin.version))]
        added = _words(carrier.stage, str(pin.version))
    return _joined(text, values, cuts, added, Name(name), carrier.line)


def replace(text: str, values: Mapping[ScalarNode, str], file: Name, line: int) -> str:
    """Return `text` with other values in these scalars.

    Raises:
        Permanent: more than these would change.
    """
    return _joined(text, values, [], [], file, line)


def append(text: str, holder: Node, lines: Sequence[str], words: Sequence[str], file: Name, line: int) -> str:
    """Return `text` with more lines at the end of a mapping or a list; `words` are the scalars in them, in order.

    Raises:
        Permanent: more than these would change.
    """
    body = text.removeprefix(BOM)
    if isinstance(holder, MappingNode) and holder.flow_style and holder.value:
        last = end(children(holder)[-1])
        cut = last, last, "".join(f", {each}" for each in lines)
    else:
        line_end = _line_end(body, end(holder))
        newline, indent = _newline(body, line_end), " " * holder.start_mark.column
        cut = line_end, line_end, "".join(newline + indent + each for each in lines)
    return _joined(text, {}, [cut], words, file, line)


def _joined(
    text: str, values: Mapping[ScalarNode, str], cuts: list[Cut], added: Sequence[str], file: Name, line: int
) -> str:
    """Return `text` cut and joined; proved."""
    after = body = text.removeprefix(BOM)
    cuts = [_cut(body, node, value) for node, value in values.items() if _differs(node, value)] + cuts
    for start, stop, new in sorted(reversed(cuts), key=lambda cut: cut[0], reverse=True):  # from the end backwards
        after = after[:start] + new + after[stop:]
    if not proof.holds(body, after, {_place(node): value for node, value in values.items()}, added):
        raise Permanent(NotEditable(file=file, line=line, why=LayoutNotEditable()))
    return text[: len(text) - len(body)] + after


def _filled(spot: Spot, name: str, value: str) -> str:
    return spot.form.format(name=name, value=value)


def _differs(node: ScalarNode, value: str) -> bool:
    return bool(value != node.value or node.tag != STR)  # a bare 6 is a number; Kubernetes wants strings


def _place(node: Node) -> tuple[int, int]:
    return node.start_mark.index, node.end_mark.index


def _words(entry: Entry, version: str) -> list[str]:
    """Return all scalars of a MODEL_VERSION entry formatted like `entry`, keys and what is under other keys included.

    A value without text is left out, so that `{name: MODEL_STAGE, value: a,b}` is refused: it has a third key `b`.
    """
    own = {spot.node for spot in entry.spots}
    below = [chain.node for chain in walk(entry.first)] if isinstance(entry.first, MappingNode) else []
    kept = [node for node in below if isinstance(node, ScalarNode) and node not in own]
    return [_filled(spot, VERSION, version) for spot in entry.spots] + [
        str(node.value) for node in kept if node.start_mark.index < node.end_mark.index
    ]


def _cut(text: str, node: ScalarNode, value: str) -> Cut:
    start, stop = _place(node)
    properties = re.match(r"(?:[&!][^\s,\[\]{}]*\s+)*", text[start:stop])  # an anchor or a tag is inside the marks
    start += properties.end() if properties else 0
    space = " " if start == stop and text[start - 1 : start] == ":" else ""  # an empty value has no width
    return start, stop, space + scalar(value, node.style)


def scalar(value: str, style: str | None) -> str:
    """Return a string as YAML, in the quotes that were there; unquoted only where every parser reads that string."""
    if style == "'":
        return "'" + value.replace("'", "''") + "'"
    words = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    if style != '"' and _PLAIN.fullmatch(value) and value.lower() not in words:
        return value
    return json.dumps(value, ensure_ascii=False)  # JSON strings are YAML


def _addition(text: str, beside: Entry, version: str) -> Cut:
    """Return the cut that adds MODEL_VERSION behind MODEL_STAGE, formatted alike."""
    start, stop = _extent(text, beside)
    column = start - (_line_start(text, start))
    own_line = not text[start - column : start].strip()
    line_end = _line_end(text, stop)
    newline = _newline(text, line_end)
    if not beside.flow:
        return line_end, line_end, newline + " " * column + _copy(text, start, stop, beside, version)
    separator = "," + (newline + text[start - column : start] if own_line and column else " ")
    return stop, stop, separator + _copy(text, start, stop, beside, version)


def _extent(text: str, entry: Entry) -> tuple[int, int]:
    start = entry.first.start_mark.index
    return text.rindex("-", 0, start) if entry.dashed and not entry.flow else start, end(entry.last)


def _copy(text: str, start: int, stop: int, entry: Entry, version: str) -> str:
    """Return the entry's own text with the version in it, and without its comments."""
    out = ""
    for spot in sorted(entry.spots, key=lambda spot: spot.node.start_mark.index):
        out += _uncommented(text[start : spot.node.start_mark.index])
        before = out[-1:] == ":" and " "
        out += (before or "") + scalar(_filled(spot, VERSION, version), spot.node.style)
        start = spot.node.end_mark.index
    return out + _uncommented(text[start:stop])


def _uncommented(gap: str) -> str:
    return re.sub(r"(?:\r\n|\n|\r)[ \t]*#[^\r\n]*|(?<![ \t])[ \t]+#[^\r\n]*", "", gap)


def _line_start(text: str, at: int) -> int:
    return max(text.rfind(mark, 0, at) for mark in "\n\r\x85\u2028\u2029") + 1


def _line_end(text: str, at: int) -> int:
    rest = re.compile(r"[^\r\n\x85\u2028\u2029]*").match(text, at)
    return rest.end() if rest else at


def _newline(text: str, line_end: int) -> str:
    """Return how lines end here: as this one does or, on the last, as the first does."""
    found = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]").match(text, line_end) or re.search(r"\r\n|[\n\r]", text)
    return found[0] if found else "\n"
