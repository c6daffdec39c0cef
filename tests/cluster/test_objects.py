"""Workloads of every kind are found with their pods, and judged by those of the new revision."""

from typing import Any

import pytest

from bot.cluster.objects import Objects, kept
from bot.domain.cluster import Health, HealthStatus
from bot.domain.json import Json
from bot.domain.reasons.health import NextRun
from bot.domain.target import Pin
from bot.rules.kubernetes.health import judge
from bot.rules.kubernetes.kinds import (
    cron_job,
    daemon_set,
    deployment,
    explain,
    inference_service,
    rollout,
    stateful_set,
)
from bot.rules.kubernetes.kinds.kind import Kind
from bot.rules.wording.reasons import plain
from tests.fixtures.workload import NAME, NOON, ago, container, template, waiting

BROKEN = {"containerStatuses": [waiting("ImagePullBackOff", "not found")]}


def workload(kind: Kind, status: Json, spec: Json | None = None, *, generation: str = "") -> Json:
    annotations = {"deprecated.daemonset.template.generation": generation} if generation else {}
    meta = {"name": NAME, "namespace": "models", "uid": "w-1", "generation": 2, "annotations": annotations}
    spec = {"replicas": 2, "template": template()} if spec is None else spec
    group = f"{kind.group}/{kind.version}"
    return {"apiVersion": group, "kind": kind.name, "metadata": meta, "spec": spec, "status": status}


