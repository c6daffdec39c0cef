"""What is wrong with one pod, and how it is doing."""

from bot.domain.reason import Name, Reason, Said, reason


@reason("in_container")
class InContainer(Reason):
    """The problem is in this container of several."""

    container: Name
    init: bool
    """It is an init container."""
    trouble: Reason


@reason("image_unusable")
class ImageUnusable(Reason):
    """The kubelet will not even try to pull the image: InvalidImageName, ErrImageNeverPull."""

    reason: Name
    image: Name
    message: Said


@reason("image_not_pulled")
class ImageNotPulled(Reason):
    """The image cannot be pulled."""

    image: Name
    message: Said
    """What the kubelet or the image registry said; may be empty."""


@reason("container_waiting")
class ContainerWaiting(Reason):
    """The container cannot be started."""

    reason: Name
    """The kubelet's, also one that is not known here: CreateContainerConfigError."""
    message: Said


@reason("crash_loop")
class CrashLoop(Reason):
    """The container crashes again and again: CrashLoopBackOff."""

    exit: Reason
    restarts: int


@reason("container_restarted")
class Restarted(Reason):
    """The container was restarted a short time ago."""

    restarts: int
    exit: Reason


@reason("container_terminated")
class Terminated(Reason):
    """The container has terminated and was not restarted yet."""

    exit: Reason


@reason("out_of_memory")
class OutOfMemory(Reason):
    """The kernel killed the container: OOMKilled."""

    limit: Name | None
    """The container's memory limit, as in its spec."""


@reason("exit_code")
class ExitCode(Reason):
    """The container ended with this exit code."""

    exit_code: int
    meaning: Reason | None
    """What the container said last, else what the exit code means."""


@reason("killed_by_probe")
class KilledByProbe(Reason):
    """The kubelet killed the container because this probe failed."""

    probe: Name
    """Which one: liveness or startup."""
    message: Said
    """How it failed; may be empty."""


@reason("exit_unknown")
class ExitUnknown(Reason):
    """The kubelet does not say how the container ended."""


@reason("version_not_registered")
class VersionNotRegistered(Reason):
    """Callboard's model server found no such version in the model registry."""


@reason("model_registry_silent")
class ModelRegistrySilent(Reason):
    """The model registry did not answer Callboard's model server."""


@reason("pod_not_scheduled")
class NotScheduled(Reason):
    """The scheduler has found no node for the pod."""

    message: Said
    """What the scheduler said; may be empty."""
    autoscaler: Reason | None = None
    """What the autoscaler does about it, where there is one."""


@reason("scale_up")
class ScaleUp(Reason):
    """The autoscaler is adding a node for the pod."""

    message: Said


@reason("no_scale_up")
class NoScaleUp(Reason):
    """The autoscaler adds no node for the pod."""

    message: Said


@reason("node_lost")
class NodeLost(Reason):
    """The node of the pod is not ready, or does not respond."""

    node: Name | None


@reason("readiness_gates_closed")
class GatesClosed(Reason):
    """The containers are ready, but a readiness gate of the pod is not open: a load balancer does not know it yet."""

    gates: tuple[Name, ...]
    """The gates that are not open, where the pod's spec names them."""
    message: Said
    """What the kubelet says of them; may be empty."""


@reason("pod_warning")
class PodWarning(Reason):
    """The newest warning event about the pod, or about an InferenceService without pods."""

    reason: Name
    """The event's: FailedMount."""
    message: Said


@reason("pod_starting")
class PodStarting(Reason):
    """The pod's containers do not run yet."""


@reason("pod_ready")
class PodReady(Reason):
    """The pod is ready."""


@reason("pod_not_ready")
class PodNotReady(Reason):
    """The pod runs and is not ready yet."""

    restarted: bool
    """One of its containers has ended before."""


@reason("pod_runs_to_completion")
class RunsToCompletion(Reason):
    """The pod runs until its work is done; it does not serve."""


@reason("pod_completed")
class PodCompleted(Reason):
    """Every container of the pod has ended successfully."""


@reason("pod_failed")
class PodFailed(Reason):
    """A container of the pod has ended with a failure, and the status does not say more."""
