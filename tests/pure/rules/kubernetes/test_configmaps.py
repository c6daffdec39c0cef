"""A pin in a ConfigMap counts for the pods that were created after it, and for no others."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.cluster import Health, HealthStatus, Snapshot
from bot.domain.json import Json
from bot.domain.reason import Command, Name, Reason, Said
from bot.domain.reasons.configmaps import ChangeUndated, ConfigMapMissing, PodsOlder
from bot.domain.reasons.health import ChangeNotObserved, NextRun
from bot.domain.reasons.rollout import NoNewPod
from bot.domain.reasons.told import Told
from bot.domain.target import Pin
from bot.rules.kubernetes.configmaps import pinned_since, seen
from bot.rules.kubernetes.health import judge
from bot.rules.kubernetes.kinds import restart
from bot.rules.kubernetes.pruning import prune
from bot.rules.wording.reasons import plain
from tests.fixtures.workload import NAME, NOON, ago, behind, configmap, container, ready, waiting

PIN: Json = {"MODEL_NAME": "iris-classifier", "MODEL_STAGE": "production", "MODEL_VERSION": "3"}
V3 = Pin(stage="production", version=3)
RESTART = Command(f"kubectl rollout restart deployment/{NAME} -n models")
HASHED = "release-9dkmb2t7gf"


def verdict(snapshot: Snapshot, **changes: Any) -> Health:
    return judge(replace(snapshot, **changes), now=NOON, stage="production")


def since(seconds: float, **more: Any) -> Health:
    """Return the verdict on pods of five minutes, where the ConfigMap was changed so many seconds ago."""
    return verdict(behind(ready(), configmap("release", changed=seconds, **PIN)), **more)


@pytest.mark.parametrize(("changed", "older"), [(299, True), (300, False), (600, False)])
def test_pods_that_are_older_than_the_change_do_not_have_it(changed: float, older: bool) -> None:  # noqa: FBT001  (a parameter)
    health = since(changed)
    assert (health.status, health.pin) == (HealthStatus.HEALTHY, V3)
    assert health.pending == (PodsOlder(configmap=Name("release"), version=3, restart=RESTART) if older else None)
    assert ("v3" in plain(health.reason)) is not older


def test_people_are_told_how_to_restart_them() -> None:
    told = "the ConfigMap release holds version 3, but the pods started before it: restart them with "
    assert told + RESTART in plain(since(10).reason)


def test_one_old_pod_is_enough() -> None:
    snapshot = behind(ready(), configmap("release", changed=200, **PIN))
    for pod in snapshot.pods[:2]:
        pod["metadata"]["creationTimestamp"] = ago(100)
    assert isinstance(verdict(snapshot).pending, PodsOlder)
    snapshot.pods[2]["metadata"]["creationTimestamp"] = ago(100)
    assert verdict(snapshot).pending is None


@pytest.mark.parametrize("state", ["ContainerCreating", "CreateContainerConfigError", "CrashLoopBackOff"])
def test_a_container_that_has_still_to_start_will_read_the_change(state: str) -> None:
    """Its pod may have been created before the ConfigMap, and waits for it."""
    snapshot = behind(ready(), configmap("release", changed=10, **PIN))
    for pod in snapshot.pods:
        pod["status"]["containerStatuses"] = [waiting(state)]
    assert verdict(snapshot).pending is None
    snapshot.pods[0]["status"]["containerStatuses"] = [container()]
    assert isinstance(verdict(snapshot).pending, PodsOlder)


@pytest.mark.parametrize(
    ("name", "changes", "pending"),
    [
        (HASHED, {}, False),
        (HASHED[1:], {}, False),
        ("release-aeiou12345", {}, True),
        ("9dkmb2t7gf", {}, True),
        ("release", {"immutable": True}, False),
    ],
)
def test_a_configmap_whose_content_cannot_change_counts_at_once(name: str, changes: Json, *, pending: bool) -> None:
    its = configmap(name, changed=10, **PIN) | changes
    assert isinstance(verdict(behind(ready(), its, name=name)).pending, PodsOlder) is pending


def test_an_immutable_one_that_was_deleted_and_made_anew_is_a_change() -> None:
    its = configmap("release", **PIN) | {"immutable": True}
    its["metadata"]["creationTimestamp"] = ago(10)
    assert isinstance(verdict(behind(ready(), its)).pending, PodsOlder)


@pytest.mark.parametrize("fields", [None, [], [{"manager": "x", "fieldsV1": {"f:data": {"f:MODEL_STAGE": {}}}}]])
def test_a_change_without_a_time_leaves_it_to_the_pods(fields: list[Json] | None) -> None:
    its = configmap("release", **PIN)
    its["metadata"]["managedFields"] = fields
    assert verdict(behind(ready(), its)).pending == ChangeUndated(configmap=Name("release"), version=3)


def test_a_write_that_is_no_server_side_apply_may_leave_the_time_as_it_was() -> None:
    """So it does before Kubernetes 1.25: https://github.com/kubernetes/kubernetes/issues/109576."""
    its = configmap("release", **PIN)
    its["metadata"]["managedFields"][0]["operation"] = "Update"
    assert isinstance(verdict(behind(ready(), its)).pending, ChangeUndated)


