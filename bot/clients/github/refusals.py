"""Why GitHub does not merge, and whether waiting may help.  Pure.

GitHub answers 405 to all of it and distinguishes the cases by its text alone, quoted here as observed; an unknown text
is treated as temporary.  To add a case, add a line to `CASES`: the first that matches counts.
https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request
"""

import re
from typing import Final

from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Reason, Said
from bot.domain.reasons import github as reasons
from bot.domain.repository import Pull, PullState

OTHER_METHOD: Final = re.compile(
    r"(merge commits|squash merges|rebase merges) are not allowed|must not contain merge commits|linear history",
    re.IGNORECASE,
)
"""This method of merging is not allowed; another may be."""

CASES: Final[tuple[tuple[str, type[Temporary | Permanent], Reason], ...]] = (
    ("merge queue", Permanent, reasons.MergeQueue()),
    ("locked branch", Permanent, reasons.BranchLocked()),
    ("not authorized to push", Permanent, reasons.PushNotAllowed()),
    ("verified signatures", Permanent, reasons.SignatureRequired()),
    ("head branch was modified", Temporary, reasons.HeadMoved()),
    ("base branch was modified", Temporary, reasons.BaseMoved()),
    ("failing", Temporary, reasons.ChecksFailing()),
    (r"required status|required workflow", Temporary, reasons.ChecksPending()),
    ("changes have been requested", Temporary, reasons.ChangesRequested()),
    ("review", Temporary, reasons.ReviewRequired()),
    ("conversation", Temporary, reasons.ConversationsOpen()),
    ("draft", Temporary, reasons.Draft()),
    (r"out of date|out-of-date|not up to date", Temporary, reasons.OutOfDate()),
)


def other_method_may_work(words: str) -> bool:
    """Return whether only this way of merging is refused."""
    return OTHER_METHOD.search(words) is not None


def unmerged(words: str, pull: Pull, head: str) -> Temporary | Permanent:
    """Return why GitHub refused to merge `head` of a pull request, which is now `pull`."""
    kind, cause = _cause(words, pull, head)
    return kind(reasons.NotMerged(number=pull.number, said=Said(" ".join(words.split())), cause=cause))


def _cause(words: str, pull: Pull, head: str) -> tuple[type[Temporary | Permanent], Reason]:
    if pull.state is PullState.CLOSED:
        return Temporary, reasons.Closed()
    if pull.head != head:
        return Temporary, reasons.HeadMoved()
    if pull.mergeable is False:
        return Temporary, reasons.Conflicting()
    matches = ((kind, cause) for pattern, kind, cause in CASES if re.search(pattern, words, re.IGNORECASE))
    return next(matches, (Temporary, reasons.UnknownObstacle()))
