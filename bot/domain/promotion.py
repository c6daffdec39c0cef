"""A promotion and its history: who requested it, what people did, and how it went."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final, TypedDict

from bot.domain.chat import Posted
from bot.domain.reason import Reason
from bot.domain.registry import Comparison, ModelVersion
from bot.domain.target import Place, Target
from bot.domain.verification import Verify


class Verdict(IntEnum):
    """A gate's answer.  Ordered, so that the worst of many is their `max`."""

    PASS = 0
    WAIT = 1  # may pass later, without a new request
    BLOCK = 2  # will not pass; the promotion must be requested again


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """A verdict, and why."""

    verdict: Verdict
    reason: Reason


class State(StrEnum):
    """The state of a promotion.  CHECKING → PROPOSED → MERGING → SYNCING → ROLLING_OUT → VERIFYING → RELEASED."""

    CHECKING = "checking"
    PROPOSED = "proposed"
    MERGING = "merging"
    SYNCING = "syncing"
    ROLLING_OUT = "rolling out"
    VERIFYING = "proving"
    STALLED = "stalled"  # merged, and neither released nor seen to fail in time: people decide
    RELEASED = "released"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"

    @property
    def open(self) -> bool:
        """Return whether the promotion is still under way."""
        return self in {
            State.CHECKING,
            State.PROPOSED,
            State.MERGING,
            State.SYNCING,
            State.ROLLING_OUT,
            State.VERIFYING,
            State.STALLED,
        }


UNMERGED: Final = frozenset({State.CHECKING, State.PROPOSED})
"""Nothing is merged yet, and nothing is being merged."""


IN_CLUSTER: Final = frozenset({State.SYNCING, State.ROLLING_OUT, State.VERIFYING, State.STALLED})
"""The change is merged, and what the cluster shows decides."""


class Kind(StrEnum):
    """What a promotion is for."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"


class FactKind(StrEnum):
    """What somebody did, or what the registry reported."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"
    APPROVE = "approve"
    WITHDRAW = "withdraw"
    VETO = "veto"
    UNVETO = "unveto"
    CANCEL = "cancel"
    OVERRIDE = "override"
    KEEP_WAITING = "keep waiting"
    ACCEPT = "accept"
    GO_BACK = "go back"
    FREEZE = "freeze"
    THAW = "thaw"
    VERSION = "version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a person did: stored once, kept for ever."""

    id: int
    kind: FactKind
    by: str
    """Chat user id; `callboard` for what Callboard did automatically."""
    at: datetime
    promotion: int | None = None
    digest: str | None = None
    """For approvals and vetoes: the change that the message showed."""
    reason: str = ""
    by_reaction: bool = False
    """It was given as a reaction, which stays on the message until it is withdrawn."""
    answered: bool = False
    """A private answer about this fact was sent (or is being sent: it is never sent twice)."""