def owned(kind: str, name: str, owner: Json | None, version: int = 3, **more: Any) -> Json:
    """Return what an object owns: a ReplicaSet, a Job."""
    to = [{"kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}] if owner else []
    meta = {"name": name, "uid": f"u-{name}", "ownerReferences": to, "creationTimestamp": ago(60)} | more
    group = "batch/v1" if kind == "Job" else "apps/v1"
    return {"apiVersion": group, "kind": kind, "metadata": meta, "spec": {"template": template(version)}, "status": {}}


def pod(name: str, owner: Json | None, labels: Json, *, ready: bool = True, **status: Any) -> Json:
    running = {
        "phase": "Running",
        "podIP": "10.0.0.7",
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [container(ready=ready)],
    }
    found = owned("Pod", name, owner, labels=labels)
    return found | {"apiVersion": "v1", "spec": template()["spec"], "status": running | status}


def seen(kind: Kind, **objects: list[Json]) -> Health:
    """Return the verdict on what the cluster holds, as the watch delivers it."""
    cluster = Objects()
    for resource, found in objects.items():
        cluster.replace(resource, [kept(resource, obj) for obj in found])
    snapshot = cluster.snapshot("iris-classifier", "production", NAME, kind)
    assert snapshot is not None
    return judge(snapshot, now=NOON, stage="production")


def names(health: Health) -> list[str]:
    return [pod.name for pod in health.pods]


def test_a_stateful_set_counts_the_pods_of_its_new_revision() -> None:
    done = {"observedGeneration": 2, "replicas": 2, "readyReplicas": 2, "currentReplicas": 2, "updatedReplicas": 2}
    its = workload(stateful_set.KIND, done | {"updateRevision": "new", "currentRevision": "new"})
    new = [pod(name, its, {"controller-revision-hash": "new"}) for name in ("a-0", "a-1")]
    stranger = pod("other", None, {"controller-revision-hash": "new"})
    health = seen(stateful_set.KIND, statefulsets=[its], pods=[*new, stranger])
    assert (health.status, names(health), health.pin and health.pin.version) == (
        HealthStatus.HEALTHY,
        ["a-0", "a-1"],
        3,
    )


@pytest.mark.parametrize(("mark", "status"), [("3", HealthStatus.DEGRADED), ("2", HealthStatus.PROGRESSING)])
def test_only_new_pods_of_a_daemon_set_fail_it(mark: str, status: HealthStatus) -> None:
    """An old pod that cannot start is no fault of the new template, and is about to be replaced."""
    going = {"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1, "numberReady": 1}
    its = workload(daemon_set.KIND, going, generation="3")
    fine = pod("fine", its, {"pod-template-generation": "3"})
    broken = pod("broken", its, {"pod-template-generation": mark}, ready=False, **BROKEN)
    assert seen(daemon_set.KIND, daemonsets=[its], pods=[fine, broken]).status is status


def stuck(revision: str, **spec: Any) -> Health:
    """Return the verdict on a set that is updated from a to c, and has an unready pod of this revision."""
    going = {"observedGeneration": 2, "replicas": 2, "readyReplicas": 1, "currentRevision": "a", "updateRevision": "c"}
    its = workload(stateful_set.KIND, going, {"replicas": 2, "template": template()} | spec)
    fine = pod("a-0", its, {"controller-revision-hash": "a"})
    broken = pod("a-1", its, {"controller-revision-hash": revision}, ready=False, **BROKEN)
    return seen(stateful_set.KIND, statefulsets=[its], pods=[fine, broken])


@pytest.mark.parametrize("revision", ["a", "b"])
def test_people_are_told_which_pod_holds_up_a_stateful_set(revision: str) -> None:
    health = stuck(revision)
    assert health.status is HealthStatus.PROGRESSING
    assert "delete it (kubectl delete pod/a-1)" in plain(health.reason)


def test_a_parallel_stateful_set_is_not_held_up() -> None:
    assert "kubectl" not in plain(stuck("b", podManagementPolicy="Parallel").reason)


def test_with_on_delete_old_pods_wait_for_somebody() -> None:
    assert "only when someone deletes them" in plain(stuck("b", updateStrategy={"type": "OnDelete"}).reason)


@pytest.mark.parametrize(
    ("updated", "version", "counted"), [(2, 3, ["left-alone", "new"]), (1, 3, ["new"]), (2, 2, ["new"])]
)
def test_a_pod_that_a_reverted_template_never_reached_counts_once_all_are_updated(
    updated: int, version: int, counted: list[str]
) -> None:
    done = {"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": updated}
    its = workload(daemon_set.KIND, done, generation="3")
    left_alone = pod("left-alone", its, {"pod-template-generation": "1"}) | {"spec": template(version)["spec"]}
    new = pod("new", its, {"pod-template-generation": "3"})
    assert names(seen(daemon_set.KIND, daemonsets=[its], pods=[left_alone, new])) == counted


def test_a_daemon_set_without_a_node_runs_nothing() -> None:
    its = workload(daemon_set.KIND, {"observedGeneration": 2, "desiredNumberScheduled": 0})
    assert seen(daemon_set.KIND, daemonsets=[its]).status is HealthStatus.SUSPENDED


@pytest.mark.parametrize("status", [{}, {"observedGeneration": 2, "replicas": 0}], ids=["not observed", "observed"])
@pytest.mark.parametrize("created", [False, True])
def test_a_refused_pod_of_a_stateful_set_is_told_by_its_latest_event(status: Json, *, created: bool) -> None:
    its = workload(stateful_set.KIND, status)
    about = {"kind": "StatefulSet", "name": NAME, "uid": "w-1"}
    words = 'create Pod a-0 in StatefulSet a failed error: pods "a-0" is forbidden: exceeded quota: few'
    refused = {"type": "Warning", "reason": "FailedCreate", "message": words, "lastTimestamp": ago(5)}
    done = {"type": "Normal", "reason": "SuccessfulCreate", "message": "create Pod a-0", "lastTimestamp": ago(1)}
    events = [
        {"metadata": {"name": f"e-{n}", "uid": f"e-{n}"}, "involvedObject": about} | event
        for n, event in enumerate([refused, done] if created else [refused])
    ]
    health = seen(stateful_set.KIND, statefulsets=[its], pods=[], events=events)
    assert health.status is (HealthStatus.PROGRESSING if created else HealthStatus.DEGRADED)
    assert ("quota exceeded: few" in plain(health.reason)) is not created


def test_the_events_of_many_pods_do_not_hide_that_of_the_workload() -> None:
    its = workload(stateful_set.KIND, {"observedGeneration": 2, "replicas": 2})
    pods = [pod(f"a-{number}", its, {"controller-revision-hash": "b"}) for number in range(2)]
    words = "admission webhook denied the request: no"
    refused = {"involvedObject": {"kind": "StatefulSet", "name": NAME}, "reason": "FailedCreate", "message": words}
    probed = {"involvedObject": {"kind": "Pod", "name": "a-1"}, "reason": "Unhealthy", "type": "Warning"}
    events = [refused | {"metadata": {"name": "e", "uid": "e"}, "lastTimestamp": ago(50)}]
    events += [
        probed | {"metadata": {"name": f"p-{n}", "uid": f"p-{n}"}, "lastTimestamp": ago(n), "message": f"{n}"}
        for n in range(30)
    ]
    its["spec"]["replicas"] = 3
    assert words in plain(seen(stateful_set.KIND, statefulsets=[its], pods=pods, events=events).reason)


def test_a_rollout_counts_the_pods_of_its_new_hash() -> None:
    done = {"observedGeneration": "2", "phase": "Healthy", "currentPodHash": "new", "stableRS": "new"}
    its = workload(rollout.KIND, done)
    sets = [
        owned("ReplicaSet", f"r-{mark}", its, labels={"rollouts-pod-template-hash": mark}) for mark in ("old", "new")
    ]
    pods = [
        pod(f"{mark}-{number}", of, {"rollouts-pod-template-hash": mark})
        for of, mark in zip(sets, ("old", "new"), strict=True)
        for number in range(2)
    ]
    health = seen(rollout.KIND, rollouts=[its], replicasets=sets, pods=pods)
    assert (health.status, names(health)) == (HealthStatus.HEALTHY, ["new-0", "new-1"])


REFERENCE: Json = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "a-template"}, "replicas": 2}


def referring(observed: str, *, version: int = 3, reference: Json = REFERENCE) -> dict[str, list[Json]]:
    """Return a Rollout whose template is in a Deployment that Argo has scaled down, with the pods of its new hash."""
    done = {"observedGeneration": "2", "workloadObservedGeneration": observed, "phase": "Healthy"}
    its = workload(rollout.KIND, done | {"currentPodHash": "new", "stableRS": "new"}, reference)
    its["metadata"]["annotations"] = {"rollout.argoproj.io/workload-generation": observed}
    source = workload(deployment.KIND, {}, {"replicas": 0, "template": template(version)})
    source["metadata"] |= {"name": "a-template", "uid": "d-1", "generation": 7}
    mark = {"rollouts-pod-template-hash": "new"}
    [new, old] = [owned("ReplicaSet", "r-new", its, labels=mark), owned("ReplicaSet", "r-old", source)]
    pods = [pod("new-0", new, mark), pod("new-1", new, mark), pod("old-0", old, {})]
    return {"rollouts": [its], "deployments": [source], "replicasets": [new, old], "pods": pods}


def test_a_rollout_has_the_pin_of_the_deployment_that_it_refers_to() -> None:
    health = seen(rollout.KIND, **referring("7"))
    assert (health.status, names(health)) == (HealthStatus.HEALTHY, ["new-0", "new-1"])
    assert health.pin == Pin(stage="production", version=3)


def test_a_rollout_is_under_way_until_argo_has_seen_the_changed_deployment() -> None:
    """Its own generation does not change, and Argo writes the annotation only once it has noticed."""
    health = seen(rollout.KIND, **referring("6"))
    assert (health.status, health.pin) == (HealthStatus.PROGRESSING, Pin(stage="production", version=3))


def test_a_rollout_without_its_deployment_or_of_another_model_names_no_version() -> None:
    objects = referring("7")
    assert seen(rollout.KIND, **objects | {"deployments": []}).pin is None
    other = {"workloadRef": {"apiVersion": "v1", "kind": "PodTemplate", "name": "a-template"}, "replicas": 2}
    assert seen(rollout.KIND, **referring("7", reference=other)).pin is None
    objects["deployments"][0]["spec"]["template"] = template(env=[{"name": "MODEL_NAME", "value": "wine"}])
    with pytest.raises(AssertionError):
        seen(rollout.KIND, **objects)


def test_an_inference_service_counts_the_pods_of_its_newest_deployment_revision() -> None:
    """Its conditions stay true while the new pod cannot start: https://github.com/kserve/kserve/issues/4626."""
    predictor = {"model": template()["spec"]["containers"][0]}
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    its = workload(inference_service.KIND, ready, {"predictor": predictor})
    its_deployment = owned("Deployment", f"{NAME}-predictor", its)
    sets = [
        owned("ReplicaSet", f"r-{n}", its_deployment, annotations={"deployment.kubernetes.io/revision": n})
        for n in ("1", "2")
    ]
    label = {"serving.kserve.io/inferenceservice": NAME}
    pods = [pod("old", sets[0], label), pod("new", sets[1], label, ready=False, **BROKEN)]
    kinds = {"inferenceservices": [its], "deployments": [its_deployment], "replicasets": sets}
    health = seen(inference_service.KIND, **kinds, pods=pods)
    assert (health.status, names(health)) == (HealthStatus.DEGRADED, ["new"])
    assert health.pin == Pin(stage="production", version=3)


def without_pods(status: Json, *events: Json, refused: str = "") -> Health:
    """Return the verdict on an InferenceService without pods; with `refused`, its ReplicaSet cannot create them."""
    its = workload(inference_service.KIND, status, {"predictor": {"model": template()["spec"]["containers"][0]}})
    about = {"involvedObject": {"kind": "InferenceService", "name": NAME, "uid": "w-1"}}
    happened = [about | each | {"metadata": {"name": f"e-{n}", "uid": f"e-{n}"}} for n, each in enumerate(events)]
    predictor = owned("Deployment", f"{NAME}-predictor", its)
    new = owned("ReplicaSet", "r-1", predictor)
    new["spec"]["replicas"] = 1
    new["status"] = {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": refused}]}
    made = {"deployments": [predictor], "replicasets": [new]} if refused else {}
    return seen(inference_service.KIND, inferenceservices=[its], pods=[], events=happened, **made)


def unready(kind: str, **told: str) -> Json:
    return {"type": kind, "status": "False", **told}


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        (
            [unready("Ready", reason="RevisionFailed", message='Revision "a-1" failed: exceeded quota: few')],
            'Ready: RevisionFailed: Revision "a-1" failed: exceeded quota: few',
        ),
        (
            [unready("Ready"), unready("PredictorReady", reason="RevisionMissing", message="webhook denied it")],
            "PredictorReady: RevisionMissing: webhook denied it",
        ),
        ([unready("Ready", reason="PredictorNotReady")], "Ready: PredictorNotReady"),
        ([unready("Ready")], "Ready: False"),
    ],
)
def test_an_inference_service_without_pods_says_what_its_conditions_say(conditions: list[Json], words: str) -> None:
    health = without_pods({"conditions": conditions})
    assert (health.status, words in plain(health.reason)) == (HealthStatus.PROGRESSING, True)


