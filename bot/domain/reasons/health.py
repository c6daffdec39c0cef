"""Why the rollout of one workload is healthy, under way, failing, suspended or unknown."""

from datetime import timedelta

from bot.domain.reason import Command, Name, Reason, Said, reason


@reason("unexpected_value")
class UnexpectedValue(Reason):
    """A field of an object does not have the type that Kubernetes documents."""

    path: Name
    """The field, as in `spec.replicas`; empty for the object itself."""
    found: Said
    """The value, as JSON."""
    expected: Name
    """The type, in OpenAPI's words: object, array, string, integer, boolean, date-time."""


@reason("workload_deleting")
class Deleting(Reason):
    """The object is being deleted."""

    name: Name


@reason("workload_paused")
class Paused(Reason):
    """Somebody paused the workload (`spec.paused`, or `spec.suspend` of a Job or CronJob)."""

    name: Name
    resume: Command | None = None
    """The command that resumes it; None in a reason that an earlier version stored."""


@reason("change_not_observed")
class ChangeNotObserved(Reason):
    """The controller has not processed the latest spec yet."""


@reason("replicaset_missing")
class ReplicaSetMissing(Reason):
    """The Deployment's controller has not created the ReplicaSet of the new revision yet."""


@reason("replicaset_not_created")
class ReplicaSetNotCreated(Reason):
    """The API server refuses to create the ReplicaSet of the new revision."""

    message: Said
    """The Deployment's condition Progressing; may be empty."""


@reason("rollout_progress")
class Progress(Reason):
    """How many pods of the new revision are ready."""

    ready: int
    wanted: int
    version: int | None
    """The version that the pod template pins; None where it pins none."""
    detail: Reason | None = None
    """What the rollout waits for, or what is wrong with a pod."""


@reason("no_progress")
class NoProgress(Reason):
    """The Deployment's progress deadline has passed."""

    deadline: timedelta
    progress: Reason
    cause: Reason | None
    """What is wrong with a pod, where that is known."""


@reason("pod_failing")
class PodFailing(Reason):
    """A new pod has a problem, and other pods may share it."""

    pod: Name
    trouble: Reason
    more: int
    """How many other new pods have the same problem."""


@reason("several_causes")
class SeveralCauses(Reason):
    """Several problems that have nothing to do with each other."""

    causes: tuple[Reason, ...]


@reason("pods_ended")
class PodsEnded(Reason):
    """New pods ended in failure, and their ReplicaSet replaces them: evicted, rejected by a node, shut down with it."""

    pod: Name
    """The one that ended last."""
    reason: Name
    """The kubelet's: Evicted, UnexpectedAdmissionError."""
    message: Said
    more: int
    """How many other new pods ended for the same reason a short time ago."""


@reason("next_run")
class NextRun(Reason):
    """A CronJob has not run since its template changed."""

    name: Name
    schedule: Name


@reason("no_pod_left")
class NoPodLeft(Reason):
    """None of the pods is left that were there when the rollout was complete."""


@reason("scaled_to_zero")
class ScaledToZero(Reason):
    """The workload asks for 0 pods, so that nothing runs."""

    name: Name


@reason("no_node")
class NoNode(Reason):
    """No node is eligible for the pods of a DaemonSet, so that nothing runs."""

    name: Name


@reason("quota_exceeded")
class QuotaExceeded(Reason):
    """A resource quota forbids new pods."""

    message: Said
    """What the API server said after "exceeded quota"."""


@reason("pods_not_created")
class PodsNotCreated(Reason):
    """The API server refuses to create the pods."""

    message: Said
    """The ReplicaSet's condition ReplicaFailure, or the event of another controller; may be empty."""
