"""Why one object is healthy or not, judged by its own status alone."""

from bot.domain.reason import Command, Name, Reason, Said, reason


@reason("no_health_rule")
class NoHealthRule(Reason):
    """Callboard has no rule for objects of this kind."""

    kind: Name
    name: Name
    api_version: Name


@reason("pods_created")
class PodsCreated(Reason):
    """How many pods of the new revision exist."""

    count: int
    wanted: int


@reason("pods_updated")
class PodsUpdated(Reason):
    """How many pods have been replaced by pods of the new revision."""

    count: int
    wanted: int
    partition: int | None = None
    """A StatefulSet's partition, where it has one."""


@reason("pods_available")
class PodsAvailable(Reason):
    """How many pods are available."""

    count: int
    wanted: int
    new: bool = False
    """Only pods of the new revision are counted."""


@reason("pods_ready")
class PodsReady(Reason):
    """How many pods are ready."""

    count: int
    wanted: int


@reason("pods_labelled")
class PodsLabelled(Reason):
    """How many pods carry all labels of the ReplicaSet's template."""

    count: int
    wanted: int


@reason("pods_existing")
class PodsExisting(Reason):
    """How many pods exist, of any revision."""

    count: int
    wanted: int


@reason("pods_current")
class PodsCurrent(Reason):
    """How many pods of a StatefulSet are of its current revision."""

    count: int
    wanted: int


@reason("extra_pods")
class ExtraPods(Reason):
    """There are more pods than the object asks for: it was scaled down a moment ago."""

    count: int


@reason("old_pods_left")
class OldPodsLeft(Reason):
    """Pods of the old revision have not terminated yet."""

    count: int


@reason("pod_in_the_way")
class PodInTheWay(Reason):
    """An `OrderedReady` StatefulSet waits for a pod of another revision to be ready, and does not replace it."""

    pod: Name
    delete: Command


@reason("on_delete")
class OnDelete(Reason):
    """The update strategy is OnDelete: a pod is replaced only when someone deletes it."""


@reason("deadline_exceeded")
class DeadlineExceeded(Reason):
    """The progress deadline has passed, and the condition has no message."""


@reason("rollout_paused")
class RolloutPaused(Reason):
    """A Deployment or an Argo Rollout is paused, by its spec or by one of its steps."""


@reason("traffic_not_switched")
class TrafficNotSwitched(Reason):
    """The pods of an Argo Rollout are ready, but do not receive all traffic yet."""


@reason("object_phase")
class Phase(Reason):
    """The object's own phase, where it says no more."""

    phase: Name


@reason("object_condition")
class Condition(Reason):
    """A condition of the object, in its own words."""

    type: Name
    message: Said


@reason("model_transition")
class ModelTransition(Reason):
    """The `modelStatus.transitionStatus` of a KServe InferenceService."""

    status: Name
    detail: Reason | None


@reason("service_stopped")
class Stopped(Reason):
    """The InferenceService is stopped."""


@reason("conditions_true")
class AllConditionsTrue(Reason):
    """Every condition of the InferenceService is True."""


@reason("cron_job_suspended")
class CronJobSuspended(Reason):
    """The CronJob is suspended: it starts no runs."""


@reason("never_scheduled")
class NeverScheduled(Reason):
    """A CronJob has not started a run yet."""


@reason("last_run")
class LastRun(Reason):
    """How the last run of a CronJob ended."""

    succeeded: bool | None
    """None where the status does not say: before the first success, and while a run is active."""