def test_a_model_that_failed_without_a_message_is_named_by_its_reason() -> None:
    failed = {"transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": {"reason": "NoSupportingRuntime"}}
    health = without_pods({"modelStatus": failed, "conditions": [unready("Ready")]})
    assert (health.status, "NoSupportingRuntime" in plain(health.reason)) == (HealthStatus.DEGRADED, True)


@pytest.mark.parametrize("status", [{}, {"conditions": [unready("Ready")]}], ids=["no status", "not ready"])
def test_what_kserve_cannot_create_is_told_by_its_latest_event(status: Json) -> None:
    """Its controller then returns before it writes a status."""
    error = {"type": "Warning", "reason": "InternalError", "message": "fails to create Deployment: exceeded quota"}
    health = without_pods(status, error | {"lastTimestamp": ago(5)})
    assert health.status is HealthStatus.PROGRESSING
    assert "InternalError: fails to create Deployment: exceeded quota" in plain(health.reason)
    overtaken = {"type": "Normal", "reason": "Ready", "message": "is ready", "lastTimestamp": ago(1)}
    health = without_pods(status, error | {"lastTimestamp": ago(5)}, overtaken)
    assert "InternalError" not in plain(health.reason)


def test_an_inference_service_is_not_healthy_before_its_pods_are_created() -> None:
    """Its conditions are those of the Deployment, which may be true still."""
    webhook = 'failed calling webhook "x": connection refused'
    health = without_pods({"conditions": [{"type": "Ready", "status": "True"}]}, refused=webhook)
    assert (health.status, health.wanted) == (HealthStatus.PROGRESSING, 1)
    assert "connection refused" in plain(health.reason)


