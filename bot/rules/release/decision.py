"""What a decision looks at, and what it can say.

`Evidence` is gathered by a turn and is all that the rules may see.  A `Decision` is what the turn commits;
its `action`, if any, is the one outside write that follows.  To add an action: a dataclass here with its `Intent`, its
name in `Action`, and one function in `bot/engine/actions.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias

from bot.domain.cluster import Health, Served
from bot.domain.policy import Freeze, Policy
from bot.domain.promotion import Fact, Promotion, RecordChange, Release, Request, State
from bot.domain.registry import Card, Comparison
from bot.domain.repository import Base, Pull
from bot.domain.target import Change, Pair

SOON: Final = timedelta(seconds=2)
SHORTLY: Final = timedelta(seconds=10)
"""Where a system that was needed did not answer, and the turn went on without it."""
LATER: Final = timedelta(seconds=30)
"""A look without a hint, in case the hint was lost."""
PATIENTLY: Final = timedelta(minutes=2)
"""The same where people are waited for: at three requests a look, fifty such promotions cost what GitHub allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a pair's pin stands in the repository, and which workload it belongs to."""

    paths: tuple[str, ...]
    namespace: str | None = None
    workload: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a decision may look at, at one moment, the time included."""

    now: datetime
    pair: Pair
    policy: Policy
    promotion: Promotion | None = None
    release: Release | None = None
    upstream: Release | None = None
    """The release of the stage that `policy.after` names."""
    newest: int | None = None
    """The newest version that was announced: what an `auto` stage wants."""
    approved_heads: tuple[str, ...] = ()
    """Commits of the pair at which GitHub says, or may say, that they are approved, the oldest first."""
    attempted: int = 0
    """The highest version that anybody tried to release on this pair."""
    facts: tuple[Fact, ...] = ()
    entitled: frozenset[str] = frozenset()
    """Those among the people in `facts`, and the requester, whose word counts here."""
    overriders: frozenset[str] = frozenset()
    """Those among the people in `facts` who may override what holds it up."""
    unsure: str | None = None
    """Why the chat cannot say who is entitled; then nobody is."""
    reactions: Mapping[str, frozenset[str]] | None = None
    """Who reacts with what to the message at this very moment; None: not asked, because it would not matter yet."""
    freeze: Freeze | None = None
    """What holds new releases of the stage up at present."""
    withheld: tuple[str, ...] = ()
    """What GitHub still wants before it lets anybody merge: "the check ci/test is pending"."""
    card: Card | None = None
    comparison: Comparison | None = None
    base: Base | None = None
    place: Place | None = None
    change: Change | None = None
    refusal: str | None = None
    """Why the manifest cannot be changed."""
    pull: Pull | None = None
    health: Health | None = None
    served: Mapping[str, Served | str] = field(default_factory=dict)
    """What each new pod says on /model, or why it says nothing."""
    log: str | None = None
    alias: int | None = None

    @property
    def overdue(self) -> bool:
        """Say whether the present state has lasted longer than the policy's time-out; blind time is not counted."""
        it = self.promotion
        if it is None:
            return False
        return self.now - max(it.entered_at, it.record.clear_since or it.entered_at) > self.policy.timeout


class Intent(StrEnum):
    """The kind of an action, as it is stored until its outcome is known.

    Values never change: what an older release was about to do, a newer one finishes.
    """

    PROPOSE = "Propose"
    POST = "Post"
    WHISPER = "Whisper"
    SAY = "Say"
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
class Whisper:
    """Tell one person privately why their word does not count."""

    intent: ClassVar = Intent.WHISPER
    fact: int
    to: str
    text: str
    """To be escaped where it is said, like every `because`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Say at the pull request's head how far the approval is."""

    intent: ClassVar = Intent.SAY
    head: str
    state: str
    """`pending`, `success` or `failure`."""
    because: str

    @property
    def mark(self) -> str:
        """Return what tells one saying from another."""
        return f"{self.state} {self.head}: {self.because}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoke:
    """Say at a commit that was approved, or may have been, that it is not any more."""

    intent: ClassVar = Intent.REVOKE
    head: str
    because: str


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
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveAlias:
    """Point the registry's alias of the stage at the proven version."""

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


Action: TypeAlias = Propose | Post | Whisper | Say | Revoke | Merge | ClosePull | MoveAlias | Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the turn commits before it acts.  The default decides nothing and waits for a hint."""

    state: State | None = None
    """The state to enter; None stays."""
    because: str = ""
    action: Action | None = None
    wake: timedelta | None = None
    """Look again after this long, if nothing rings before."""
    note: RecordChange = field(default_factory=RecordChange)
    """Fields of the promotion's Record to write down."""
    merged: str | None = None
    """The commit that is merged: its approval stands for good."""
    released: bool = False
    """The version is proven: it is the pair's release from now on."""
    start: Request | None = None
    """A promotion to open, in the same transaction."""

    @property
    def approves(self) -> str | None:
        """Return the commit that GitHub is told is approved, if that follows: anybody may merge it then."""
        return self.action.head if isinstance(self.action, Say) and self.action.state == "success" else None

    def counts(self, before: State) -> bool:
        """Say whether all that was said until now is counted, or heard too late: nobody is answered about it.

        A veto that comes while a merge is being tried is answered when that has succeeded.
        """
        tried = before is State.MERGING and self.state is State.SYNCING
        return self.state not in {None, State.CHECKING, State.PROPOSED} and not tried

    @property
    def final(self) -> bool:
        """Say whether something can be merged because of it: everything that was said has to be heard first."""
        return self.approves is not None or isinstance(self.action, Merge) or self.state is State.MERGING
