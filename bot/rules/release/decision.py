"""What a decision looks at, and what it can say.

`Evidence` is gathered by a pass and is all that the rules may see.  A `Decision` is what the pass commits;
its `action`, if any, is the one outside write that follows.  To add an action: a dataclass here with its `Intent`, its
name in `Action`, and one function in `bot/engine/actions.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias

from bot.domain.cluster import AgentSeen, Health
from bot.domain.policy import Freeze, Policy
from bot.domain.promotion import (
    Approval,
    ApprovalState,
    Fact,
    PinnedStatus,
    Promotion,
    PullStatus,
    Release,
    Request,
    State,
    StatusChange,
)
from bot.domain.reason import Reason
from bot.domain.registry import Comparison, VersionDetails
from bot.domain.repository import Base, Pull
from bot.domain.target import Change, Place, Target
from bot.domain.verification import Answer, Live

SOON: Final = timedelta(seconds=2)
SHORTLY: Final = timedelta(seconds=10)
"""Where a system that was needed did not answer, and the pass went on without it."""
LATER: Final = timedelta(seconds=30)
"""A look without a wake-up, in case it was lost."""
PATIENTLY: Final = timedelta(minutes=2)
"""The same where people are waited for: at three requests a look, fifty such promotions cost what GitHub allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Editable:
    """The manifest's place, and the change that the promotion makes to it on this base."""

    base: Base
    place: Place
    change: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Uneditable:
    """Why the manifest cannot be changed on this base."""

    base: Base
    reason: Reason


Manifest: TypeAlias = Editable | Uneditable


@dataclass(frozen=True, slots=True, kw_only=True)
class Voters:
    """Whose vote counts at this moment."""

    entitled: frozenset[str] = frozenset()
    """Those among the people in `facts`, and the requester, who may approve or veto."""
    overriders: frozenset[str] = frozenset()
    """Those among the people in `facts` who may override what holds the promotion up."""
    returners: frozenset[str] = frozenset()
    """Those among the people in `facts` who may request a rollback."""
    unsure: Reason | None = None
    """Why the chat cannot tell; then nobody's vote counts."""
    reactions: Mapping[str, frozenset[str]] | None = None
    """The people who react to the message now, by emoji; None: not asked, because it would not matter yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What every decision may look at, at one moment.  What a state's decision needs besides is in its subclass."""

    now: datetime
    target: Target
    policy: Policy
    promotion: Promotion | None
    release: Release | None
    newest: int | None
    """The newest version that was announced: what an `auto` stage wants."""
    attempted: int
    """The highest version that anybody tried to release to this target."""
    approved_heads: tuple[str, ...]
    """Commits of the target at which GitHub says, or may say, that they are approved, the oldest first."""
    facts: tuple[Fact, ...]
    freeze: Freeze | None
    """What holds new releases of the stage up at present."""

    @property
    def overdue(self) -> bool:
        """Say whether the time-out passed without progress in the present state; blind time is not counted."""
        promotion = self.promotion
        if promotion is None:
            return False
        status, entered = promotion.status, promotion.entered_at
        since = max(entered, status.clear_since or entered, status.advance.at if status.advance else entered)
        return self.now - since > self.policy.timeout


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal(Evidence):
    """For CHECKING: what would be released, and what that would change."""

    promotion: Promotion
    details: VersionDetails | None
    """None: the registry does not have the version."""
    comparison: Comparison | None
    """None: there is nothing to compare with."""
    manifest: Manifest
    merged_last: Promotion | None
    """The newest of the target's promotions whose pin came into Git."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review(Evidence):
    """What every gate may rule on.  What is reviewed, a pull request or a pin in Git, is in its two subclasses."""

    promotion: Promotion
    manifest: Manifest
    upstream: Release | None
    """The release of the stage that `policy.after` names."""
    voters: Voters
    comparison: Comparison | None
    """None: nothing new is known."""
    unusable: Reason | None = None
    """Why there is no access to the cluster that app.yaml names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PullReview(Review):
    """For PROPOSED and MERGING: the open pull request."""

    ours: PullStatus
    """The pull request as Callboard made it."""
    pull: Pull
    """The pull request as it is."""
    withheld: tuple[Reason, ...]
    """What GitHub still wants before it lets anybody merge."""
    live: Live | None = None
    """What the pods answer that run before the merge; None: not asked, or there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PinReview(Review):
    """For PROPOSED where Git holds the pin already: there is no pull request, and nothing to merge."""

    pinned: PinnedStatus
    """The pin as people are asked to approve it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout(Evidence):
    """For SYNCING, ROLLING_OUT, VERIFYING and STALLED: how the workload does."""

    promotion: Promotion
    health: Health | None
    """None: no such workload was found."""
    served: Mapping[str, Answer]
    """What each ready new pod answers, or why it says nothing; only while VERIFYING or STALLED, or while SYNCING if the
    pod template holds no pin."""
    voters: Voters
    """Whose decision counts; only while STALLED."""
    log: str | None
    """The last lines of the culprit's log."""
    alias: int | None
    comparison: Comparison | None
    """None: nothing new is known."""
    live: Live | None = None
    """As in `Review`; only while SYNCING, if the method of verification is not fixed."""
    agent: AgentSeen | None = None
    """What the GitOps agent says; only while SYNCING or STALLED.  None: there is none, as far as is known."""
    applied: bool = False
    """A commit that the agent has applied contains the change; asked only where nothing else tells."""


