"""A rollout is judged by its own new pods, and the cause is named."""

import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.cluster import Health, HealthStatus, Sighting
from bot.domain.json import Json
from bot.domain.target import Pin
from bot.rules.kubernetes.health import judge
from tests.fixtures.workload import (
    NAME,
    NEW,
    NOON,
    OLD,
    ago,
    container,
    deployment,
    ended,
    event,
    pod,
    progress,
    ready,
    replicaset,
    template,
    waiting,
)

READY = ready()
"""A rollout that is done.  Each test changes the one thing it is about."""

OVERDUE = progress("ProgressDeadlineExceeded", f'ReplicaSet "{NAME}-{NEW}" has timed out progressing.')
UNSCHEDULABLE = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/3 nodes are available: 3 Insufficient cpu.",
    "lastTransitionTime": ago(16),
}


def look(seen: Sighting) -> Health:
    return judge(seen, now=NOON, stage="production")


def rolling(*pods: Json, **status: Any) -> Sighting:
    """A rollout that is under way, with these new pods."""
    return replace(READY, workload=deployment(**({"updatedReplicas": 1} | status)), pods=pods)


def sick(status: Json, **more: Any) -> Sighting:
    """A rollout whose one new pod has a container in this state."""
    return rolling(pod("x2x", ready=False, containerStatuses=[status], **more))


def test_a_rollout_with_nothing_against_it_is_healthy() -> None:
    health = look(READY)
    assert (health.status, health.because) == (HealthStatus.HEALTHY, "3 of 3 pods on v3")
    assert (health.wanted, health.ready, health.culprit) == (3, 3, None)
    assert health.pin == Pin(stage="production", version=3)


def test_progress_is_told_in_pods_and_versions() -> None:
    seen = rolling(pod("aaa"), pod("bbb", ready=False), pod("old", OLD, version=2))
    assert look(seen).because == "1 of 3 pods on v3"
    assert look(seen).status is HealthStatus.PROGRESSING


def test_only_pods_of_the_new_revision_are_counted() -> None:
    crashing = pod("old", OLD, ready=False, version=2, containerStatuses=[waiting("CrashLoopBackOff", restartCount=9)])
    health = look(replace(READY, pods=(*READY.pods, crashing)))
    assert health.status is HealthStatus.HEALTHY
    assert len(health.pods) == 3


def test_pods_that_are_leaving_or_have_ended_are_not_counted() -> None:
    leaving, evicted = pod("bye"), pod("out", phase="Failed", reason="Evicted", ready=False)
    leaving["metadata"]["deletionTimestamp"] = ago(1)
    assert len(look(replace(READY, pods=(*READY.pods, leaving, evicted))).pods) == 3


def test_a_namesake_made_anew_owns_nothing_of_the_one_before() -> None:
    stranger = replace(READY, replicasets=(replicaset(owner="d-0"),))
    assert look(stranger).pods == ()
    assert look(stranger).status is HealthStatus.PROGRESSING


def test_a_change_that_kubernetes_has_not_looked_at_has_no_pods_yet() -> None:
    health = look(replace(READY, workload=deployment(version=4, observedGeneration=3)))
    assert (health.status, health.pods) == (HealthStatus.PROGRESSING, ())
    assert health.pin == Pin(stage="production", version=4)


def test_the_new_revision_without_its_replicaset_is_on_its_way() -> None:
    assert look(replace(READY, replicasets=READY.replicasets[:1], pods=())).status is HealthStatus.PROGRESSING


def test_counters_that_run_ahead_of_the_pods_are_not_believed() -> None:
    health = look(replace(READY, pods=READY.pods[:2]))
    assert (health.status, health.because) == (HealthStatus.PROGRESSING, "2 of 3 pods on v3")


def test_old_pods_must_end_first() -> None:
    health = look(replace(READY, workload=deployment(replicas=5)))
    assert (health.status, health.because) == (
        HealthStatus.PROGRESSING,
        "3 of 3 pods on v3; 2 old pods still to end",
    )


def test_a_paused_rollout_is_suspended_and_says_how_to_resume() -> None:
    workload = deployment()
    workload["spec"]["paused"] = True
    health = look(replace(READY, workload=workload))
    assert health.status is HealthStatus.SUSPENDED
    assert f"kubectl rollout resume deployment/{NAME}" in health.because


def test_a_workload_that_is_being_deleted_is_never_healthy() -> None:
    workload = deployment()
    workload["metadata"]["deletionTimestamp"] = ago(1)
    assert look(replace(READY, workload=workload)).status is HealthStatus.PROGRESSING


# ── the pin and the addresses ────────────────────────────────────────────────────────────────────────


def test_the_address_is_that_of_the_models_container_and_its_http_port() -> None:
    assert look(READY).pods[0].address == "10.0.0.7:8081"


