"""A promotion and its story: who asked, what people did, what came of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final, TypedDict

from bot.domain.chat import Posted
from bot.domain.registry import Comparison, ModelVersion
from bot.domain.target import Pair


class Verdict(IntEnum):
    """A gate's answer.  Ordered, so that the worst of many is their `max`."""

    PASS = 0
    WAIT = 1  # may pass later, with nothing asked anew
    BLOCK = 2  # will not pass; the promotion must be asked for again


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A verdict, and the sentence that explains it to the people in the channel."""

    verdict: Verdict
    because: str


class State(StrEnum):
    """Where a promotion stands.  CHECKING → PROPOSED → MERGING → SYNCING → ROLLING_OUT → PROVING → RELEASED."""

    CHECKING = "checking"
    PROPOSED = "proposed"
    MERGING = "merging"
    SYNCING = "syncing"
    ROLLING_OUT = "rolling out"
    PROVING = "proving"
    RELEASED = "released"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"

    @property
    def open(self) -> bool:
        """Say whether the story goes on."""
        return self in {
            State.CHECKING,
            State.PROPOSED,
            State.MERGING,
            State.SYNCING,
            State.ROLLING_OUT,
            State.PROVING,
        }


UNMERGED: Final = frozenset({State.CHECKING, State.PROPOSED})
"""Nothing is merged yet, and nothing is being merged."""


class Kind(StrEnum):
    """What a promotion is for."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"


class FactKind(StrEnum):
    """What somebody did, or the registry told."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    APPROVE = "approve"
    WITHDRAW = "withdraw"
    VETO = "veto"
    UNVETO = "unveto"
    CANCEL = "cancel"
    OVERRIDE = "override"
    FREEZE = "freeze"
    THAW = "thaw"
    VERSION = "version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a person did: recorded once, kept for ever."""

    id: int
    kind: FactKind
    by: str
    """Chat user id; `callboard` for what the program did by itself."""
    at: datetime
    promotion: int | None = None
    digest: str | None = None
    """For approvals and vetoes: the change that the message stood for."""
    reason: str = ""
    by_reaction: bool = False
    """It was said with a reaction, which the message still shows unless it was taken back."""
    answered: bool = False
    """A private answer about this fact was sent (or is being sent: it is never sent twice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is remembered of a promotion's way through the world: outcomes of acts and observations that must last."""

    paths: tuple[str, ...] = ()
    """Files of the repository that the change touches."""
    digest: str | None = None
    """The change that the open pull request holds, and that approvals are for."""
    namespace: str | None = None
    workload: str | None = None
    pull: int | None = None
    pull_url: str | None = None
    head: str | None = None
    """The commit that Callboard made: the only head that it merges."""
    base: str | None = None
    """The main branch's commit that it stands on."""
    tried: str | None = None
    """The head whose merge was tried last: it may have taken effect although nobody was told."""
    message: Posted | None = None
    message_for: str | None = None
    """The digest of the change that the message stands for."""
    approval: str | None = None
    """What the pull request's head says of the approval: "success 1a2b3c…: 2 of 2 approvals"."""
    clear_since: datetime | None = None
    """When the world answered again after trouble: time-outs count from there."""
    merge_commit: str | None = None
    previous_alias: int | None = None
    alias_moved: bool = False
    tagged: bool = False
    pull_closed: bool = False
    failing_since: datetime | None = None
    failing_because: str | None = None
    healthy_since: datetime | None = None
    proven_digest: str | None = None
    """Of the model's files, as every pod said when it was released."""
    log: str | None = None
    """The last lines of the culprit's log, redacted."""
    rulings: tuple[Ruling, ...] = ()
    """What the gates said last, so that the card need not ask them again."""
    approved_by: tuple[str, ...] = ()
    comparison: Comparison | None = None
    trouble: str | None = None
    """What an outside system's trouble looks like at present; None when all answer."""
    followup: int | None = None
    """The promotion that goes back, when this one failed."""


class RecordChange(TypedDict, total=False):
    """Some fields of a `Record`, with what they are from now on."""

    paths: tuple[str, ...]
    digest: str | None
    namespace: str | None
    workload: str | None
    pull: int | None
    pull_url: str | None
    head: str | None
    base: str | None
    tried: str | None
    message: Posted | None
    message_for: str | None
    approval: str | None
    clear_since: datetime | None
    merge_commit: str | None
    previous_alias: int | None
    alias_moved: bool
    tagged: bool
    pull_closed: bool
    failing_since: datetime | None
    failing_because: str | None
    healthy_since: datetime | None
    proven_digest: str | None
    log: str | None
    rulings: tuple[Ruling, ...]
    approved_by: tuple[str, ...]
    comparison: Comparison | None
    trouble: str | None
    followup: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody, or policy, wants: that a version become the release of a pair."""

    pair: Pair
    kind: Kind
    version: int
    by: str
    """Chat user id, or `callboard`."""
    at: datetime
    automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """The request, and its whole story, that a version become a stage's release."""

    id: int
    pair: Pair
    kind: Kind
    version: int
    previous: int | None
    """The proven release of the pair when it was asked for."""
    requested_by: str
    requested_at: datetime
    state: State
    entered_at: datetime
    because: str = ""
    """The sentence that explains the present state."""
    record: Record = field(default_factory=Record)
    automatic: bool = False
    """Nobody asked: policy did."""

    @property
    def what(self) -> ModelVersion:
        """Return the version that is to become the release."""
        return ModelVersion(model=self.pair.model, version=self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What a stage runs now, proven."""

    pair: Pair
    version: int
    since: datetime
    previous: int | None = None
    """The release before it: where /rollback goes."""
    promotion: int | None = None
