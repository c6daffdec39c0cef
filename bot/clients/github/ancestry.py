"""Whether one commit contains another, asked of GitHub once for each pair."""

from collections import OrderedDict
from http import HTTPStatus
from time import monotonic
from typing import Final, Literal

import msgspec

from bot.clients.github.requester import Calls, Refused

KEPT: Final = 1000
"""Pairs whose answer is kept."""
UNKNOWN_FOR: Final = 60.0
"""Seconds for which a commit that GitHub does not know is not asked about again."""


class _Compared(msgspec.Struct):
    """https://docs.github.com/en/rest/commits/commits#compare-two-commits ."""

    status: Literal["diverged", "ahead", "behind", "identical"]


class Ancestry:
    """What GitHub answered.  A commit's ancestors never change, so only what it does not know is asked about again."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], tuple[bool, float | None]] = OrderedDict()

    def contains(self, calls: Calls, revision: str, commit: str) -> bool:
        """Return whether `commit` is `revision`, or one of its ancestors.  One request at most."""
        if revision == commit:
            return True
        found, until = self._known.get((revision, commit), (None, None))
        if found is not None and (until is None or monotonic() < until):
            return found
        contained, until = _asked(calls, revision, commit)
        self._known[revision, commit] = contained, until
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        return contained


def _asked(calls: Calls, revision: str, commit: str) -> tuple[bool, float | None]:
    """Return the answer, and until when it holds; None: for ever.

    The second page has none of the files that differ, which may be many.
    """
    try:
        answer = calls.get(f"/compare/{commit}...{revision}", per_page=1, page=2)
    except Refused as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
        return False, monotonic() + UNKNOWN_FOR  # a commit of another repository, or one that was just pushed
    return msgspec.convert(answer, _Compared).status in {"ahead", "identical"}, None
