"""What a forge stores beside git: pull requests, reviews, comments, statuses, checks, protection.

Stored in one JSON file.  Data and its storage; the rules are in hub.py.  Unlike bot/domain, the records are mutable:
they are the fake's database.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from bot.clock import now


def stamp() -> str:
    """Return the current time as GitHub writes it: 2026-05-04T12:00:00Z."""
    return spell(now())


def spell(moment: datetime) -> str:
    """Return a time as GitHub writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True, kw_only=True)
class Comment:
    """A comment on a pull request."""

    id: int
    user: str
    body: str
    created_at: str = field(default_factory=stamp)


@dataclass(slots=True, kw_only=True)
class Review:
    """A person's review of a commit: APPROVED, CHANGES_REQUESTED or COMMENTED."""

    id: int
    user: str
    state: str
    body: str
    commit: str
    submitted_at: str = field(default_factory=stamp)


@dataclass(slots=True, kw_only=True)
class PullRecord:
    """A pull request.  `head_sha` follows the branch while it is open."""

    number: int
    title: str
    body: str | None
    head: str
    base: str
    head_sha: str
    base_sha: str
    author: str
    draft: bool = False
    open: bool = True
    merge_sha: str | None = None
    merged_by: str | None = None
    created_at: str = field(default_factory=stamp)
    updated_at: str = field(default_factory=stamp)
    closed_at: str | None = None
    labels: list[str] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)

    @property
    def merged(self) -> bool:
        """Return whether it was merged."""
        return self.merge_sha is not None


@dataclass(slots=True, kw_only=True)
class StatusRecord:
    """A commit status: error, failure, pending or success.  The newest of a context counts."""

    id: int
    sha: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    creator: str
    created_at: str = field(default_factory=stamp)


@dataclass(slots=True, kw_only=True)
class CheckRecord:
    """A check run of a commit."""

    id: int
    sha: str
    name: str
    status: str = "queued"
    conclusion: str | None = None
    title: str | None = None
    summary: str | None = None
    details_url: str | None = None
    external_id: str | None = None
    started_at: str | None = field(default_factory=stamp)
    completed_at: str | None = None


@dataclass(slots=True, kw_only=True)
class Protection:
    """What a branch requires before a merge."""

    checks: list[str] = field(default_factory=list)
    approvals: int = 0
    strict: bool = False
    """The head must contain the base's latest commit."""
    locked: bool = False
    """The branch is read-only."""
    queued: bool = False
    """Only the merge queue may change the branch."""


@dataclass(slots=True, kw_only=True)
class Records:
    """Everything that is stored."""

    created_at: str = field(default_factory=stamp)
    last_id: int = 0
    pulls: list[PullRecord] = field(default_factory=list)
    statuses: list[StatusRecord] = field(default_factory=list)
    checks: list[CheckRecord] = field(default_factory=list)
    protections: dict[str, Protection] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    """The issued installation tokens, and when each expires."""

    @classmethod
    def load(cls, path: Path) -> "Records":
        """Load the stored records; empty if there are none."""
        return msgspec.json.decode(path.read_bytes(), type=cls) if path.exists() else cls()

    def save(self, path: Path) -> None:
        """Write everything atomically: a reader or a crash sees the old file or the new one."""
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self))
        fresh.replace(path)

    def next_id(self) -> int:
        """Return an unused id."""
        self.last_id += 1
        return self.last_id

    def pull(self, number: int) -> PullRecord | None:
        """Return the pull request with this number."""
        return self.pulls[number - 1] if 0 < number <= len(self.pulls) else None

    def statuses_of(self, sha: str) -> list[StatusRecord]:
        """Return the newest status of each context of a commit, newest first."""
        newest = {status.context: status for status in self.statuses if status.sha == sha}
        return sorted(newest.values(), key=lambda status: -status.id)

    def checks_of(self, sha: str) -> list[CheckRecord]:
        """Return the newest run of each check of a commit, newest first."""
        newest = {check.name: check for check in self.checks if check.sha == sha}
        return sorted(newest.values(), key=lambda check: -check.id)
