"""What keeps a rollout from getting on is named, and counts as a failure after its time."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.cluster import HealthStatus, Sighting
from bot.domain.json import Json
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
POD = f"pod {NAME}-{NEW}-x2x"


@pytest.mark.parametrize(
    ("status", "because", "patience"),
    [
        pytest.param(
            waiting("CrashLoopBackOff", restartCount=3, lastState=ended(1)),
            "CrashLoopBackOff (exit code 1, 3 restarts)",
            0,
            id="crash-loop",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", restartCount=1, lastState=ended(66)),
            "CrashLoopBackOff (exit code 66: the registry has no such version, 1 restart)",
            0,
            id="no-such-version",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", restartCount=1, lastState=ended(69)),
            "CrashLoopBackOff (exit code 69: the model registry did not answer, 1 restart)",
            300,
            id="the-registry-may-come-back",
        ),
        pytest.param(
            waiting("CrashLoopBackOff", restartCount=2, lastState=ended(137, reason="OOMKilled")),
            "CrashLoopBackOff (OOMKilled: out of memory, 2 restarts)",
            0,
            id="out-of-memory",
        ),
        pytest.param(
            container(ready=True, restartCount=2, lastState=ended(1)),
            "restarted 2 times (exit code 1)",
            0,
            id="between-two-crashes",
        ),
        pytest.param(
            waiting("InvalidImageName", "couldn't parse image name"),
            "InvalidImageName: image registry.example/model-server:1: couldn't parse image name",
            0,
            id="no-image-name",
        ),
        pytest.param(
            waiting("ErrImageNeverPull"),
            "ErrImageNeverPull: image registry.example/model-server:1",
            0,
            id="never-pulled",
        ),
        pytest.param(
            waiting("ErrImagePull", "rpc error: not found"),
            "cannot pull image registry.example/model-server:1: rpc error: not found",
            75,
            id="no-image",
        ),
        pytest.param(
            waiting("ImagePullBackOff", 'Back-off pulling image "registry.example/model-server:1"'),
            "cannot pull image registry.example/model-server:1",
            75,
            id="no-image-between-two-tries",
        ),
        pytest.param(
            waiting("CreateContainerConfigError", 'secret "model-token" not found'),
            'CreateContainerConfigError: secret "model-token" not found',
            30,
            id="no-secret",
        ),
    ],
)
def test_a_cause_is_named_and_counts_after_its_time(status: Json, because: str, patience: int) -> None:
    health = health_of(sick(status))
    assert (health.status, health.because) == (HealthStatus.DEGRADED, f"{POD}: {because}")
    assert health.patience == timedelta(seconds=patience)


LAST_WORDS = {
    "loading\nmade with scikit-learn 1.7, here is 1.9\n": ": made with scikit-learn 1.7, here is 1.9",
    " \n": ": the registry has no such version",
    "token=hunter2hunter2 is wrong": ": token=[redacted] is wrong",
    "x" * 300: f": {'x' * 199}…",
}


@pytest.mark.parametrize(
    ("code", "message", "told"), [*((66, *each) for each in LAST_WORDS.items()), (143, "busy", "")]
)
def test_the_last_words_of_a_container_say_why_it_ended_by_itself(code: int, message: str, told: str) -> None:
    last = ended(code)
    last["terminated"]["message"] = message
    health = health_of(sick(waiting("CrashLoopBackOff", restartCount=1, lastState=last)))
    assert health.because == f"{POD}: CrashLoopBackOff (exit code {code}{told}, 1 restart)"


def test_the_culprit_is_named_where_its_log_would_tell_more() -> None:
    assert health_of(sick(waiting("CrashLoopBackOff", lastState=ended(1)))).culprit == f"{NAME}-{NEW}-x2x"
    assert health_of(sick(waiting("ErrImagePull"))).culprit is None


def test_the_cause_that_counts_soonest_is_the_one_that_is_told() -> None:
    pulling = pod("aaa", ready=False, containerStatuses=[waiting("ErrImagePull")])
    crashing = [pod(n, ready=False, containerStatuses=[waiting("CrashLoopBackOff", lastState=ended(1))]) for n in "bcd"]
    health = health_of(rolling(pulling, *crashing))
    assert health.culprit == f"{NAME}-{NEW}-b"
    assert health.because.endswith("CrashLoopBackOff (exit code 1, 0 restarts) (and 2 more pods)")


def test_one_restart_is_told_and_is_no_failure() -> None:
    once = pod("aaa", containerStatuses=[container(ready=True, restartCount=1, lastState=ended(1))])
    health = health_of(replace(READY, pods=(once, *READY.pods[1:])))
    assert health.status is HealthStatus.HEALTHY
    assert health.because.endswith("restarted once (exit code 1)")


def test_restarts_of_last_week_are_no_failure() -> None:
    last = ended(1, seconds=7 * 86400)
    seasoned = pod("aaa", containerStatuses=[container(ready=True, restartCount=5, lastState=last)])
    health = health_of(replace(READY, pods=(seasoned, *READY.pods[1:])))
    assert (health.status, health.pods[0].trouble) == (HealthStatus.HEALTHY, None)


def test_running_out_of_memory_counts_the_second_time() -> None:
    oom = ended(137, reason="OOMKilled")
    assert health_of(sick(container(state=oom, restartCount=0))).status is HealthStatus.PROGRESSING
    assert health_of(sick(container(state=oom, restartCount=1))).status is HealthStatus.DEGRADED


def test_init_containers_are_looked_at_too() -> None:
    init = waiting("CrashLoopBackOff", name="fetch", restartCount=2, lastState=ended(2))
    one = pod("x2x", ready=False, phase="Pending", initContainerStatuses=[init])
    one["spec"]["initContainers"] = [{"name": "fetch", "image": "fetch:1"}]
    health = health_of(rolling(one))
    assert health.status is HealthStatus.DEGRADED
    assert health.because == f"{POD}: init container fetch: CrashLoopBackOff (exit code 2, 2 restarts)"


def test_an_init_container_that_is_done_is_no_trouble() -> None:
    done = container(name="fetch", state=ended(0, reason="Completed"))
    assert health_of(rolling(pod("x2x", ready=False, initContainerStatuses=[done]))).status is HealthStatus.PROGRESSING


def test_a_pod_without_a_node_is_told_and_fails_only_at_the_deadline() -> None:
    pending = pod("x2x", ready=False, phase="Pending", podIP=None, conditions=[UNSCHEDULABLE], containerStatuses=[])
    told = f"{POD}: not scheduled: 0/3 nodes are available: 3 Insufficient cpu."
    assert health_of(rolling(pending)).because == f"0 of 3 pods on v3; {told}"
    assert health_of(rolling(pending)).status is HealthStatus.PROGRESSING
    late = health_of(rolling(pending, conditions=[OVERDUE]))
    assert late.status is HealthStatus.DEGRADED
    assert late.because == f"{told}; no progress for 600 s (0 of 3 pods on v3)"


def test_a_pod_that_has_just_begun_to_look_for_a_node_is_no_news() -> None:
    young = UNSCHEDULABLE | {"lastTransitionTime": ago(3)}
    assert health_of(rolling(pod("x2x", ready=False, conditions=[young]))).because == "0 of 3 pods on v3"


def test_a_quota_is_quoted_and_counts_after_half_a_minute() -> None:
    said = 'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3'
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said}
    seen = replace(rolling(), replicasets=(replicaset(conditions=[failure]),))
    health = health_of(seen)
    assert health.status is HealthStatus.DEGRADED
    assert health.because == "quota exceeded: small, requested: pods=1, used: pods=3, limited: pods=3"
    assert health.patience == timedelta(seconds=30)


def test_a_quota_that_the_old_revision_ran_into_is_not_ours() -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}
    old = replicaset(OLD, "1", 2, conditions=[failure])
    assert health_of(replace(READY, replicasets=(old, replicaset()))).status is HealthStatus.HEALTHY


# ── the progress deadline ────────────────────────────────────────────────────────────────────────────


def test_a_deadline_that_names_the_new_replicaset_is_a_failure_with_a_culprit() -> None:
    health = health_of(rolling(pod("x2x", ready=False), conditions=[OVERDUE]))
    assert health.status is HealthStatus.DEGRADED
    assert health.because == "no progress for 600 s (0 of 3 pods on v3)"
    assert (health.patience, health.culprit) == (timedelta(0), f"{NAME}-{NEW}-x2x")


def test_a_deadline_that_names_another_replicaset_is_none() -> None:
    stale = progress("ProgressDeadlineExceeded", f'ReplicaSet "{NAME}-{OLD}" has timed out progressing.')
    assert health_of(replace(READY, workload=deployment(conditions=[stale]))).status is HealthStatus.HEALTHY


def test_a_deadline_right_after_a_rollback_with_recreate_is_the_old_ones() -> None:
    """Then the Deployment still bears the failed revision's number, while its template is the earlier one again."""
    failed, good = replicaset(NEW, "2", version=4), replicaset(OLD, "3", version=3)
    seen = Sighting(workload=deployment(version=3, conditions=[OVERDUE], updatedReplicas=0), replicasets=(failed, good))
    assert health_of(seen).status is HealthStatus.PROGRESSING


