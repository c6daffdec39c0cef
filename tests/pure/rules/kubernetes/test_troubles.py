"""Problems that hold a rollout up are named, and each counts as a failure after its time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.cluster import HealthStatus, Snapshot
from bot.domain.json import Json
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.health import NoProgress, PodFailing, PodsNotCreated, Progress, QuotaExceeded, SeveralCauses
from bot.domain.reasons.pods import (
    ContainerWaiting,
    CrashLoop,
    ExitCode,
    ImageNotPulled,
    ImageUnusable,
    InContainer,
    ModelRegistrySilent,
    NotScheduled,
    OutOfMemory,
    PodWarning,
    Restarted,
    Terminated,
    VersionNotRegistered,
)
from bot.domain.reasons.told import Told
from tests.fixtures.workload import (
    NAME,
    NEW,
    OLD,
    ago,
    container,
    deployment,
    ended,
    event,
    health_of,
    pod,
    progress,
    ready,
    replicaset,
    rolling,
    sick,
    waiting,
)

READY = ready()
OVERDUE = progress("ProgressDeadlineExceeded", f'ReplicaSet "{NAME}-{NEW}" has timed out progressing.')
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: 3 Insufficient cpu.",
    "lastTransitionTime": ago(16),
}
IMAGE = Name("registry.example/model-server:1")


def failing(trouble: Reason, name: str = "x2x", more: int = 0) -> PodFailing:
    """Return the reason for a new pod that has this problem."""
    return PodFailing(pod=Name(f"{NAME}-{NEW}-{name}"), trouble=trouble, more=more)


def on_v3(count: int, detail: Reason | None = None) -> Progress:
    """Return the reason for so many of three pods being ready."""
    return Progress(ready=count, wanted=3, version=3, detail=detail)


def code(number: int, meaning: Reason | None = None) -> ExitCode:
    """Return the reason for a container that ended with this exit code."""
    return ExitCode(exit_code=number, meaning=meaning)


def overdue(cause: Reason | None = None) -> NoProgress:
    """Return the reason for a missed deadline while no pod is ready."""
    return NoProgress(deadline=timedelta(minutes=10), progress=on_v3(0), cause=cause)


@pytest.mark.parametrize(
    ("status", "reason", "patience"),
    [
        pytest.param(
            waiting("CrashLoopBackOff", restartCount=3, lastState=ended(1)),
            CrashLoop(exit=code(1), restarts=3),
            0,
            id="crash-loop",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", restartCount=1, lastState=ended(66)),
            CrashLoop(exit=code(66, VersionNotRegistered()), restarts=1),
            0,
            id="no-such-version",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", restartCount=2, lastState=ended(137, reason="OOMKilled")),
            CrashLoop(exit=OutOfMemory(limit=None), restarts=2),
            0,
            id="out-of-memory",
        ),
        pytest.param(
            container(restartCount=2, lastState=ended(1)),
            Restarted(restarts=2, exit=code(1)),
            0,
            id="between-two-crashes",
        ),
        pytest.param(
            waiting("InvalidImageName", "couldn't parse image name"),
            ImageUnusable(reason=Name("InvalidImageName"), image=IMAGE, message=Said("couldn't parse image name")),
            0,
            id="no-image-name",
        ),
        pytest.param(
            waiting("ErrImageNeverPull"),
            ImageUnusable(reason=Name("ErrImageNeverPull"), image=IMAGE, message=Said("")),
            0,
            id="never-pulled",
        ),
        pytest.param(
            waiting("ErrImagePull", "rpc error: not found"),
            ImageNotPulled(image=IMAGE, message=Said("rpc error: not found")),
            75,
            id="no-image",
        ),
        pytest.param(
            waiting("ImagePullBackOff", 'Back-off pulling image "registry.example/model-server:1"'),
            ImageNotPulled(image=IMAGE, message=Said("")),
            75,
            id="no-image-between-two-tries",
        ),
    ],
)
def test_a_cause_is_named_and_counts_after_its_time(status: Json, reason: Reason, patience: int) -> None:
    health = health_of(sick(status))
    assert (health.status, health.reason) == (HealthStatus.DEGRADED, failing(reason))
    assert health.patience == timedelta(seconds=patience)


def test_the_memory_limit_is_named_where_the_spec_has_one() -> None:
    one = pod(
        "x2x", ready=False, containerStatuses=[waiting("CrashLoopBackOff", lastState=ended(137, reason="OOMKilled"))]
    )
    one["spec"]["containers"][0]["resources"] = {"limits": {"memory": "512Mi"}}
    assert health_of(rolling(one)).reason == failing(CrashLoop(exit=OutOfMemory(limit=Name("512Mi")), restarts=0))


LAST_LINES = {
    "loading\nmade with scikit-learn 1.7, here is 1.9\n": Told(text=Said("made with scikit-learn 1.7, here is 1.9")),
    " \n": VersionNotRegistered(),
    "token=hunter2hunter2 is wrong": Told(text=Said("token=[redacted] is wrong")),
    "x" * 300: Told(text=Said(f"{'x' * 199}…")),
}


@pytest.mark.parametrize(
    ("number", "message", "meaning"), [*((66, *each) for each in LAST_LINES.items()), (143, "busy", None)]
)
def test_the_last_line_of_a_container_explains_its_end_unless_a_signal_ended_it(
    number: int, message: str, meaning: Reason | None
) -> None:
    last = ended(number)
    last["terminated"]["message"] = message
    health = health_of(sick(waiting("CrashLoopBackOff", restartCount=1, lastState=last)))
    assert health.reason == failing(CrashLoop(exit=code(number, meaning), restarts=1))


def test_the_culprit_is_named_if_its_log_may_help() -> None:
    assert health_of(sick(waiting("CrashLoopBackOff", lastState=ended(1)))).culprit == f"{NAME}-{NEW}-x2x"
    assert health_of(sick(waiting("ErrImagePull"))).culprit is None


def test_the_cause_that_counts_soonest_is_the_one_that_is_named() -> None:
    pulling = pod("aaa", ready=False, containerStatuses=[waiting("ErrImagePull")])
    crashing = [pod(n, ready=False, containerStatuses=[waiting("CrashLoopBackOff", lastState=ended(1))]) for n in "bcd"]
    health = health_of(rolling(pulling, *crashing))
    assert health.culprit == f"{NAME}-{NEW}-b"
    pull, crash = ImageNotPulled(image=IMAGE, message=Said("")), CrashLoop(exit=code(1), restarts=0)
    assert health.reason == SeveralCauses(causes=(failing(crash, "b", more=2), failing(pull, "aaa")))


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (
            waiting("CrashLoopBackOff", restartCount=1, lastState=ended(69)),
            CrashLoop(exit=code(69, ModelRegistrySilent()), restarts=1),
        ),
        (
            waiting("CreateContainerConfigError", 'secret "model-token" not found'),
            ContainerWaiting(reason=Name("CreateContainerConfigError"), message=Said('secret "model-token" not found')),
        ),
        (
            waiting("ErrImagePull", "429 Too Many Requests"),
            ImageNotPulled(image=IMAGE, message=Said("429 Too Many Requests")),
        ),
        (waiting("OfTomorrow", "x"), ContainerWaiting(reason=Name("OfTomorrow"), message=Said("x"))),
    ],
)
def test_a_cause_that_may_pass_counts_only_with_the_deadline(status: Json, reason: Reason) -> None:
    early, late = health_of(sick(status)), health_of(replace(sick(status), workload=deployment(conditions=[OVERDUE])))
    assert (early.status, early.reason) == (HealthStatus.PROGRESSING, on_v3(0, failing(reason)))
    assert (late.status, late.reason) == (HealthStatus.DEGRADED, overdue(failing(reason)))
    assert late.patience == timedelta(minutes=1)


def test_one_restart_is_named_and_is_no_failure() -> None:
    once = pod("aaa", containerStatuses=[container(ready=True, restartCount=1, lastState=ended(1))])
    health = health_of(replace(READY, pods=(once, *READY.pods[1:])))
    restart = failing(Restarted(restarts=1, exit=code(1)), "aaa")
    assert (health.status, health.reason) == (HealthStatus.HEALTHY, on_v3(3, restart))


@pytest.mark.parametrize(("last_ready", "status"), [(30, HealthStatus.PROGRESSING), (300, HealthStatus.DEGRADED)])
def test_restarts_before_the_pod_was_ready_are_history(last_ready: float, status: HealthStatus) -> None:
    retried = container(restartCount=2, lastState=ended(1), state={"running": {"startedAt": ago(100)}})
    unready = {"type": "Ready", "status": "False", "lastTransitionTime": ago(last_ready)}
    assert health_of(sick(retried, conditions=[unready])).status is status


def test_restarts_of_last_week_are_no_failure() -> None:
    last = ended(1, seconds=7 * 86400)
    seasoned = pod("aaa", containerStatuses=[container(ready=True, restartCount=5, lastState=last)])
    health = health_of(replace(READY, pods=(seasoned, *READY.pods[1:])))
    assert (health.status, health.pods[0].trouble) == (HealthStatus.HEALTHY, None)


def test_running_out_of_memory_counts_the_second_time() -> None:
    oom = ended(137, reason="OOMKilled")
    once, twice = (health_of(sick(container(state=oom, restartCount=count))) for count in (0, 1))
    first, second = Terminated(exit=OutOfMemory(limit=None)), Restarted(restarts=1, exit=OutOfMemory(limit=None))
    assert (once.status, once.reason) == (HealthStatus.PROGRESSING, on_v3(0, failing(first)))
    assert (twice.status, twice.reason) == (HealthStatus.DEGRADED, failing(second))


def test_init_containers_are_checked_too() -> None:
    init = waiting("CrashLoopBackOff", name="fetch", restartCount=2, lastState=ended(2))
    one = pod("x2x", ready=False, phase="Pending", initContainerStatuses=[init])
    one["spec"]["initContainers"] = [{"name": "fetch", "image": "fetch:1"}]
    health = health_of(rolling(one))
    assert health.status is HealthStatus.DEGRADED
    crash = CrashLoop(exit=code(2), restarts=2)
    assert health.reason == failing(InContainer(container=Name("fetch"), init=True, trouble=crash))


def test_an_init_container_that_is_done_is_no_trouble() -> None:
    done = container(name="fetch", state=ended(0, reason="Completed"))
    assert health_of(rolling(pod("x2x", ready=False, initContainerStatuses=[done]))).status is HealthStatus.PROGRESSING


def test_a_pod_without_a_node_is_named_and_fails_only_at_the_deadline() -> None:
    pending = pod("x2x", ready=False, phase="Pending", podIP=None, conditions=[UNSCHEDULABLE], containerStatuses=[])
    cause = failing(NotScheduled(message=Said("0/3 nodes are available: 3 Insufficient cpu.")))
    early, late = health_of(rolling(pending)), health_of(rolling(pending, conditions=[OVERDUE]))
    assert (early.status, early.reason) == (HealthStatus.PROGRESSING, on_v3(0, cause))
    assert (late.status, late.reason) == (HealthStatus.DEGRADED, overdue(cause))


def test_a_pod_that_has_just_begun_to_wait_for_a_node_is_not_named() -> None:
    young = UNSCHEDULABLE | {"lastTransitionTime": ago(3)}
    assert health_of(rolling(pod("x2x", ready=False, conditions=[young]))).reason == on_v3(0)


def test_a_quota_is_quoted_and_counts_after_half_a_minute() -> None:
    message = 'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3'
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    health = health_of(replace(rolling(), replicasets=(replicaset(conditions=[failure]),)))
    expected = QuotaExceeded(message=Said("small, requested: pods=1, used: pods=3, limited: pods=3"))
    assert (health.status, health.reason) == (HealthStatus.DEGRADED, expected)
    assert health.patience == timedelta(seconds=30)


def test_pods_that_are_not_admitted_count_after_half_a_minute() -> None:
    message = 'admission webhook "policy.example" denied the request'
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    health = health_of(replace(rolling(), replicasets=(replicaset(conditions=[failure]),)))
    assert (health.status, health.reason) == (HealthStatus.DEGRADED, PodsNotCreated(message=Said(message)))
    assert health.patience == timedelta(seconds=30)


def test_a_quota_that_the_old_revision_ran_into_is_not_ours() -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}
    old = replicaset(OLD, "1", 2, conditions=[failure])
    assert health_of(replace(READY, replicasets=(old, replicaset()))).status is HealthStatus.HEALTHY


# ── the progress deadline ────────────────────────────────────────────────────────────────────────────


def test_a_deadline_that_names_the_new_replicaset_is_a_failure_with_a_culprit() -> None:
    health = health_of(rolling(pod("x2x", ready=False), conditions=[OVERDUE]))
    assert (health.status, health.reason) == (HealthStatus.DEGRADED, overdue())
    assert (health.patience, health.culprit) == (timedelta(minutes=1), f"{NAME}-{NEW}-x2x")


def test_a_deadline_that_names_another_replicaset_does_not_count() -> None:
    stale = progress("ProgressDeadlineExceeded", f'ReplicaSet "{NAME}-{OLD}" has timed out progressing.')
    assert health_of(replace(READY, workload=deployment(conditions=[stale]))).status is HealthStatus.HEALTHY


def test_a_deadline_right_after_a_rollback_with_recreate_belongs_to_the_old_replicaset() -> None:
    """Then the Deployment still has the failed revision's number, while its template is the earlier one again."""
    failed, good = replicaset(NEW, "2", version=4), replicaset(OLD, "3", version=3)
    snapshot = Snapshot(
        workload=deployment(version=3, conditions=[OVERDUE], updatedReplicas=0), replicasets=(failed, good)
    )
    assert health_of(snapshot).status is HealthStatus.PROGRESSING


