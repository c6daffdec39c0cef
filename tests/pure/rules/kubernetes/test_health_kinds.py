"""Each kind is judged as Argo CD, gitops-engine or kstatus judge it."""

import json
import pkgutil
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from inspect import isfunction
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.domain.cluster import HealthStatus, ModelStatus, Snapshot
from bot.domain.json import Json
from bot.domain.reason import Name, Reason, Said
from bot.domain.reasons.health import ChangeNotObserved, Deleting, Paused
from bot.domain.reasons.pods import RunsToCompletion
from bot.domain.reasons.workloads import (
    AllConditionsTrue,
    Condition,
    ModelTransition,
    NoHealthRule,
    PodsReady,
    PodsUpdated,
    Stopped,
)
from bot.rules.kubernetes import health, kinds
from bot.rules.kubernetes.health import judge
from bot.rules.kubernetes.kinds import explain, status_of, unobserved
from bot.rules.kubernetes.kinds.deployment import REVISION
from bot.rules.kubernetes.kinds.kind import Kind
from bot.rules.kubernetes.state import RolloutState
from bot.rules.wording.reasons import plain
from tests.fixtures.workload import NOON, ago, pod, replicaset
from tests.paths import ROOT
from tests.recorded import folders

CASES = folders("health")

WORDS = {
    "Healthy": HealthStatus.HEALTHY,
    "Current": HealthStatus.HEALTHY,
    "Progressing": HealthStatus.PROGRESSING,
    "InProgress": HealthStatus.PROGRESSING,
    "Degraded": HealthStatus.DEGRADED,
    "Failed": HealthStatus.DEGRADED,
    "Suspended": HealthStatus.SUSPENDED,
    "Unknown": HealthStatus.UNKNOWN,
}
"""Each algorithm's words, in ours."""

EXCEPTIONS = {
    "gitops-engine/job-resumed.yaml": "it runs again; Argo CD takes any condition for the end of a Job",
}
"""Cases that we judge differently, with the reason.  Where the algorithms differ on a kind (a ReplicaSet that may not
create pods, a pod that has completed), we follow the one whose case is recorded."""


@cache
def recorded() -> Mapping[str, Json]:
    """Return every object of our own cases by its file, to be read only.

    Each has a generation, as the API server gives it one.
    """
    own = CASES["own"]
    found = {case["file"]: yaml.load((own / case["file"]).read_text(), yaml.CSafeLoader) for case in index(own)}
    return {file: obj | {"metadata": {"generation": 1} | obj["metadata"]} for file, obj in found.items()}


def patch(on: str, field: str) -> str:
    return f'kubectl patch {on} --type merge -p \'{{"spec":{{"{field}":false}}}}\''


def index(folder: Path) -> list[Json]:
    found: list[Json] = json.loads((folder / "index.json").read_text())
    return found


def cases() -> list[Any]:
    return [
        pytest.param(folder, case, id=f"{whose}-{case['file']}")
        for whose, folder in CASES.items()
        for case in index(folder)
    ]


@pytest.mark.parametrize(("folder", "case"), cases())
def test_a_recorded_object_gets_the_recorded_verdict(folder: Path, case: Json) -> None:
    obj = yaml.load((folder / case["file"]).read_text(), yaml.CSafeLoader)
    expected = WORDS[case["expected_health"]]
    assert (status_of(obj) is expected) is (case["file"] not in EXCEPTIONS)


@pytest.mark.parametrize("folder", CASES.values(), ids=CASES)
def test_no_recorded_case_is_left_out(folder: Path) -> None:
    assert sorted(case["file"] for case in index(folder)) == sorted(
        str(p.relative_to(folder)) for p in folder.rglob("*.yaml")
    )


def test_our_own_cases_name_the_public_rule_that_they_follow() -> None:
    for case in index(CASES["own"]):
        assert re.fullmatch(r"https://github\.com/\S+#L\d+", case["rule"]), case["file"]
        assert yaml.load((CASES["own"] / case["file"]).read_text(), yaml.CSafeLoader)["kind"] == case["kind"]


