"""Prove that an edit changed the intended values and nothing else.

It compares the parser's events of both texts: every scalar, key, anchor, tag and nesting.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import yaml

Event: TypeAlias = tuple[str, str, str, str | None]
"""Kind, anchor, tag and, for scalars, value."""

VALUE: Final = 3


def holds(before: str, after: str, values: Mapping[tuple[int, int], str], added: Sequence[str]) -> bool:
    """Return whether `after` is `before` with other `values` at their places, and one more entry of the words `added`.

    Places are (first offset, offset behind the last) in `before`.  No `added`: nothing may be new.
    """
    try:
        wanted, seen = _events(before, values), _events(after, {})
    except (yaml.YAMLError, ValueError):
        return False
    return _grew_by_one_run(wanted, seen, added) if added else wanted == seen


def _events(text: str, values: Mapping[tuple[int, int], str]) -> list[Event]:
    return [_event(event, values) for event in yaml.parse(text, Loader=yaml.CSafeLoader)]


def _event(event: yaml.Event, values: Mapping[tuple[int, int], str]) -> Event:
    kind, anchor, tag = type(event).__name__, str(getattr(event, "anchor", "")), str(getattr(event, "tag", ""))
    if not isinstance(event, yaml.ScalarEvent):
        return kind, anchor, tag, None
    start, stop = event.start_mark, event.end_mark
    place = (start.index, stop.index) if start and stop else (-1, -1)
    return kind, anchor, tag, values.get(place, event.value)


def _grew_by_one_run(wanted: list[Event], seen: list[Event], added: Sequence[str]) -> bool:
    size = len(seen) - len(wanted)
    at = next((i for i, (old, now) in enumerate(zip(wanted, seen, strict=False)) if old != now), len(wanted))
    return size > 0 and wanted[at:] == seen[at + size :] and _scalars(seen) - _scalars(wanted) == Counter(added)


def _scalars(events: list[Event]) -> Counter[str]:
    return Counter(event[VALUE] for event in events if event[VALUE] is not None)