def test_a_silent_pod_that_never_gets_ready_is_explained_by_its_probe() -> None:
    name = f"{NAME}-{NEW}-x2x"
    probe = event(name, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    health = health_of(replace(rolling(pod("x2x", ready=False), conditions=[OVERDUE]), events=(probe,)))
    cause = failing(Told(text=Said("Readiness probe failed: HTTP probe failed with statuscode: 503")))
    assert (health.reason, health.culprit) == (overdue(cause), name)


def test_a_warning_about_a_pod_that_is_not_ready_is_named() -> None:
    mount = event(f"{NAME}-{NEW}-x2x", "FailedMount", 'secret "model-token" not found')
    health = health_of(replace(rolling(pod("x2x", ready=False)), events=(mount,)))
    warning = PodWarning(reason=Name("FailedMount"), message=Said('secret "model-token" not found'))
    assert (health.status, health.reason) == (HealthStatus.PROGRESSING, on_v3(0, failing(warning)))


def test_probes_that_fail_while_the_model_loads_are_not_named() -> None:
    loading = pod("x2x", ready=False, containerStatuses=[container(started=False)])
    loading["metadata"]["creationTimestamp"] = ago(5)
    probe = event(f"{NAME}-{NEW}-x2x", "Unhealthy", "Startup probe failed: connection refused")
    assert health_of(replace(rolling(loading), events=(probe,))).reason == on_v3(0)


def test_the_answer_of_the_image_registry_is_found_in_the_events() -> None:
    name = f"{NAME}-{NEW}-x2x"
    message = 'Failed to pull image "registry.example/model-server:1": 403 Forbidden'
    status = waiting("ImagePullBackOff", 'Back-off pulling image "registry.example/model-server:1"')
    health = health_of(replace(sick(status), events=(event(name, "Failed", message),)))
    assert health.reason == failing(ImageNotPulled(image=IMAGE, message=Said(message)))
