"""The repository of manifests: the branch that the cluster follows, and pull requests."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The head of the branch that the cluster follows."""

    branch: str
    """Its name: the only branch that a pull request of ours is merged into."""
    commit: str
    tree: str


class PullState(StrEnum):
    """The state of a pull request."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"

    @property
    def ended(self) -> bool:
        """Return whether it can no longer be merged, unless somebody reopens it."""
        match self:
            case PullState.OPEN:
                return False
            case PullState.MERGED | PullState.CLOSED:
                return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A pull request as GitHub reports it."""

    number: int
    url: str
    state: PullState
    head: str
    """The commit its branch points at now."""
    base: str
    """The branch that it goes into; people can change it while the pull request is open."""
    merge_commit: str | None = None
    merged_at: datetime | None = None
    mergeable: bool | None = None
    """None until GitHub has computed it."""
    behind: bool = False
    """GitHub requires the branch to be up to date with its base before it merges it."""
    withheld: bool = False
    """GitHub lets nobody merge it yet: a check or a review is missing, or it is a draft."""
