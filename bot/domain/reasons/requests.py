"""Why a request is refused, what became of one that is not, and who may make which."""

from datetime import datetime, timedelta

from bot.domain.reason import Command, Name, Reason, Said, Url, User, reason


@reason("unknown_model")
class UnknownModel(Reason):
    """No such model is registered and named in app.yaml."""

    word: Name
    nearest: Name | None
    """The one that was probably meant."""
    known: tuple[Name, ...]
    instead: Command | None
    """None where no model is known."""


@reason("unknown_stage")
class UnknownStage(Reason):
    """The model has no such stage."""

    word: Name
    nearest: Name | None
    known: tuple[Name, ...]
    instead: Command | None


@reason("no_such_version")
class NoSuchVersion(Reason):
    """No such version is registered."""

    model: Name
    version: int
    newest: tuple[int, ...]
    """Those that are, the newest first."""
    instead: Command


@reason("no_versions")
class NoVersions(Reason):
    """The model has no version at all."""

    model: Name


@reason("unknown_alias")
class UnknownAlias(Reason):
    """The model has no such alias."""

    model: Name
    alias: Name
    """With its @, as all that are known."""
    known: tuple[Name, ...]
    instead: Command


@reason("first_stage_needs_version")
class FirstStageNeedsVersion(Reason):
    """No version was named, and there is no previous stage to take one from."""

    stage: Name
    instead: Command


@reason("nothing_to_promote")
class NothingToPromote(Reason):
    """No version was named, and the previous stage has no release."""

    model: Name
    before: Name
    instead: Command


@reason("already_live")
class AlreadyLive(Reason):
    """The version is the stage's release."""

    model: Name
    stage: Name
    version: int
    since: datetime
    instead: Command


@reason("already_under_way")
class AlreadyUnderWay(Reason):
    """A promotion to that target is waiting to be merged."""

    model: Name
    stage: Name
    version: int
    number: int
    pull: Url | None
    by: User


@reason("already_rolling_out")
class AlreadyRollingOut(Reason):
    """A promotion to that target is merged, or being merged."""

    model: Name
    stage: Name
    version: int
    number: int
    pull: Url | None
    by: User
    rollback: Command | None
    """How to roll it back; None where it is a rollback."""


@reason("no_earlier_release")
class NoEarlierRelease(Reason):
    """There is no release to roll back to."""

    model: Name
    stage: Name
    version: int | None
    """The first release; None where there is none."""
    instead: Command


@reason("never_released")
class NeverReleased(Reason):
    """The version never was a release of the stage."""

    model: Name
    stage: Name
    version: int
    released: tuple[int, ...]
    """Those that were."""
    instead: Command


@reason("nothing_to_lift")
class NothingToLift(Reason):
    """There is no freeze to lift."""

    stage: Name


@reason("frozen_by_config")
class FrozenByConfig(Reason):
    """The freeze is a window of app.yaml."""

    stage: Name
    until: datetime
    instead: Command


@reason("unknown_promotion")
class UnknownPromotion(Reason):
    """No promotion has that number."""

    number: int
    under_way: tuple[int, ...]


@reason("already_over")
class AlreadyOver(Reason):
    """A promotion that has ended cannot be cancelled."""

    number: int
    state: Said
    since: datetime
    rollback: Command | None


@reason("already_merged")
class AlreadyMerged(Reason):
    """A promotion whose change is merged cannot be cancelled."""

    number: int
    rollback: Command


# ── who may do what ──────────────────────────────────────────────────────────────────────────────────────


@reason("not_allowed")
class NotAllowed(Reason):
    """Only others may do that."""

    deed: Reason
    people: tuple[User, ...]
    groups: tuple[Name, ...]


@reason("membership_unknown")
class MembershipUnknown(Reason):
    """Slack has not listed the members of a group recently."""

    deed: Reason
    groups: tuple[Name, ...]
    window: timedelta


@reason("to_promote")
class ToPromote(Reason):
    """A deed: promote a model."""

    model: Name
    stage: Name


@reason("to_roll_back")
class ToRollBack(Reason):
    """A deed: roll back a model."""

    model: Name
    stage: Name


@reason("to_override")
class ToOverride(Reason):
    """A deed: override what holds promotions to a stage up."""

    stage: Name


@reason("to_freeze")
class ToFreeze(Reason):
    """A deed: freeze a stage, or lift the freeze."""

    stage: Name


@reason("to_cancel")
class ToCancel(Reason):
    """A deed: cancel a promotion."""

    number: int


# ── what became of a request ─────────────────────────────────────────────────────────────────────────────


@reason("started")
class Started(Reason):
    """A promotion was started."""

    model: Name
    stage: Name
    version: int
    number: int
    replaced: int | None
    """The promotion that it supersedes."""
    replaced_version: int | None
    channel: Said


@reason("override_accepted")
class OverrideAccepted(Reason):
    """What holds a promotion up is overridden, once it is approved."""

    result: Reason
    """What else became of the request."""
    holds: tuple[Said, ...]
    why: Name


@reason("still_under_way")
class StillUnderWay(Reason):
    """The promotion that was asked for exists already."""

    number: int


@reason("cancelling")
class Cancelling(Reason):
    """A promotion is being cancelled."""

    number: int


@reason("already_received")
class AlreadyReceived(Reason):
    """The same request was delivered before."""
