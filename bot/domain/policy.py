"""What a stage demands, as data."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = "app.yaml"
"""Who freezes a stage when nobody in particular does."""


ANYONE: Final = "anyone"
"""Stands alone in place of names: nobody is left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A freeze that comes again and again: from each moment that `cron` names, for `length`."""

    cron: str
    """Five fields, as in crontab(5)."""
    length: timedelta
    timezone: str
    """The name of an IANA time zone: "Europe/Berlin"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """Nothing new goes to a stage, until somebody thaws it or the time is over.  Going back is never frozen."""

    stage: str
    until: datetime | None
    """None: until somebody thaws it."""
    reason: str = ""
    by: str = WINDOW
    """Chat user id; `app.yaml` for a window that stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one stage asks of a promotion before it may go ahead.  Merged from app.yaml for one pair."""

    auto: bool = False
    """New versions go there by themselves."""
    approvals: int = 1
    """How many entitled people must approve."""
    approvers: tuple[str, ...] = ()
    """Chat user ids (U024BE7LH) and user groups (@ml-release-captains).  Empty: anyone in the channel."""
    requester_may_approve: bool = False
    after: str | None = None
    """The stage on which the version must be the proven release first."""
    healthy_for: timedelta = timedelta(0)
    """How long it must have been the release there."""
    expires: timedelta = timedelta(days=3)
    watch: timedelta = timedelta(minutes=2)
    """How long the new pods are watched before it counts as released."""
    timeout: timedelta = timedelta(minutes=15)
    """How long merging, syncing and rolling out may each take."""
    rollback_automatic: bool = True
    rollback_approvals: int = 1
    """Approvals that a person's /rollback needs; an approver's own request counts as one."""
    requesters: tuple[str, ...] = ()
    """Who may ask for a promotion, as in `approvers`.  Empty: anyone."""
    rollback_requesters: tuple[str, ...] = ()
    """Who may ask to go back.  Empty: anyone."""
    may_freeze: tuple[str, ...] = ()
    """Who may freeze and thaw the stage, or ANYONE.  Empty: the approvers."""
    may_override: tuple[str, ...] = ()
    """Who may go on in spite of a freeze, or before the stage before has proved the version, or ANYONE.
    Empty: the approvers."""
    freeze: tuple[Window, ...] = ()
    """When nothing new goes there."""