class Intent(StrEnum):
    """The kind of an action, as it is stored until its outcome is known.

    Values never change: what an older release was about to do, a newer one finishes.
    """

    PROPOSE = "Propose"
    POST = "Post"
    REPLY = "Whisper"
    REPORT = "Say"
    REVOKE = "Revoke"
    MERGE = "Merge"
    CLOSE_PULL = "ClosePull"
    MOVE_ALIAS = "MoveAlias"
    TAG = "Tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Propose:
    """Open (or bring up to date) the pull request that holds the change."""

    intent: ClassVar = Intent.PROPOSE
    base: Base
    change: Change
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Post the message that stands for the change."""

    intent: ClassVar = Intent.POST


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Tell one person privately why their vote does not count."""

    intent: ClassVar = Intent.REPLY
    fact: int
    to: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Tell GitHub how far the approval of the pull request's head is."""

    intent: ClassVar = Intent.REPORT
    approval: Approval


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """Tell GitHub that a commit that was approved, or may have been, is not approved any more."""

    intent: ClassVar = Intent.REVOKE
    head: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Merge the pull request at exactly this head."""

    intent: ClassVar = Intent.MERGE
    number: int
    head: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosePull:
    """Close the pull request unmerged and remove its branch."""

    intent: ClassVar = Intent.CLOSE_PULL
    number: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveAlias:
    """Point the registry's alias of the stage at the verified version."""

    intent: ClassVar = Intent.MOVE_ALIAS
    version: int
    previous: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """Write the pull request's address on the version."""

    intent: ClassVar = Intent.TAG
    version: int
    key: str
    value: str


Action: TypeAlias = Propose | Post | Reply | Report | Revoke | Merge | ClosePull | MoveAlias | Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the pass commits before it acts.  The default decides nothing and waits for a wake-up."""

    state: State | None = None
    """The state to enter; None stays."""
    reason: Reason | None = None
    """Why."""
    action: Action | None = None
    wake: timedelta | None = None
    """Look again after this long, if no wake-up comes before."""
    note: StatusChange = field(default_factory=StatusChange)
    """What changes in the promotion's status."""
    merged: str | None = None
    """The commit that is merged: its approval stands for good."""
    adopts: bool = False
    """The pin that Git holds already is approved and rolls out from now on: as final as a merge."""
    released: bool = False
    """The version is verified: it is the target's release from now on."""
    start: Request | None = None
    """A promotion to open, in the same transaction."""

    @property
    def approves(self) -> str | None:
        """Return the commit that GitHub is told is approved, if that follows: anybody may merge it then."""
        if isinstance(self.action, Report) and self.action.approval.state is ApprovalState.SUCCESS:
            return self.action.approval.head
        return None

    def counts(self, before: State) -> bool:
        """Say whether all that was said until now is counted, or heard too late: nobody is answered about it.

        A veto that comes while a merge is being tried is answered when that has succeeded.
        """
        tried = before is State.MERGING and self.state is State.SYNCING
        return self.state not in {None, State.CHECKING, State.PROPOSED} and not tried

    @property
    def final(self) -> bool:
        """Say whether something can be released because of it: everything that was said has to be heard first."""
        merges = isinstance(self.action, Merge) or self.state is State.MERGING
        return merges or self.adopts or self.approves is not None
