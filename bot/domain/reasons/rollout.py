"""Why a rollout waits, is released, or fails."""

from datetime import timedelta

from bot.domain.reason import Name, Reason, User, reason


@reason("picked_up")
class PickedUp(Reason):
    """The workload's template holds the new value."""

    cluster: Name | None = None
    """None: the bot's own."""


@reason("not_picked_up")
class NotPickedUp(Reason):
    """The cluster did not pick the change up in time; `found` is what it says instead."""

    timeout: timedelta
    found: Reason
    cluster: Name | None = None


@reason("no_workload")
class NoWorkload(Reason):
    """No workload of the stage was found."""

    stage: Name
    namespace: Name
    cluster: Name | None = None


@reason("names_no_version")
class NamesNoVersion(Reason):
    """The workload pins no version."""

    workload: Name


@reason("still_pins")
class StillPins(Reason):
    """The workload pins something else."""

    workload: Name
    stage: Name
    version: int


@reason("every_pod_ready")
class EveryPodReady(Reason):
    """Every new pod is ready."""


@reason("not_rolled_out")
class NotRolledOut(Reason):
    """The rollout did not end in time; `found` is how it stands (None: it cannot be observed)."""

    timeout: timedelta
    found: Reason | None


@reason("kept_waiting")
class KeptWaiting(Reason):
    """Somebody gave a stalled promotion more time."""

    by: User


@reason("accepted_unverified")
class AcceptedUnverified(Reason):
    """Somebody declared a stalled promotion released; `unseen` is what Callboard could not see."""

    by: User
    unseen: Reason | None


@reason("stalled_too_long")
class StalledTooLong(Reason):
    """Nobody decided about a stalled promotion; `found` is why it stalled."""

    within: timedelta
    found: Reason | None


@reason("may_not_decide")
class MayNotDecide(Reason):
    """A person pressed a button of a stalled promotion that is not for them."""

    people: tuple[User, ...]
    groups: tuple[Name, ...]


@reason("nothing_to_go_back_to")
class NothingToGoBackTo(Reason):
    """A stalled promotion is the first release of its target."""


@reason("unobserved")
class Unobserved(Reason):
    """The workload could not be observed for the whole time-out; `cause` is why not, if that is known."""

    timeout: timedelta
    cause: Reason | None = None


@reason("no_new_pod")
class NoNewPod(Reason):
    """No pod of the new revision was found."""


@reason("pod_silent")
class PodSilent(Reason):
    """A pod does not say which version it serves."""

    pod: Name
    cause: Reason


@reason("not_asked_yet")
class NotAskedYet(Reason):
    """The pod became ready only now."""


@reason("no_address")
class NoAddress(Reason):
    """The pod has no address."""


@reason("serves_other")
class ServesOther(Reason):
    """A pod answers with another version than the one that is being released."""

    pod: Name
    model: Name
    version: int
    wanted: int


@reason("different_files")
class DifferentFiles(Reason):
    """Two pods loaded different files as the same version."""

    one: Name
    other: Name
    version: int


@reason("every_pod_serves")
class EveryPodServes(Reason):
    """Every new pod answered that it serves the version."""

    version: int


@reason("changed_by_others")
class ChangedByOthers(Reason):
    """Somebody changed the workload's pin during the rollout; no `version`: it pins none."""

    stage: Name
    version: int | None
