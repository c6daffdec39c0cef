"""What a stage demands, as data."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.target import Written
from bot.domain.verification import Verify

WINDOW: Final = "app.yaml"
"""`Freeze.by` of a freeze window in app.yaml."""


class OnFailure(StrEnum):
    """What follows when a release is seen to fail."""

    ROLLBACK = "rollback"  # to the last verified release, automatically
    ASK = "ask"
    NOTHING = "nothing"


ANYONE: Final = "anyone"
"""Stands alone, in place of names: everybody may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A recurring freeze: from each moment that `cron` names, for `length`."""

    cron: str
    """Five fields, as in crontab(5)."""
    length: timedelta
    timezone: str
    """The name of an IANA time zone: "Europe/Berlin"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """No promotion to the stage is merged until somebody lifts the freeze or it ends.  Rollbacks are never frozen."""

    stage: str
    until: datetime | None
    """None: until somebody lifts it."""
    reason: str = ""
    by: str = WINDOW
    """Chat user id; `app.yaml` for a freeze window there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What one stage demands of a promotion, merged from app.yaml for one target."""

    auto: bool = False
    """New versions are promoted there automatically."""
    approvals: int = 1
    """How many approvals a promotion needs."""
    approvers: tuple[str, ...] = ()
    """Chat user ids (U024BE7LH) and user groups (@ml-release-captains).  Empty: anyone in the channel."""
    requester_may_approve: bool = False
    after: str | None = None
    """The stage on which the version must be the verified release first."""
    healthy_for: timedelta = timedelta(0)
    """How long it must have been the release there."""
    expires: timedelta = timedelta(days=3)
    watch: timedelta = timedelta(minutes=2)
    """How long the new pods are watched before it counts as released."""
    timeout: timedelta = timedelta(minutes=15)
    """How long merging may take, and the rollout without any progress, before people are asked."""
    on_failure: OnFailure = OnFailure.ROLLBACK
    rollback_approvals: int = 1
    """Approvals that a person's /rollback needs; an approver's own request counts as one."""
    requesters: tuple[str, ...] = ()
    """Who may request a promotion, as in `approvers`.  Empty: anyone."""
    rollback_requesters: tuple[str, ...] = ()
    """Who may request a rollback.  Empty: anyone."""
    may_freeze: tuple[str, ...] = ()
    """Who may freeze the stage and lift a freeze, or ANYONE.  Empty: the approvers."""
    may_override: tuple[str, ...] = ()
    """Who may override the gates that can be overridden, or ANYONE.  Empty: the approvers."""
    freeze: tuple[Window, ...] = ()
    """Its freeze windows."""
    verify: Verify = field(default_factory=Verify)
    """How a release is verified."""
    namespace: Written | None = None
    """Where the workload runs, with `{model}` and `{stage}`; needed where the manifests do not say it."""
    workload: Written | None = None
    """The workload's name, likewise."""
    cluster: Written | None = None
    """The cluster in which it runs, likewise (`bot.rules.parsing.clusters`); None: the bot's own."""