def test_then_it_counts_since_the_bot_saw_it() -> None:
    first = written(3, changed=NOON - timedelta(hours=1))
    same, other = written(3, before=first), written(4, before=first)
    assert [pinned_since(each) for each in (first, same, other)] == [NOON - timedelta(hours=1)] * 2 + [NOON]
    applied = prune("configmaps", configmap("release", changed=60, **PIN))
    assert seen(applied, first, NOON) == applied
    empty = prune("configmaps", configmap("other", LOG_LEVEL="info"))
    assert seen(empty, None, NOON) == empty


def written(version: int, before: Json | None = None, changed: datetime = NOON) -> Json:
    """Return what is kept of a ConfigMap that somebody wrote, and that was seen at that time."""
    its = configmap("release", **PIN | {"MODEL_VERSION": str(version)})
    its["metadata"]["managedFields"][0]["operation"] = "Update"
    return seen(prune("configmaps", its), before, changed)


def test_what_others_changed_in_a_configmap_is_no_change_of_the_pin() -> None:
    its = configmap("release", changed=600, **PIN)
    other = {"manager": "x", "time": ago(5), "fieldsV1": {"f:data": {"f:LOG_LEVEL": {}}}}
    its["metadata"]["managedFields"].append(other)
    assert verdict(behind(ready(), its)).pending is None


def test_a_part_of_the_pin_in_the_template_is_older_than_every_pod() -> None:
    health = verdict(behind(ready(), configmap("release", changed=10, MODEL_VERSION="3"), MODEL_STAGE="production"))
    assert (health.pin, type(health.pending)) == (V3, PodsOlder)


@pytest.mark.parametrize(
    ("configmaps", "pending"),
    [
        ((), ConfigMapMissing(configmap=Name("release"))),
        (Told(text=Said("forbidden")), Told(text=Said("forbidden"))),
        (None, None),
    ],
)
def test_why_a_pin_is_not_known_is_told(configmaps: tuple[Json, ...] | Reason | None, pending: Reason | None) -> None:
    health = since(600, configmaps=configmaps)
    assert (health.status, health.pin, health.pending) == (HealthStatus.HEALTHY, None, pending)


def test_no_pod_is_not_every_pod() -> None:
    assert since(600, pods=()).pending == NoNewPod()
    unseen = behind(ready(), configmap("release", **PIN))
    unseen.workload["metadata"]["generation"] = 5
    assert verdict(unseen).pending == ChangeNotObserved()
    asleep = behind(ready(), configmap("release", **PIN))
    asleep.workload["spec"]["replicas"] = 0
    assert verdict(asleep, pods=()).pending is None


def test_a_malformed_configmap_is_no_crash() -> None:
    its = configmap("release", **PIN) | {"data": ["x"]}
    assert verdict(behind(ready(), its)).status is HealthStatus.UNKNOWN


def cron(changed: float, ran: float) -> Health:
    """Return the verdict on a CronJob whose ConfigMap changed, and that ran, so many seconds ago."""
    its = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": NAME, "namespace": "models", "uid": "w"},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": ready().workload["spec"]["template"]}}},
        "status": {},
    }
    owner = [{"kind": "CronJob", "name": NAME, "uid": "w"}]
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "run", "uid": "j", "ownerReferences": owner, "creationTimestamp": ago(ran)},
        "spec": {"template": ready().workload["spec"]["template"]},
        "status": {"conditions": [{"type": "Complete", "status": "True"}]},
    }
    made = behind(Snapshot(workload=job, replicasets=()), configmap("release", changed=changed, **PIN))
    its["spec"]["jobTemplate"]["spec"]["template"] = made.workload["spec"]["template"]  # type: ignore[index]  # nested
    return verdict(replace(made, workload=its, replicasets=(made.workload,)))


def test_the_next_run_of_a_cron_job_has_the_change_without_a_restart() -> None:
    before, after = cron(changed=60, ran=90), cron(changed=90, ran=60)
    assert (before.pin, before.pending, type(before.reason)) == (V3, None, NextRun)
    assert (after.pin, after.pending, after.status) == (V3, None, HealthStatus.HEALTHY)


@pytest.mark.parametrize(
    ("api", "kind", "command"),
    [
        ("apps/v1", "Deployment", "kubectl rollout restart deployment/iris -n ml"),
        ("apps/v1", "StatefulSet", "kubectl rollout restart statefulset/iris -n ml"),
        ("apps/v1", "DaemonSet", "kubectl rollout restart daemonset/iris -n ml"),
        ("argoproj.io/v1alpha1", "Rollout", "kubectl argo rollouts restart iris -n ml"),
        (
            "serving.kserve.io/v1beta1",
            "InferenceService",
            "kubectl delete pods -l serving.kserve.io/inferenceservice=iris -n ml",
        ),
        ("batch/v1", "CronJob", None),
        ("batch/v1", "Job", None),
        ("example.com/v1", "Server", None),
    ],
)
def test_each_kind_has_its_own_command(api: str, kind: str, command: str | None) -> None:
    assert restart({"apiVersion": api, "kind": kind, "metadata": {"name": "iris", "namespace": "ml"}}) == command


def test_of_a_configmap_only_its_name_and_the_pin_are_kept() -> None:
    its = configmap("release", changed=60, **PIN, PASSWORD="hunter2", LOG_LEVEL="info")
    its["binaryData"] = {"MODEL_KEY": "c2VjcmV0"}
    kept = prune("configmaps", its)
    assert kept == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "release", "annotations": {"callboard/pin-since": "2026-05-04T11:59:00+00:00"}},
        "data": PIN,
    }
    assert prune("configmaps", configmap("other", LOG_LEVEL="info"))["data"] == {}