def test_a_kind_that_nobody_wrote_a_rule_for_is_unknown() -> None:
    expected = NoHealthRule(kind=Name("Secret"), name=Name("x"), api_version=Name("v1"))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}
    assert explain(secret) == (HealthStatus.UNKNOWN, expected)


def test_a_kind_of_another_api_group_is_another_kind() -> None:
    """Volcano has a Job too; judged as a batch/v1 Job, one without a status would be progressing for ever."""
    meta = {"name": "x", "generation": 1}
    volcano: Json = {"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job", "metadata": meta}
    health = judge(Snapshot(workload=volcano), now=NOON, stage="production")
    assert (health.status, type(health.reason)) == (HealthStatus.UNKNOWN, NoHealthRule)


def test_every_kind_has_one_rule() -> None:
    assert [kinds.kind_of({"apiVersion": f"{k.group}/v1", "kind": k.name}) for k in kinds.KINDS] == list(kinds.KINDS)


def test_an_object_that_is_being_deleted_is_progressing() -> None:
    meta = {"name": "x", "deletionTimestamp": ago(1)}
    obj = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "status": {"phase": "Running"}}
    assert explain(obj) == (HealthStatus.PROGRESSING, Deleting(name=Name("x")))


def test_a_pod_may_wait_for_a_node_for_fifteen_seconds() -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    pod = {"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Pending", "conditions": [unscheduled]}}
    assert status_of(pod | {"metadata": {"creationTimestamp": ago(14)}}, now=NOON) is HealthStatus.PROGRESSING
    assert status_of(pod | {"metadata": {"creationTimestamp": ago(16)}}, now=NOON) is HealthStatus.DEGRADED


def stateful_set(partition: int | None, **status: Any) -> Json:
    rolling = {} if partition is None else {"rollingUpdate": {"partition": partition}}
    done = {"observedGeneration": 1, "readyReplicas": 3, "replicas": 3, "updateRevision": "b", "currentRevision": "a"}
    meta, spec = {"name": "s", "generation": 1}, {"replicas": 3, "updateStrategy": rolling}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": spec, "status": done | status}


@pytest.mark.parametrize(
    ("obj", "status", "reason"),
    [
        pytest.param(
            stateful_set(None, updatedReplicas=2),
            HealthStatus.PROGRESSING,
            PodsUpdated(count=2, wanted=3),
            id="two-revisions",
        ),
        pytest.param(
            stateful_set(None, currentRevision="b"),
            HealthStatus.HEALTHY,
            PodsReady(count=3, wanted=3),
            id="one-revision",
        ),
        pytest.param(
            stateful_set(0, updatedReplicas=2),
            HealthStatus.PROGRESSING,
            PodsUpdated(count=2, wanted=3),
            id="defaulted-partition",
        ),
        pytest.param(
            stateful_set(2, updatedReplicas=1),
            HealthStatus.HEALTHY,
            PodsReady(count=3, wanted=3),
            id="as-far-as-the-partition",
        ),
        pytest.param(
            stateful_set(1, updatedReplicas=1),
            HealthStatus.PROGRESSING,
            PodsUpdated(count=1, wanted=2, partition=1),
            id="short-of-the-partition",
        ),
    ],
)
def test_a_stateful_set_rolls_out_as_far_as_its_partition(obj: Json, status: HealthStatus, reason: Reason) -> None:
    assert explain(obj) == (status, reason)


def test_pods_below_the_partition_keep_their_revision() -> None:
    """The new version is served as far as the partition, so no more new pods are needed."""
    obj = stateful_set(2, updatedReplicas=1)
    obj["metadata"]["uid"] = "s-1"
    new, old = pod("aaa"), pod("bbb")
    for each, revision in ((new, "b"), (old, "a")):
        each["metadata"]["labels"] = {"controller-revision-hash": revision}
        each["metadata"]["ownerReferences"] = [{"kind": "StatefulSet", "name": "s", "uid": "s-1"}]
    verdict = judge(Snapshot(workload=obj, pods=(new, old, old)), now=NOON, stage="production")
    assert (verdict.status, verdict.ready, verdict.wanted) == (HealthStatus.HEALTHY, 1, 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ready", ModelStatus(transition="UpToDate", active="Loaded", target="Loaded")),
        ("load-failed", ModelStatus(transition="BlockedByFailedLoad", active="", target="")),
    ],
)
def test_an_inference_service_says_how_its_model_is(name: str, expected: ModelStatus) -> None:
    obj = yaml.load((ROOT / f"tests/data/health/kserve/{name}.yaml").read_text(), yaml.CSafeLoader)
    assert judge(Snapshot(workload=obj), now=NOON, stage="production").model_status == expected