def test_a_silent_pod_that_never_gets_ready_is_explained_by_its_probe() -> None:
    name = f"{NAME}-{NEW}-x2x"
    probe = event(name, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    health = health_of(replace(rolling(pod("x2x", ready=False), conditions=[OVERDUE]), events=(probe,)))
    assert health.because.startswith(
        f"{POD}: Readiness probe failed: HTTP probe failed with statuscode: 503; no progress"
    )


def test_probes_that_fail_while_the_model_loads_are_no_news() -> None:
    loading = pod("x2x", ready=False, containerStatuses=[container(started=False)])
    loading["metadata"]["creationTimestamp"] = ago(5)
    probe = event(f"{NAME}-{NEW}-x2x", "Unhealthy", "Startup probe failed: connection refused")
    assert health_of(replace(rolling(loading), events=(probe,))).because == "0 of 3 pods on v3"


def test_what_the_image_registry_said_is_found_in_the_events() -> None:
    name = f"{NAME}-{NEW}-x2x"
    said = event(name, "Failed", 'Failed to pull image "registry.example/model-server:1": 403 Forbidden')
    status = waiting("ImagePullBackOff", 'Back-off pulling image "registry.example/model-server:1"')
    assert health_of(replace(sick(status), events=(said,))).because.endswith('model-server:1": 403 Forbidden')
