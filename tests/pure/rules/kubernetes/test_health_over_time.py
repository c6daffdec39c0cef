"""Duration decides: rollouts over time, none of which may fail."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.cluster import Health, HealthStatus, Snapshot
from bot.domain.json import Json
from bot.domain.reasons.health import NoPodLeft
from bot.rules.kubernetes.health import judge
from bot.rules.wording.reasons import plain
from tests.fixtures.workload import (
    NAME,
    NEW,
    NOON,
    OLD,
    QUOTA,
    SECRET,
    WEBHOOK,
    ago,
    container,
    deployment,
    ended,
    pod,
    progress,
    ready,
    replicaset,
    rolling,
    sick,
    waiting,
)

READY = ready()
THREE = tuple(p["metadata"]["name"] for p in READY.pods)


def refused(message: str, **status: int) -> Snapshot:
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
    return replace(rolling(pod("aaa"), **status), replicasets=(replicaset(conditions=[failure]),))


def quota(second: int) -> Snapshot:
    return refused(QUOTA, replicas=2, updatedReplicas=2) if 10 <= second < 140 else READY


def webhook(second: int) -> Snapshot:
    return refused(WEBHOOK, replicas=3, updatedReplicas=0) if second < 70 else READY


def two_waits(second: int) -> Snapshot:
    pull = waiting("ErrImagePull", "429 Too Many Requests")
    return sick(pull if second < 40 else waiting("CreateContainerConfigError", SECRET)) if second < 60 else READY


def init_retries(second: int) -> Snapshot:
    done = second >= 60
    state = ended(0) if done else {"running": {"startedAt": ago(5)}}
    status = container(ready=done, name="wait-for-db", restartCount=2, lastState=ended(1), state=state)
    one: Json = pod("x2x", ready=done, initContainerStatuses=[status])
    one["spec"]["initContainers"] = [{"name": "wait-for-db"}]
    return replace(READY, pods=(one, *READY.pods[1:])) if done else rolling(one)


def late(second: int) -> Snapshot:
    overdue = progress("ProgressDeadlineExceeded", f'ReplicaSet "{NAME}-{NEW}" has timed out progressing.')
    two = (*READY.pods[:2], pod("ccc", ready=False))
    workload = deployment(readyReplicas=2, availableReplicas=2, conditions=[overdue])
    return replace(READY, workload=workload, pods=two) if second < 30 else READY


def fails(timeline: Callable[[int], Snapshot]) -> bool:
    """Return whether a verdict is DEGRADED for as long as its patience, as the release counts it."""
    since: int | None = None
    for second in range(0, 300, 5):
        health = judge(timeline(second), now=NOON, stage="production")
        since = None if health.status is not HealthStatus.DEGRADED else second if since is None else since
        if since is not None and timedelta(seconds=second - since) >= health.patience:
            return True
    return health.status is not HealthStatus.HEALTHY


@pytest.mark.parametrize("timeline", [quota, webhook, two_waits, init_retries, late])
def test_a_passing_problem_fails_nothing(timeline: Callable[[int], Snapshot]) -> None:
    assert not fails(timeline)


def test_a_revision_from_an_exported_manifest_does_not_choose_the_old_replicaset() -> None:
    workload = deployment()
    workload["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
    found = judge(replace(READY, workload=workload), now=NOON, stage="production")
    assert (found.status, len(found.pods)) == (HealthStatus.HEALTHY, 3)
    assert READY.replicasets[0]["metadata"]["name"] == f"{NAME}-{OLD}"


# ── the pods of a complete rollout ───────────────────────────────────────────────────────────────────


def of_three(snapshot: Snapshot) -> Health:
    return judge(snapshot, now=NOON, stage="production", only=THREE)


def test_pods_that_an_autoscaler_adds_do_not_count() -> None:
    workload = deployment(replicas=6, updatedReplicas=6, observedGeneration=3)
    workload["spec"] |= {"replicas": 6, "paused": True}
    broken = pod("h1", ready=False, containerStatuses=[waiting("CrashLoopBackOff", lastState=ended(1))])
    health = of_three(replace(READY, workload=workload, pods=(*READY.pods, broken)))
    assert (health.status, health.wanted, health.ready) == (HealthStatus.HEALTHY, 3, 3)


def test_a_lost_node_is_waited_for_and_its_pod_is_not_missed() -> None:
    lost = pod("ccc", ready=False, conditions=[{"type": "Ready", "status": "False", "reason": "NodeNotReady"}])
    away, gone = of_three(replace(READY, pods=(*READY.pods[:2], lost))), of_three(replace(READY, pods=READY.pods[:2]))
    assert (away.status, gone.status) == (HealthStatus.PROGRESSING, HealthStatus.HEALTHY)
    assert "its node is not ready" in plain(away.reason)


def test_one_of_the_pods_that_crashes_is_degraded() -> None:
    crash = pod("ccc", ready=False, containerStatuses=[waiting("CrashLoopBackOff", lastState=ended(1))])
    assert of_three(replace(READY, pods=(*READY.pods[:2], crash))).status is HealthStatus.DEGRADED


def test_a_rollout_with_no_pod_left_is_still_progressing() -> None:
    leaving = pod("aaa")
    leaving["metadata"]["deletionTimestamp"] = ago(1)
    health = of_three(replace(READY, pods=(leaving, pod("new"))))
    assert (health.status, health.reason) == (HealthStatus.PROGRESSING, NoPodLeft())