@pytest.mark.parametrize(("version", "status"), [(3, HealthStatus.HEALTHY), (2, HealthStatus.PROGRESSING)])
def test_an_inference_service_whose_pods_have_another_version_was_not_seen_yet(
    version: int, status: HealthStatus
) -> None:
    """KServe publishes no generation of its own, so the conditions are those of the version before."""
    predictor = {"model": template()["spec"]["containers"][0]}
    ready = {"conditions": [{"type": "Ready", "status": "True"}]}
    its = workload(inference_service.KIND, ready, {"predictor": predictor})
    its_pod = pod("p", None, {"serving.kserve.io/inferenceservice": NAME}) | {"spec": template(version)["spec"]}
    assert seen(inference_service.KIND, inferenceservices=[its], pods=[its_pod]).status is status


def test_a_knative_pod_is_new_by_its_revision() -> None:
    predictor = {"model": template()["spec"]["containers"][0]}
    newest = {"predictor": {"latestCreatedRevision": "iris-00002"}}
    its = workload(inference_service.KIND, {"components": newest}, {"predictor": predictor})
    pods = [
        pod(n, None, {"serving.kserve.io/inferenceservice": NAME, "serving.knative.dev/revision": f"iris-0000{n}"})
        for n in "12"
    ]
    assert names(seen(inference_service.KIND, inferenceservices=[its], pods=pods)) == ["2"]