@pytest.mark.parametrize(
    ("ip", "ports", "expected"),
    [
        pytest.param("10.0.0.7", [], "10.0.0.7:8080", id="no-port-named"),
        pytest.param("fd00::7", [{"containerPort": 9}], "[fd00::7]:9", id="ipv6"),
        pytest.param(None, [{"containerPort": 9}], None, id="none-yet"),
    ],
)
def test_an_address_is_what_can_be_dialled(ip: str | None, ports: list[Json], expected: str | None) -> None:
    one = pod("aaa", podIP=ip)
    one["spec"] = template(ports=ports)["spec"]
    assert look(replace(READY, pods=(one,))).pods[0].address == expected


def test_the_pin_is_read_where_the_stage_stands_and_nowhere_else() -> None:
    workload = deployment()
    sidecar = {"name": "proxy", "image": "envoy:1", "env": [{"name": "MODEL_VERSION", "value": "99"}]}
    workload["spec"]["template"]["spec"]["containers"].insert(0, sidecar)
    assert look(replace(READY, workload=workload)).pin == Pin(stage="production", version=3)


@pytest.mark.parametrize("value", [{"value": "three"}, {"valueFrom": {"configMapKeyRef": {"key": "v"}}}, {}])
def test_a_version_that_does_not_stand_in_the_template_is_not_guessed(value: Json) -> None:
    workload = deployment()
    env = [{"name": "MODEL_STAGE", "value": "production"}, {"name": "MODEL_VERSION"} | value]
    workload["spec"]["template"]["spec"]["containers"][0]["env"] = env
    assert look(replace(READY, workload=workload)).pin == Pin(stage="production", version=None)


# ── what fails, and after how long ───────────────────────────────────────────────────────────────────

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
    health = look(sick(status))
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
    health = look(sick(waiting("CrashLoopBackOff", restartCount=1, lastState=last)))
    assert health.because == f"{POD}: CrashLoopBackOff (exit code {code}{told}, 1 restart)"


def test_the_culprit_is_named_where_its_log_would_tell_more() -> None:
    assert look(sick(waiting("CrashLoopBackOff", lastState=ended(1)))).culprit == f"{NAME}-{NEW}-x2x"
    assert look(sick(waiting("ErrImagePull"))).culprit is None


def test_the_cause_that_counts_soonest_is_the_one_that_is_told() -> None:
    pulling = pod("aaa", ready=False, containerStatuses=[waiting("ErrImagePull")])
    crashing = [pod(n, ready=False, containerStatuses=[waiting("CrashLoopBackOff", lastState=ended(1))]) for n in "bcd"]
    health = look(rolling(pulling, *crashing))
    assert health.culprit == f"{NAME}-{NEW}-b"
    assert health.because.endswith("CrashLoopBackOff (exit code 1, 0 restarts) (and 2 more pods)")


def test_one_restart_is_told_and_is_no_failure() -> None:
    once = pod("aaa", containerStatuses=[container(ready=True, restartCount=1, lastState=ended(1))])
    health = look(replace(READY, pods=(once, *READY.pods[1:])))
    assert health.status is HealthStatus.HEALTHY
    assert health.because.endswith("restarted once (exit code 1)")


def test_restarts_of_last_week_are_no_failure() -> None:
    last = ended(1, seconds=7 * 86400)
    seasoned = pod("aaa", containerStatuses=[container(ready=True, restartCount=5, lastState=last)])
    health = look(replace(READY, pods=(seasoned, *READY.pods[1:])))
    assert (health.status, health.pods[0].trouble) == (HealthStatus.HEALTHY, None)


def test_running_out_of_memory_counts_the_second_time() -> None:
    oom = ended(137, reason="OOMKilled")
    assert look(sick(container(state=oom, restartCount=0))).status is HealthStatus.PROGRESSING
    assert look(sick(container(state=oom, restartCount=1))).status is HealthStatus.DEGRADED


def test_init_containers_are_looked_at_too() -> None:
    init = waiting("CrashLoopBackOff", name="fetch", restartCount=2, lastState=ended(2))
    one = pod("x2x", ready=False, phase="Pending", initContainerStatuses=[init])
    one["spec"]["initContainers"] = [{"name": "fetch", "image": "fetch:1"}]
    health = look(rolling(one))
    assert health.status is HealthStatus.DEGRADED
    assert health.because == f"{POD}: init container fetch: CrashLoopBackOff (exit code 2, 2 restarts)"


def test_an_init_container_that_is_done_is_no_trouble() -> None:
    done = container(name="fetch", state=ended(0, reason="Completed"))
    assert look(rolling(pod("x2x", ready=False, initContainerStatuses=[done]))).status is HealthStatus.PROGRESSING


def test_a_pod_without_a_node_is_told_and_fails_only_at_the_deadline() -> None:
    pending = pod("x2x", ready=False, phase="Pending", podIP=None, conditions=[UNSCHEDULABLE], containerStatuses=[])
    told = f"{POD}: not scheduled: 0/3 nodes are available: 3 Insufficient cpu."
    assert look(rolling(pending)).because == f"0 of 3 pods on v3; {told}"
    assert look(rolling(pending)).status is HealthStatus.PROGRESSING
    late = look(rolling(pending, conditions=[OVERDUE]))
    assert late.status is HealthStatus.DEGRADED
    assert late.because == f"{told}; no progress for 600 s (0 of 3 pods on v3)"


