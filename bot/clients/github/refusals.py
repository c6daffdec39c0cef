"""Why GitHub does not merge, sorted by who can do something about it.  Pure.

GitHub answers 405 to all of it and tells the cases apart by its words alone, which are as they were seen; what is not
known here is taken for something that time may mend.  To add a case, add a line to `CASES`: the first that fits counts.
https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request
"""

import re
from typing import Final

from bot.domain.errors import Permanent, Temporary
from bot.domain.repository import Pull, PullState

ANOTHER_WAY: Final = re.compile(
    r"(merge commits|squash merges|rebase merges) are not allowed|must not contain merge commits|linear history",
    re.IGNORECASE,
)
"""This way of merging is not allowed; another may be."""

CASES: Final[tuple[tuple[str, type[Temporary | Permanent], str], ...]] = (
    ("merge queue", Permanent, "let Callboard's account past the merge queue (the ruleset's bypass list), or merge it"),
    ("locked branch", Permanent, "unlock the branch in the repository's settings, or merge it when that is done"),
    ("not authorized to push", Permanent, "let Callboard's account push to the branch, in the repository's settings"),
    ("verified signatures", Permanent, "let Callboard work as a GitHub App, whose commits GitHub signs"),
    ("head branch was modified", Temporary, "somebody pushed to its branch, so what was approved is not what is there"),
    ("base branch was modified", Temporary, "the main branch moved at that moment, so it is tried again"),
    ("failing", Temporary, "mend the check that fails, or run it again"),
    (r"required status|required workflow", Temporary, "it is merged when the required checks have passed"),
    ("changes have been requested", Temporary, "whoever asked for changes on GitHub has to approve or dismiss that"),
    ("review", Temporary, "somebody has to review it on GitHub"),
    ("conversation", Temporary, "the conversations there have to be resolved"),
    ("draft", Temporary, "mark it as ready for review on GitHub"),
    (r"out of date|out-of-date|not up to date", Temporary, "it is made again on the main branch as it is now"),
)


def another_way(reason: str) -> bool:
    """Say whether only this way of merging is refused."""
    return ANOTHER_WAY.search(reason) is not None


def unmerged(reason: str, pull: Pull, head: str) -> Temporary | Permanent:
    """Return why GitHub refused to merge `head` of a pull request, which stands now as `pull`, and what to do."""
    told = f"GitHub does not merge pull request {pull.number} ({' '.join(reason.split())})"
    if pull.state is PullState.CLOSED:
        return Temporary(f"{told}: somebody closed it")
    if pull.head != head:
        return Temporary(f"{told}: {_advice('head branch was modified')[1]}")
    if pull.mergeable is False:
        return Temporary(f"{told}: it conflicts with the main branch, and is made again on it")
    kind, advice = _advice(reason)
    return kind(f"{told}: {advice}")


def _advice(reason: str) -> tuple[type[Temporary | Permanent], str]:
    fits = (case for case in CASES if re.search(case[0], reason, re.IGNORECASE))
    _, kind, advice = next(fits, ("", Temporary, "look at the pull request there; it is tried again"))
    return kind, advice