@pytest.mark.parametrize(
    ("ready", "status"), [("iris-00002", HealthStatus.HEALTHY), ("iris-00001", HealthStatus.PROGRESSING)]
)
def test_a_knative_revision_that_was_ready_and_went_to_sleep_is_healthy(ready: str, status: HealthStatus) -> None:
    """KServe says of it what it says of one that has not started yet."""
    predictor = {"latestCreatedRevision": "iris-00002", "latestReadyRevision": ready}
    loading = {"transitionStatus": "InProgress", "states": {"targetModelState": "Pending"}}
    said = {"conditions": [{"type": "Ready", "status": "True"}], "modelStatus": loading}
    its = workload(inference_service.KIND, said | {"components": {"predictor": predictor}}, {"predictor": {}})
    assert explain(its)[0] is status


def cron(**runs: tuple[int, str]) -> Health:
    """Return the verdict on a CronJob whose runs were of these versions and ended with these conditions."""
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": template()}}}
    its = workload(cron_job.KIND, {}, spec)
    jobs = []
    for number, (name, (version, condition)) in enumerate(runs.items()):
        job = owned("Job", name, its, version, creationTimestamp=ago(100 - number))
        job["status"] = {"startTime": ago(90)} | (
            {"conditions": [{"type": condition, "status": "True"}]} if condition else {"active": 1}
        )
        jobs.append(job)
    return seen(cron_job.KIND, cronjobs=[its], jobs=jobs)


@pytest.mark.parametrize(
    ("runs", "status"),
    [
        ({}, HealthStatus.PROGRESSING),
        ({"old": (2, "Failed")}, HealthStatus.PROGRESSING),
        ({"old": (2, "Complete"), "new": (3, "")}, HealthStatus.PROGRESSING),
        ({"old": (2, "Failed"), "new": (3, "Complete")}, HealthStatus.HEALTHY),
        ({"old": (2, "Complete"), "new": (3, "Failed")}, HealthStatus.DEGRADED),
    ],
)
def test_a_cron_job_is_judged_by_its_first_run_of_the_new_version(
    runs: dict[str, tuple[int, str]], status: HealthStatus
) -> None:
    health = cron(**runs)
    assert health.status is status
    assert isinstance(health.reason, NextRun) is ("new" not in runs)


def test_a_stateful_set_of_that_name_is_not_taken_for_a_deployment_of_it() -> None:
    cluster = Objects()
    cluster.replace("deployments", [])
    cluster.replace("statefulsets", [kept("statefulsets", workload(stateful_set.KIND, {}))])
    assert cluster.snapshot("iris-classifier", "production", NAME, rollout.KIND) is None