def test_a_pod_that_has_just_begun_to_look_for_a_node_is_no_news() -> None:
    young = UNSCHEDULABLE | {"lastTransitionTime": ago(3)}
    assert look(rolling(pod("x2x", ready=False, conditions=[young]))).because == "0 of 3 pods on v3"


def test_a_quota_is_quoted_and_counts_after_half_a_minute() -> None:
    said = 'pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=3, limited: pods=3'
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said}
    seen = replace(rolling(), replicasets=(replicaset(conditions=[failure]),))
    health = look(seen)
    assert health.status is HealthStatus.DEGRADED
    assert health.because == "quota exceeded: small, requested: pods=1, used: pods=3, limited: pods=3"
    assert health.patience == timedelta(seconds=30)


def test_a_quota_that_the_old_revision_ran_into_is_not_ours() -> None:
    failure = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}
    old = replicaset(OLD, "1", 2, conditions=[failure])
    assert look(replace(READY, replicasets=(old, replicaset()))).status is HealthStatus.HEALTHY


# ── the progress deadline ────────────────────────────────────────────────────────────────────────────


def test_a_deadline_that_names_the_new_replicaset_is_a_failure_with_a_culprit() -> None:
    health = look(rolling(pod("x2x", ready=False), conditions=[OVERDUE]))
    assert health.status is HealthStatus.DEGRADED
    assert health.because == "no progress for 600 s (0 of 3 pods on v3)"
    assert (health.patience, health.culprit) == (timedelta(0), f"{NAME}-{NEW}-x2x")


def test_a_deadline_that_names_another_replicaset_is_none() -> None:
    stale = progress("ProgressDeadlineExceeded", f'ReplicaSet "{NAME}-{OLD}" has timed out progressing.')
    assert look(replace(READY, workload=deployment(conditions=[stale]))).status is HealthStatus.HEALTHY


def test_a_deadline_right_after_a_rollback_with_recreate_is_the_old_ones() -> None:
    """Then the Deployment still bears the failed revision's number, while its template is the earlier one again."""
    failed, good = replicaset(NEW, "2", version=4), replicaset(OLD, "3", version=3)
    seen = Sighting(workload=deployment(version=3, conditions=[OVERDUE], updatedReplicas=0), replicasets=(failed, good))
    assert look(seen).status is HealthStatus.PROGRESSING


def test_a_silent_pod_that_never_gets_ready_is_explained_by_its_probe() -> None:
    name = f"{NAME}-{NEW}-x2x"
    probe = event(name, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    health = look(replace(rolling(pod("x2x", ready=False), conditions=[OVERDUE]), events=(probe,)))
    assert health.because.startswith(
        f"{POD}: Readiness probe failed: HTTP probe failed with statuscode: 503; no progress"
    )


def test_probes_that_fail_while_the_model_loads_are_no_news() -> None:
    loading = pod("x2x", ready=False, containerStatuses=[container(started=False)])
    loading["metadata"]["creationTimestamp"] = ago(5)
    probe = event(f"{NAME}-{NEW}-x2x", "Unhealthy", "Startup probe failed: connection refused")
    assert look(replace(rolling(loading), events=(probe,))).because == "0 of 3 pods on v3"


def test_what_the_image_registry_said_is_found_in_the_events() -> None:
    name = f"{NAME}-{NEW}-x2x"
    said = event(name, "Failed", 'Failed to pull image "registry.example/model-server:1": 403 Forbidden')
    status = waiting("ImagePullBackOff", 'Back-off pulling image "registry.example/model-server:1"')
    assert look(replace(sick(status), events=(said,))).because.endswith('model-server:1": 403 Forbidden')


# ── other people's text ──────────────────────────────────────────────────────────────────────────────


def test_what_the_cluster_says_is_short_and_holds_no_secrets() -> None:
    message = "cannot log in to https://bot:hunter2hunter2@registry.example " + "x" * 5000
    because = look(sick(waiting("ErrImagePull", message))).because
    assert "hunter2" not in because
    assert len(because) < 500


def test_an_odd_object_is_unknown_with_what_is_odd_about_it() -> None:
    odd = copy.deepcopy(READY.workload)
    odd["spec"]["replicas"] = "three"
    health = look(replace(READY, workload=odd))
    assert health.status is HealthStatus.UNKNOWN
    assert health.because == "not as Kubernetes describes it: spec.replicas is str 'three', not a whole number"


def test_items_of_a_list_which_say_no_kind_are_judged_all_the_same() -> None:
    bare = {k: v for k, v in READY.workload.items() if k not in {"kind", "apiVersion"}}
    assert look(replace(READY, workload=bare)).status is HealthStatus.HEALTHY
