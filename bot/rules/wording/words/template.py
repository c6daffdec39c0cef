"""What a table of words holds."""

from collections.abc import Callable
from typing import Any, TypeAlias

Words: TypeAlias = str | Callable[[Any], str]
"""One sentence of ours, without a capital and a full stop, or a function that returns it for a reason.

`{field}` is replaced by a field (or property) of the reason, which each surface shows in its own way.  `{names:5}`
shows at most five values of a tuple, and how many more there are; `{url:pull request}` is a link with that label.
"""


def plural(count: int, noun: str) -> str:
    """Return the noun for that many: "pod" for 1, else "pods"."""
    return noun if count == 1 else f"{noun}s"