class ApprovalState(StrEnum):
    """The state of the commit status `callboard/approval`.

    https://docs.github.com/en/rest/commits/statuses
    """

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What GitHub is told of the approval of one commit, and why."""

    head: str
    state: ApprovalState
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PullStatus:
    """A promotion's pull request, and how far it got."""

    number: int
    url: str
    digest: str | None = None
    """The change that it holds and that approvals are for; None while there is none, or it has to be remade."""
    head: str | None = None
    """The commit that Callboard made: the only head that it merges."""
    base: str | None = None
    """The commit of the main branch that `head` is based on."""
    tried: str | None = None
    """The head of the last attempt to merge, which may have taken effect although the answer was lost."""
    approval: Approval | None = None
    """What GitHub was told last."""
    merge_commit: str | None = None
    merged_at: datetime | None = None
    """By GitHub's clock; None also for what release 0.1.0 merged."""
    closed: bool = False
    """Callboard closed it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedStatus:
    """The pin that Git held already when the promotion was checked, so that there is nothing to merge."""

    digest: str
    """The text of the file that holds it: what approvals are for."""
    commit: str
    """The commit of the main branch at which it was read."""
    promotion: int | None = None
    """The earlier promotion that merged it; None: somebody set it by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageStatus:
    """The promotion's message, and the digest of the change that it shows."""

    posted: Posted
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What the gates ruled last, and whose approval counted."""

    rulings: tuple[Ruling, ...] = ()
    approved_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """What was observed to fail, since when, and the last log lines of the pod in trouble (redacted)."""

    since: datetime
    reason: Reason
    log: str | None = None
    also: Mapping[str, datetime] = field(default_factory=dict)
    """Since when other causes are seen without a break, by their codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """The furthest that a rollout has come: how many new pods were ready, and when that was first so."""

    ready: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryStatus:
    """What was written to the registry for the promotion."""

    alias_moved: bool = False
    previous_alias: int | None = None
    """The version that the alias pointed at before."""
    tagged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What was observed and done for a promotion; None where that has not happened."""

    place: Place | None = None
    pull: PullStatus | None = None
    pinned: PinnedStatus | None = None
    """Set instead of `pull` where Git held the pin before anybody approved it."""
    message: MessageStatus | None = None
    consent: Consent = field(default_factory=Consent)
    comparison: Comparison | None = None
    failing: Failing | None = None
    advance: Advance | None = None
    counted: tuple[str, ...] = ()
    """Names of the pods that were ready when the rollout was complete: those that are verified, and no later ones."""
    healthy_since: datetime | None = None
    """Since when all of them have been ready."""
    verified_by: Verify | None = None
    """How it is verified; None while that is not fixed."""
    verified_digest: str | None = None
    """Digest of the model's files, as every pod reported it when the version was released."""
    registry: RegistryStatus = field(default_factory=RegistryStatus)
    waiting: Reason | None = None
    """What the GitOps agent says while the cluster has not picked up the change."""
    trouble: Reason | None = None
    """Why an outside system keeps the promotion waiting at present."""
    clear_since: datetime | None = None
    """When the outside systems last answered again after trouble: time-outs count from there."""
    followup: int | None = None
    """The promotion that superseded this one, or that rolls it back."""


class StatusChange(TypedDict, total=False):
    """The fields of a `Status` that change, with their new values."""

    place: Place | None
    pull: PullStatus | None
    pinned: PinnedStatus | None
    message: MessageStatus | None
    consent: Consent
    comparison: Comparison | None
    failing: Failing | None
    advance: Advance | None
    counted: tuple[str, ...]
    healthy_since: datetime | None
    verified_by: Verify | None
    verified_digest: str | None
    registry: RegistryStatus
    waiting: Reason | None
    trouble: Reason | None
    clear_since: datetime | None
    followup: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request, by a person or by the policy, that a version become the release of a target."""

    target: Target
    kind: Kind
    version: int
    by: str
    """Chat user id, or `callboard`."""
    at: datetime
    automatic: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A request that a version become a target's release, and its history."""

    id: int
    target: Target
    kind: Kind
    version: int
    previous: int | None
    """The verified release of the target when it was requested."""
    requested_by: str
    requested_at: datetime
    state: State
    entered_at: datetime
    reason: Reason | None = None
    """Why it is in its present state."""
    status: Status = field(default_factory=Status)
    automatic: bool = False
    """Requested by the policy, not by a person."""

    @property
    def what(self) -> ModelVersion:
        """Return the version that is to become the release."""
        return ModelVersion(model=self.target.model, version=self.version)

    @property
    def digest(self) -> str | None:
        """Return the digest of what people approve: the change of its pull request, or the pin that Git holds."""
        if self.status.pinned is not None:
            return self.status.pinned.digest
        return self.status.pull.digest if self.status.pull is not None else None

    @property
    def namespace(self) -> str:
        """Return where its workload runs.

        `default` stands only for what no place tells: promotions that release 0.1.0 opened, and rollbacks whose
        manifests no longer say it.  Nothing else is proposed without a namespace (`bot.rules.pins.place`).
        """
        return (self.status.place.namespace if self.status.place is not None else None) or "default"

    @property
    def cluster(self) -> str | None:
        """Return the cluster in which its workload runs; None: the bot's own."""
        return self.status.place.cluster if self.status.place is not None else None

    @property
    def merge_commit(self) -> str | None:
        """Return the commit with which its change was merged."""
        return self.status.pull.merge_commit if self.status.pull is not None else None

    @property
    def in_git(self) -> bool:
        """Return whether Git holds its pin: its change was merged, or the pin was there before."""
        return self.merge_commit is not None or self.status.pinned is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What a target runs now, verified."""

    target: Target
    version: int
    since: datetime
    previous: int | None = None
    """The release before it: where /rollback goes."""
    promotion: int | None = None
