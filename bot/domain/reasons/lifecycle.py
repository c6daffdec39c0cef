"""Why a promotion is in the state that it is in, up to the merge."""

from bot.domain.reason import Name, Reason, User, reason


@reason("requested")
class Requested(Reason):
    """Somebody, or the policy, asked for it."""


@reason("unknown_version")
class UnknownVersion(Reason):
    """The registry does not have the version."""

    model: Name
    version: int


@reason("registration_unfinished")
class RegistrationUnfinished(Reason):
    """The version never became READY."""


@reason("not_proposed_in_time")
class NotProposedInTime(Reason):
    """No pull request could be opened before the request expired."""


@reason("already_released")
class AlreadyReleased(Reason):
    """The stage runs the version, and Git pins it."""

    stage: Name
    version: int


@reason("already_pinned")
class AlreadyPinned(Reason):
    """Git pins the version, so there is nothing to merge."""

    version: int


@reason("found_pinned")
class FoundPinned(Reason):
    """Git pins the version before anybody approved it; no `promotion`: somebody set it by hand."""

    stage: Name
    version: int
    promotion: int | None


@reason("pin_changed")
class PinChanged(Reason):
    """What people were asked to approve as it stands in Git was changed there; `kept`: it pins the same version."""

    stage: Name
    version: int
    kept: bool


@reason("pull_opened")
class PullOpened(Reason):
    """The pull request is open."""

    number: int


@reason("pull_closed")
class PullClosed(Reason):
    """Somebody closed the pull request."""

    number: int


@reason("pull_replaced")
class PullReplaced(Reason):
    """Another change takes the place of what the pull request holds."""


@reason("pull_not_needed")
class PullNotNeeded(Reason):
    """The main branch came to pin the version while the pull request was open."""

    version: int


@reason("cancelled")
class Cancelled(Reason):
    """Somebody cancelled the request."""


@reason("superseded")
class Superseded(Reason):
    """Another request took the promotion's place."""

    by: User
    version: int
    rollback: bool


@reason("nobody_decided")
class NobodyDecided(Reason):
    """The request expired before it was approved."""


@reason("held_too_long")
class HeldTooLong(Reason):
    """The request was approved, and expired because something else held it up."""

    held: Reason


@reason("approved")
class ApprovedBy(Reason):
    """These people approved it."""

    people: tuple[User, ...]


@reason("no_approval_needed")
class NoApprovalNeeded(Reason):
    """The policy demands no approval."""


@reason("merged")
class Merged(Reason):
    """Callboard merged it."""


@reason("merged_by_hand")
class MergedByHand(Reason):
    """Somebody merged it on GitHub."""

    number: int


@reason("merged_unconfirmed")
class MergedUnconfirmed(Reason):
    """It is merged, and an attempt of Callboard's had gone unanswered: nobody can tell whose merge it is."""

    number: int


@reason("merged_elsewhere")
class MergedElsewhere(Reason):
    """The pull request was retargeted and merged into a branch that releases nothing."""

    number: int
    into: Name
    main: Name


@reason("merge_refused")
class MergeRefused(Reason):
    """GitHub did not merge it in time; `cause` is the last thing that GitHub said."""

    number: int
    cause: Reason | None


@reason("manifest_changed")
class ManifestChanged(Reason):
    """The manifest changed on the main branch."""


@reason("main_moved")
class MainMoved(Reason):
    """The main branch moved on, and the pull request conflicts with it or must be based on it."""