def inference_service(transition: str | None, *conditions: tuple[str, str]) -> Json:
    model = {"modelStatus": {"transitionStatus": transition}} if transition else {}
    status = model | {"conditions": [{"type": kind, "status": value} for kind, value in conditions]}
    return {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService", "status": status}


@pytest.mark.parametrize(
    ("obj", "status", "reason"),
    [
        pytest.param(
            inference_service("UpToDate", ("Ready", "True")), HealthStatus.HEALTHY, AllConditionsTrue(), id="all-true"
        ),
        pytest.param(
            inference_service(None, ("Ready", "False")),
            HealthStatus.PROGRESSING,
            Condition(type=Name("Ready"), message=Said("False")),
            id="false-is-not-failed",
        ),
        pytest.param(
            inference_service("InProgress", ("Ready", "True")),
            HealthStatus.PROGRESSING,
            ModelTransition(status=Name("InProgress"), detail=None),
            id="in-progress",
        ),
        pytest.param(
            inference_service("UpToDate", ("Stopped", "True")), HealthStatus.SUSPENDED, Stopped(), id="stopped"
        ),
        pytest.param(
            inference_service("InvalidSpec", ("Ready", "False")),
            HealthStatus.DEGRADED,
            ModelTransition(status=Name("InvalidSpec"), detail=Condition(type=Name("Ready"), message=Said("False"))),
            id="invalid",
        ),
        pytest.param(inference_service(None), HealthStatus.PROGRESSING, ChangeNotObserved(), id="no-status-yet"),
        pytest.param(
            inference_service("UpToDate", ("Ready", "True"), ("Stopped", "False")),
            HealthStatus.HEALTHY,
            AllConditionsTrue(),
            id="not-stopped",
        ),
    ],
)
def test_an_inference_service_fails_only_by_its_model(obj: Json, status: HealthStatus, reason: Reason) -> None:
    assert explain(obj) == (status, reason)


def test_a_job_that_was_resumed_runs() -> None:
    assert explain(recorded()["gitops-engine/job-resumed.yaml"]) == (HealthStatus.PROGRESSING, RunsToCompletion())


def test_a_cron_job_with_an_empty_status_is_observed() -> None:
    assert not unobserved({"apiVersion": "batch/v1", "kind": "CronJob", "status": {}})


@pytest.mark.parametrize(
    ("file", "field", "command"),
    [
        ("gitops-engine/deployment-done.yaml", "paused", "kubectl rollout resume deployment/churn -n ml-production"),
        ("argo-rollouts/workload-seen.yaml", "paused", patch("rollout/ranker -n ml-production", "paused")),
        ("gitops-engine/job-suspended.yaml", "suspend", patch("job/train-churn -n ml-research", "suspend")),
        ("argo-cd/cronjob-active.yaml", "suspend", patch("cronjob/retrain-churn -n ml-research", "suspend")),
        ("gitops-engine/job-failed.yaml", "suspend", None),
        ("gitops-engine/job-suspended.yaml", "paused", None),
        ("kstatus/replicaset-done.yaml", "paused", None),
    ],
)
def test_a_paused_object_is_resumed_as_its_kind_demands(file: str, field: str, command: str | None) -> None:
    """The plugin of Argo Rollouts has no `resume`, and kubectl resumes only Deployments."""
    obj = recorded()[file]
    paused = obj | {"spec": obj.get("spec", {}) | {field: True}}
    reason = judge(Snapshot(workload=paused), now=NOON, stage="production").reason
    assert (reason.resume if isinstance(reason, Paused) else None) == command


def test_messages_of_every_kind_are_short_and_hold_no_secrets() -> None:
    """They are redacted before they become a reason, which is stored."""
    message = "cannot log in to https://bot:hunter2hunter2@registry.example " + "x" * 5000
    shown = set()
    for file, obj in recorded().items():
        _, reason = explain({**obj, "status": planted(obj.get("status"), message)})
        assert "hunter2" not in repr(reason), file
        assert len(repr(reason)) < 500, file
        shown |= {obj["kind"]} if "registry.example" in plain(reason) else set()
    assert {"Deployment", "Pod", "Job"} < shown, "no message was shown, so nothing was tested"


def planted(value: Any, message: str) -> Any:
    """Return a status with this message wherever one may stand: in each of its mappings."""
    if isinstance(value, list):
        return [planted(item, message) for item in value]
    if isinstance(value, dict):
        return {key: planted(item, message) for key, item in value.items()} | {"message": message}
    return value


@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda kind: kind.name)
def test_every_kind_has_recorded_objects_with_different_verdicts(kind: Kind) -> None:
    verdicts = {status_of(obj) for obj in recorded().values() if kinds.kind_of(obj) is kind}
    assert len(verdicts) > 1, f"add an object for each rule of {kind.name} to tests/data/health"


