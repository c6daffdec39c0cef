"""Pods that the API server refuses to StatefulSets, DaemonSets and Jobs, which say so by events alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from bot.domain.cluster import Health, HealthStatus, Snapshot
from bot.domain.json import Json
from bot.rules.kubernetes.health import judge
from bot.rules.wording.reasons import plain
from tests.fixtures.workload import NOON, QUOTA, WEBHOOK, ago, template

DENIED: Final = 'admission webhook "policy" denied the request: image is not signed'
KINDS: Final = ("StatefulSet", "DaemonSet", "Job")
UNOBSERVED: Final[Json] = {"observedGeneration": 1}
SHORT: Final = timedelta(seconds=30)
LONG: Final = timedelta(minutes=5)


def workload(kind: str, status: Json | None = None, **spec: Any) -> Json:
    counted = {"observedGeneration": 2, "desiredNumberScheduled": 2, "updateRevision": "new", "currentRevision": "old"}
    return {
        "apiVersion": "batch/v1" if kind == "Job" else "apps/v1",
        "kind": kind,
        "metadata": {"name": "w", "uid": "w-1", "generation": 2},
        "spec": {"replicas": 2, "template": template()} | spec,
        "status": counted if status is None else status,
    }


def event(about: Json, message: str = DENIED, seconds: float = 10, reason: str = "FailedCreate") -> Json:
    of = {"kind": about["kind"], "name": about["metadata"]["name"], "uid": about["metadata"]["uid"]}
    made: Json = {"kind": "Event", "reason": reason, "message": message, "involvedObject": of}
    return made | {"type": "Warning" if reason == "FailedCreate" else "Normal", "lastTimestamp": ago(seconds)}


def pod(owner: Json, *, created: float = 300, ready: bool = True, **more: Any) -> Json:
    meta = {"name": "w-0", "creationTimestamp": ago(created), "labels": {"controller-revision-hash": "new"}, **more}
    meta["ownerReferences"] = [{"kind": owner["kind"], "name": "w", "uid": owner["metadata"]["uid"]}]
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template()["spec"], "status": status}


def judged(its: Json, *events: Json, pods: tuple[Json, ...] = (), jobs: tuple[Json, ...] = ()) -> Health:
    return judge(Snapshot(workload=its, replicasets=jobs, pods=pods, events=events), now=NOON, stage="production")


def named(health: Health, words: str) -> bool:
    return words in plain(health.reason)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("message", "patience"), [(DENIED, SHORT), (QUOTA, LONG)], ids=["denied", "quota"])
def test_a_refusal_that_stays_is_the_cause(kind: str, message: str, patience: timedelta) -> None:
    its = workload(kind)
    health = judged(its, event(its, message))
    assert (health.status, health.patience) == (HealthStatus.DEGRADED, patience)
    assert named(health, message.rpartition(": ")[2])


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
@pytest.mark.parametrize("status", [{}, UNOBSERVED], ids=["none", "older"])
def test_a_controller_that_was_refused_does_not_say_that_it_saw_the_change(kind: str, status: Json) -> None:
    its = workload(kind, status)
    assert judged(its, event(its)).status is HealthStatus.DEGRADED
    passing = judged(its, event(its, WEBHOOK))
    assert (passing.status, named(passing, "connection refused")) == (HealthStatus.PROGRESSING, True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_webhook_that_cannot_be_called_may_pass(kind: str) -> None:
    its = workload(kind)
    health = judged(its, event(its, WEBHOOK))
    assert (health.status, named(health, "connection refused")) == (HealthStatus.PROGRESSING, True)


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_quota_may_pass_while_a_pod_leaves(kind: str) -> None:
    its = workload(kind)
    leaves = pod(its, deletionTimestamp=ago(5))
    health = judged(its, event(its, QUOTA), pods=(leaves,))
    assert (health.status, named(health, "requests.memory=2Gi")) == (HealthStatus.PROGRESSING, True)
    assert judged(its, event(its), pods=(leaves,)).status is HealthStatus.DEGRADED, "a denied pod stays denied"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seconds", [5, 10], ids=["later", "in the same second"])
def test_a_pod_that_was_created_since_overtakes_a_refusal(kind: str, seconds: float) -> None:
    its = workload(kind)
    created = event(its, "Created pod: w-0", seconds, reason="SuccessfulCreate")
    for health in (judged(its, event(its), created), judged(its, event(its), pods=(pod(its, created=seconds),))):
        assert (health.status, named(health, "signed")) == (HealthStatus.PROGRESSING, False)


def test_what_happened_since_beside_the_creation_of_pods_overtakes_nothing() -> None:
    its = workload("StatefulSet")
    deleted = event(its, "delete Pod w-1", 5, reason="SuccessfulDelete")
    created = event(its, "create Pod w-0", 60, reason="SuccessfulCreate")
    assert judged(its, created, event(its), deleted).status is HealthStatus.DEGRADED


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_a_refusal_is_over_once_every_pod_is_there(kind: str) -> None:
    its = workload(kind)
    pods = (pod(its, ready=False), pod(its, ready=False, name="w-1"))
    health = judged(its, event(its), pods=pods)
    assert (health.status, named(health, "signed")) == (HealthStatus.PROGRESSING, False)


def test_an_ordered_stateful_set_that_waits_for_another_pod_creates_none() -> None:
    ordered, parallel = workload("StatefulSet"), workload("StatefulSet", podManagementPolicy="Parallel")
    waits = judged(ordered, event(ordered), pods=(pod(ordered, ready=False),))
    assert (waits.status, named(waits, "signed")) == (HealthStatus.PROGRESSING, False)
    assert judged(ordered, event(ordered), pods=(pod(ordered),)).status is HealthStatus.DEGRADED
    assert judged(parallel, event(parallel), pods=(pod(parallel, ready=False),)).status is HealthStatus.DEGRADED


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_refused_long_ago_or_to_an_earlier_object_says_nothing(kind: str) -> None:
    its = workload(kind)
    before = {**its, "metadata": {**its["metadata"], "uid": "w-0"}}
    for old in (event(its, seconds=1300), event(before)):
        assert not named(judged(its, old), "signed")


@pytest.mark.parametrize("ended", ["Complete", "Failed"])
def test_a_job_that_has_ended_is_judged_by_its_end(ended: str) -> None:
    its = workload("Job", {"conditions": [{"type": ended, "status": "True", "message": "over"}]})
    assert not named(judged(its, event(its)), "signed")


def test_a_run_of_a_cron_job_fails_with_the_pods_that_are_refused_to_it() -> None:
    run = workload("Job", {"startTime": ago(60)})
    spec = {"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": template()}}}
    meta: Json = {"name": "c", "uid": "c-1"}
    its: Json = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta, "spec": spec, "status": {}}
    run["metadata"]["ownerReferences"] = [{"kind": "CronJob", "name": "c", "uid": "c-1"}]
    health = judged(its, event(run), jobs=(run,))
    assert (health.status, health.patience, named(health, "signed")) == (HealthStatus.DEGRADED, SHORT, True)
    before = replace(Snapshot(workload=its, replicasets=(run,), events=(event(run),)))
    before.replicasets[0]["spec"]["template"] = template(2)
    assert not named(judge(before, now=NOON, stage="production"), "signed"), "the next run counts"
