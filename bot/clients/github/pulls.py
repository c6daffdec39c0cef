"""Existing pull requests: fetch, merge, close, comment.  `client` creates them."""

import dataclasses
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Final

import msgspec

from bot.clients.github.refusals import other_method_may_work, unmerged
from bot.clients.github.requester import Calls, Conflict, Refused
from bot.clients.limits import Pages
from bot.domain.errors import Permanent, Temporary
from bot.domain.json import Json
from bot.domain.reasons.github import Comments, NoMergeMethod
from bot.domain.repository import Pull, PullState

METHODS: Final = ("merge", "squash", "rebase")
"""Ways of merging; the first that the repository allows is used."""
PAGE: Final = 100


class _Head(msgspec.Struct):
    sha: str


class _Base(msgspec.Struct):
    ref: str


class _Found(msgspec.Struct):
    """A pull request.  https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request ."""

    number: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
    html_url: str
    state: str
    head: _Head
    base: _Base
    merge_commit_sha: str | None
    merged: bool | None = None
    merged_at: datetime | None = None
    mergeable: bool | None = None
    mergeable_state: str | None = None
    draft: bool | None = None


def read(answer: Json) -> Pull:
    """Return a pull request as GitHub shows it, alone or in a list."""
    found = msgspec.convert(answer, _Found)
    merged = bool(found.merged or found.merged_at)  # lists have only the second
    state = PullState.MERGED if merged else PullState(found.state)
    return Pull(
        number=found.number, url=found.html_url, state=state, head=found.head.sha, base=found.base.ref,
        # While it is open, this is GitHub's trial merge, which is on no branch.
        merge_commit=found.merge_commit_sha if merged else None, merged_at=found.merged_at, mergeable=found.mergeable,
        behind=found.mergeable_state == "behind", withheld=found.mergeable_state == "blocked" or bool(found.draft),
    )  # fmt: skip


def fetch(calls: Calls, number: int) -> Pull:
    """Return a pull request."""
    return read(calls.get(f"/pulls/{number}"))


def merge(calls: Calls, number: int, head: str) -> Pull:
    """Merge exactly `head` with the first allowed method, and return the result."""
    for method in METHODS:
        try:
            done = calls.send("PUT", f"/pulls/{number}/merge", {"sha": head, "merge_method": method})
        except (Refused, Temporary) as error:
            pull = fetch(calls, number)
            if pull.state is PullState.MERGED:
                return pull
            words = _words(error)
            if words is None:
                raise
            if not other_method_may_work(words):
                raise unmerged(words, pull, head) from error
        else:
            commit = msgspec.convert(done, _Head).sha
            return dataclasses.replace(fetch(calls, number), state=PullState.MERGED, merge_commit=commit)
    raise Permanent(NoMergeMethod())


def _words(error: Refused | Temporary) -> str | None:
    """Return GitHub's text where it refused the merge itself: 405, or 409 for another head."""
    if isinstance(error, Conflict) or (isinstance(error, Refused) and error.status == HTTPStatus.METHOD_NOT_ALLOWED):
        return error.words
    return None


def close(calls: Calls, number: int, comment: str | None) -> None:
    """Close it unmerged, with a comment that says why.  One that has ended stays as it is."""
    if fetch(calls, number).state.ended:
        return
    if comment:
        add_comment(calls, number, comment, "closed")
    calls.send("PATCH", f"/pulls/{number}", {"state": "closed"})


def add_comment(calls: Calls, number: int, body: str, key: str) -> None:
    """Add a comment, unless one with this key exists."""
    mark = f"<!-- callboard:{key} -->"
    page, pages = 1, Pages(Comments(number=number))
    while found := calls.get(f"/issues/{number}/comments", per_page=PAGE, page=page):
        if any(mark in (comment["body"] or "") for comment in found):
            return
        pages.take()
        page += 1
        if len(found) < PAGE:
            break
    calls.send("POST", f"/issues/{number}/comments", {"body": f"{body}\n\n{mark}"})