HEALTHY = {
    file: obj
    for file, obj in recorded().items()
    if status_of(obj) is HealthStatus.HEALTHY and file != "gitops-engine/daemonset-on-delete.yaml"  # kstatus disagrees
}


@pytest.mark.parametrize("obj", HEALTHY.values(), ids=HEALTHY)
def test_a_healthy_object_with_its_pods_is_rolled_out(obj: Json) -> None:
    """If `observed` or `wanted` of its kind were wrong, it would be progressing forever."""
    assert not unobserved(obj)
    assert judge(with_its_pods(obj), now=NOON, stage="production").status is not HealthStatus.PROGRESSING


def with_its_pods(obj: Json) -> Snapshot:
    """Return an object with as many new pods as its status counts ready ones: none for a completed Job."""
    status, meta = obj.get("status") or {}, obj["metadata"] | {"uid": "w-1"}
    labels = {
        "controller-revision-hash": status.get("updateRevision"),
        "rollouts-pod-template-hash": status.get("currentPodHash"),
        "serving.kserve.io/inferenceservice": meta["name"],
    }
    new = replicaset(revision=meta.get("annotations", {}).get(REVISION, ""), owner="w-1")
    owner = new["metadata"] if obj["kind"] == "Deployment" else meta
    made = pod("aaa")
    made["metadata"]["labels"] |= labels
    made["metadata"]["ownerReferences"] = [{"kind": obj["kind"], "name": owner["name"], "uid": owner["uid"]}]
    del new["spec"]["template"]
    count = max(status.get(counter, 0) for counter in ("readyReplicas", "numberReady", "ready"))
    return Snapshot(workload=obj | {"metadata": meta}, replicasets=(new,), pods=(made,) * count)


def test_every_kind_that_a_file_defines_is_listed() -> None:
    modules = [import_module(f"{kinds.__name__}.{found.name}") for found in pkgutil.iter_modules(kinds.__path__)]
    defined = {value for module in modules for value in vars(module).values() if isinstance(value, Kind)}
    assert defined == set(kinds.KINDS), "name each in KINDS of bot/rules/kubernetes/kinds/__init__.py"


def test_every_check_of_a_rollout_is_listed() -> None:
    defined = {
        name
        for name, value in vars(health).items()
        if isfunction(value)
        and list(value.__annotations__.values())[:1] == [RolloutState]
        and value.__annotations__["return"] in {health.Finding, health.Finding | None}
    }
    listed = {check.__name__ for check in (*health.CHECKS, *health.CHECKS_OF_PODS)}
    assert defined == listed, "name each in CHECKS or CHECKS_OF_PODS"
    assert health.CHECKS[-1].__name__ == "_by_counts", "it always finds something, so no check after it is asked"
