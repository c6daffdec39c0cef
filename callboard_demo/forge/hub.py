"""What a forge does beyond git: pull requests that follow their branches, and webhooks.

The rules of refs and pull requests, without HTTP and without JSON shapes.  Whether and how a pull request merges
is in merging.py.  To add a rule, raise `Refused` with GitHub's own message before anything is changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callboard_demo.forge.records import CheckRecord, PullRecord, Records, Review, StatusRecord, stamp
from callboard_demo.forge.refused import Refused, custom, invalid, missing, not_found, unchangeable
from callboard_demo.forge.repository import Entry, Repository, Signed

BRANCH = "refs/heads/"
STATES = {"error", "failure", "pending", "success"}
"""The states of a commit status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event that a webhook reports."""

    event: str
    by: str
    action: str | None = None
    pull: PullRecord | None = None
    review: Review | None = None
    status: StatusRecord | None = None
    check: CheckRecord | None = None
    ref: str = ""
    before: str | None = None
    after: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)


class Hub:
    """One repository, its pull requests, and the rules between them."""

    def __init__(self, *, name: str, login: str, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.owner = name.partition("/")[0]
        self.login = login
        self.url = ""
        """Where it is reached, for the URLs in its responses; by default, taken from the first request."""
        self.methods = {"merge", "squash", "rebase"}
        """The merge methods that the repository allows."""
        self.base_races = 0
        """How many of the next merges fail because the base branch moves at that moment."""
        self.undecided = 0
        """How many of the next reads find that GitHub is still computing `mergeable`."""
        self.on_happening: list[Callable[[Happening], None]] = []
        self.on_change: list[Callable[[], None]] = []
        self.git = Repository(folder / "repository.git")
        self._file = folder / "records.json"
        self.records = Records.load(self._file)
        self._catch_up()

    def changed(self, *happenings: Happening) -> None:
        """Save the records, then run the callbacks."""
        self.records.save(self._file)
        for happening in happenings:
            for callback in self.on_happening:
                callback(happening)
        for call in self.on_change:
            call()

    # ── refs ──────────────────────────────────────────────────────────────────────────────────────────

    def move(self, ref: str, sha: str | None, *, by: str) -> None:
        """Move a ref to a commit (None deletes it), and update the pull requests of that branch.

        Raises:
            Refused: git does not allow a ref of this name.
        """
        before = self.git.ref(ref)
        if before == sha:
            return
        try:
            self.git.point(ref, sha) if sha else self.git.drop(ref)
        except ValueError as error:
            raise Refused(422, "Reference update failed") from error
        push = Happening(event="push", by=by, ref=ref, before=before, after=sha)
        self.changed(push, *self._follow(ref.removeprefix(BRANCH), before, sha, by))

    def pushed(self, before: Mapping[str, str], *, by: str) -> None:
        """Update the pull requests after a git push; `before` holds the branches as they were."""
        after = self.git.refs(BRANCH)
        for ref in sorted(before.keys() | after.keys()):
            old, new = before.get(ref), after.get(ref)
            if old != new:
                push = Happening(event="push", by=by, ref=ref, before=old, after=new)
                self.changed(push, *self._follow(ref.removeprefix(BRANCH), old, new, by))

    def _follow(self, branch: str, before: str | None, after: str | None, by: str) -> list[Happening]:
        happenings = []
        for pull in [pull for pull in self.records.pulls if pull.open]:
            if pull.head == branch and (happening := self._head_moved(pull, before, after, by)):
                happenings.append(happening)
            elif pull.base == branch and after and self.git.contains(after, pull.head_sha):
                happenings.append(self.shut(pull, by=by, merge_sha=after))
        return happenings

    def _head_moved(self, pull: PullRecord, before: str | None, after: str | None, by: str) -> Happening | None:
        base = self.git.head(pull.base)
        if after is None or base is None or self.git.contains(base, after):
            return self.shut(pull, by=by)
        pull.head_sha, pull.base_sha, pull.updated_at = after, base, stamp()
        return Happening(event="pull_request", action="synchronize", by=by, pull=pull, before=before, after=after)

    def shut(self, pull: PullRecord, *, by: str, merge_sha: str | None = None) -> Happening:
        """Close a pull request, as merged if `merge_sha` is given.  The caller sends the webhook."""
        pull.open, pull.closed_at, pull.updated_at = False, stamp(), stamp()
        pull.merge_sha, pull.merged_by = merge_sha, by if merge_sha else None
        return Happening(event="pull_request", action="closed", by=by, pull=pull)

    def _catch_up(self) -> None:
        # A crash can happen between the move of a ref and the update of the records.
        for base in {pull.base for pull in self.records.pulls if pull.open}:
            self._follow(base, None, self.git.head(base), self.login)
        for branch in {pull.head for pull in self.records.pulls if pull.open}:
            self._follow(branch, None, self.git.head(branch), self.login)

    def commit(self, files: Mapping[str, str | bytes | None], message: str, *, branch: str, by: str) -> str:
        """Commit `files` (None removes) on top of `branch`, created from main if missing; return the commit.

        Raises:
            ValueError: a path that git refuses.
        """
        parent = self.git.head(branch) or self.git.head("main")
        base = self.git.tree(parent) if parent else None
        entries: dict[str, Entry] = {
            path: None if text is None else (0o100644, self.git.write_blob(_bytes(text)))
            for path, text in files.items()
        }
        tree = self.git.graft(base, entries) or self.git.empty_tree()
        sha = self.git.write_commit(message, tree=tree, parents=[parent] if parent else [], author=Signed.by(by))
        self.move(BRANCH + branch, sha, by=by)
        return sha

    def report(
        self, sha: str, context: str, state: str, *, by: str, description: str | None = None, url: str | None = None
    ) -> StatusRecord:
        """Add a status to a commit; the newest of a context counts.

        Raises:
            Refused: no such commit, or no such state.
        """
        if self.git.commit(sha) is None:
            raise Refused(422, f"No commit found for SHA: {sha}")
        if state not in STATES:
            raise invalid("Status", "state")
        status = StatusRecord(
            id=self.records.next_id(), sha=sha, context=context, state=state, description=description, target_url=url,
            creator=by,
        )  # fmt: skip
        self.records.statuses.append(status)
        self.changed(Happening(event="status", by=by, status=status))
        return status

    # ── pull requests ─────────────────────────────────────────────────────────────────────────────────

    def pull(self, number: int) -> PullRecord:
        """Return a pull request.

        Raises:
            Refused: there is none with this number.
        """
        if found := self.records.pull(number):
            return found
        raise not_found()

    def open(self, *, head: str, base: str, title: str, body: str | None, draft: bool, by: str) -> PullRecord:
        """Open a pull request.

        Raises:
            Refused: a branch does not exist, there is nothing to merge, or a pull request is already open.
        """
        owner, _, branch = head.rpartition(":")
        head_sha, base_sha = self.git.head(branch), self.git.head(base)
        if not title:
            raise missing("PullRequest", "title")
        if head_sha is None or owner not in {"", self.owner}:
            raise invalid("PullRequest", "head")
        if base_sha is None:
            raise invalid("PullRequest", "base")
        if self._opened(branch, base):
            raise custom("PullRequest", f"A pull request already exists for {self.owner}:{branch}.")
        if self.git.contains(base_sha, head_sha):
            raise custom("PullRequest", f"No commits between {base} and {branch}")
        pull = PullRecord(
            number=len(self.records.pulls) + 1, title=title, body=body, head=branch, base=base, head_sha=head_sha,
            base_sha=base_sha, author=by, draft=draft,
        )  # fmt: skip
        self.records.pulls.append(pull)
        self.changed(Happening(event="pull_request", action="opened", by=by, pull=pull))
        return pull

    def edit(self, pull: PullRecord, changes: Mapping[str, Any], *, by: str) -> None:
        """Change title, body, base branch or state.

        Raises:
            Refused: the base branch is not possible, or the pull request cannot be reopened.
                Source: https://docs.github.com/en/rest/pulls/pulls#update-a-pull-request
        """
        state = changes.get("state")
        retargeted = self._retarget(pull, changes["base"]) if "base" in changes else {}
        if state == "open" and not pull.open:
            self._reopen(pull, by=by)
        words = [key for key in ("title", "body") if changes.get(key, getattr(pull, key)) != getattr(pull, key)]
        before = {key: {"from": getattr(pull, key)} for key in words} | retargeted
        for key in words:
            setattr(pull, key, changes[key])
        happenings = (
            [Happening(event="pull_request", action="edited", by=by, pull=pull, changes=before)] if before else []
        )
        pull.updated_at = stamp()
        if state == "closed" and pull.open:
            happenings.append(self.shut(pull, by=by))
        self.changed(*happenings)

    def _retarget(self, pull: PullRecord, base: str) -> dict[str, Any]:
        """Change a pull request's base branch; return what a webhook reports about the old one.

        The head and its statuses stay.  The messages are GitHub's, as seen in
        https://github.com/google/go-github/issues/3456 and in what its clients match.
        """
        sha, branches = self.git.head(base), f"base branch '{base}' and head branch '{pull.head}'"
        if not pull.open:
            raise unchangeable("base", "Cannot change the base branch of a closed pull request.")
        if base == pull.base:
            return {}
        if sha is None:
            raise unchangeable("base", f"Proposed base branch '{base}' was not found")
        if self._opened(pull.head, base):
            raise unchangeable("base", f"A pull request already exists for {branches}")
        if self.git.contains(sha, pull.head_sha):
            raise unchangeable("base", f"There are no new commits between {branches}")
        before = {"ref": {"from": pull.base}, "sha": {"from": pull.base_sha}}
        pull.base, pull.base_sha = base, sha
        return {"base": before}

    def _opened(self, head: str, base: str) -> bool:
        return any(pull.open and (pull.head, pull.base) == (head, base) for pull in self.records.pulls)

    def _reopen(self, pull: PullRecord, *, by: str) -> None:
        """Reopen a closed pull request, with the commits that were added to its branch since.

        Source of the messages: https://github.com/cilium/cilium/pull/47088 and
        https://github.com/googleapis/release-please/issues/2566
        """
        head, prefix = self.git.head(pull.head), "state cannot be changed. "
        if pull.merged:
            raise invalid("PullRequest", "state")
        if head is None:
            raise unchangeable("state", f"{prefix}The {pull.head} branch has been deleted.")
        if not self.git.contains(head, pull.head_sha):
            raise unchangeable("state", f"{prefix}The {pull.head} branch was force-pushed or recreated.")
        if self._opened(pull.head, pull.base):
            reason = f"There is already an open pull request from {pull.head} to {pull.base}."
            raise unchangeable("state", prefix + reason)
        pull.open, pull.closed_at, pull.head_sha = True, None, head
        self.changed(Happening(event="pull_request", action="reopened", by=by, pull=pull))

    def review(self, pull: PullRecord, *, event: str, body: str, commit: str | None, by: str) -> Review:
        """Record a review.

        Raises:
            Refused: authors can comment on their own pull request, but not approve it or request changes.
        """
        words = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}
        if event not in words:
            raise Refused(
                422,
                "Unprocessable Entity",
                [f"Variable $event of type PullRequestReviewEvent was provided invalid value: {event}"],
            )
        if by == pull.author and event != "COMMENT":
            verb = "approve" if event == "APPROVE" else "request changes on"
            raise Refused(422, "Unprocessable Entity", [f"Review Can not {verb} your own pull request"])
        review = Review(
            id=self.records.next_id(), user=by, state=words[event], body=body, commit=commit or pull.head_sha
        )
        pull.reviews.append(review)
        self.changed(Happening(event="pull_request_review", action="submitted", by=by, pull=pull, review=review))
        return review


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
