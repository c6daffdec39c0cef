"""A rollout is judged by its own new pods, and the verdict has its reason."""

import copy
from dataclasses import replace

import pytest

from bot.domain.cluster import HealthStatus, Image
from bot.domain.json import Json
from bot.domain.reason import Command, Name, Said
from bot.domain.reasons.health import (
    ChangeNotObserved,
    Deleting,
    Paused,
    Progress,
    ReplicaSetMissing,
    UnexpectedValue,
)
from bot.domain.reasons.workloads import OldPodsLeft
from bot.domain.target import Pin
from bot.rules.wording.reasons import plain
from tests.fixtures.workload import (
    NAME,
    OLD,
    ago,
    container,
    deployment,
    health_of,
    pod,
    ready,
    replicaset,
    rolling,
    template,
    waiting,
)

READY = ready()
"""A rollout that is done.  Each test changes the one thing it is about."""


def progress(count: int, version: int = 3) -> Progress:
    """Return the reason for so many of three pods being ready."""
    return Progress(ready=count, wanted=3, version=version)


def test_a_rollout_with_nothing_against_it_is_healthy() -> None:
    health = health_of(READY)
    assert (health.status, health.reason) == (HealthStatus.HEALTHY, progress(3))
    assert (health.wanted, health.ready, health.culprit) == (3, 3, None)
    assert health.pin == Pin(stage="production", version=3)


def test_progress_is_reported_in_pods_and_versions() -> None:
    health = health_of(rolling(pod("aaa"), pod("bbb", ready=False), pod("old", OLD, version=2)))
    assert (health.status, health.reason) == (HealthStatus.PROGRESSING, progress(1))


def test_only_pods_of_the_new_revision_are_counted() -> None:
    crashing = pod("old", OLD, ready=False, version=2, containerStatuses=[waiting("CrashLoopBackOff", restartCount=9)])
    health = health_of(replace(READY, pods=(*READY.pods, crashing)))
    assert health.status is HealthStatus.HEALTHY
    assert len(health.pods) == 3


def test_pods_that_are_being_deleted_or_have_ended_are_not_counted() -> None:
    leaving, evicted = pod("bye"), pod("out", phase="Failed", reason="Evicted", ready=False)
    leaving["metadata"]["deletionTimestamp"] = ago(1)
    assert len(health_of(replace(READY, pods=(*READY.pods, leaving, evicted))).pods) == 3


def test_a_recreated_deployment_owns_nothing_of_the_one_before() -> None:
    stranger = replace(READY, replicasets=(replicaset(owner="d-0"),))
    assert health_of(stranger).pods == ()
    assert health_of(stranger).status is HealthStatus.PROGRESSING


def test_a_change_that_kubernetes_has_not_processed_has_no_pods_yet() -> None:
    health = health_of(replace(READY, workload=deployment(version=4, observedGeneration=3)))
    assert (health.status, health.reason) == (HealthStatus.PROGRESSING, ChangeNotObserved())
    assert health.pods == ()
    assert health.pin == Pin(stage="production", version=4)


def test_the_new_revision_without_its_replicaset_is_progressing() -> None:
    health = health_of(replace(READY, replicasets=READY.replicasets[:1], pods=()))
    expected = replace(progress(0), detail=ReplicaSetMissing())
    assert (health.status, health.reason) == (HealthStatus.PROGRESSING, expected)


def test_counters_that_run_ahead_of_the_pods_are_not_believed() -> None:
    health = health_of(replace(READY, pods=READY.pods[:2]))
    assert (health.status, health.reason) == (HealthStatus.PROGRESSING, progress(2))


def test_old_pods_must_end_first() -> None:
    health = health_of(replace(READY, workload=deployment(replicas=5)))
    expected = replace(progress(3), detail=OldPodsLeft(count=2))
    assert (health.status, health.reason) == (HealthStatus.PROGRESSING, expected)


def test_a_paused_rollout_is_suspended_and_says_how_to_resume() -> None:
    workload = deployment()
    workload["spec"]["paused"] = True
    health = health_of(replace(READY, workload=workload))
    assert health.status is HealthStatus.SUSPENDED
    command = f"kubectl rollout resume deployment/{NAME} -n models"
    assert health.reason == Paused(name=Name(NAME), resume=Command(command))
    assert command in plain(health.reason)


def test_a_workload_that_is_being_deleted_is_never_healthy() -> None:
    workload = deployment()
    workload["metadata"]["deletionTimestamp"] = ago(1)
    health = health_of(replace(READY, workload=workload))
    assert (health.status, health.reason) == (HealthStatus.PROGRESSING, Deleting(name=Name(NAME)))


# ── the pin and the addresses ────────────────────────────────────────────────────────────────────────


def test_the_address_is_that_of_the_models_container_and_its_http_port() -> None:
    assert health_of(READY).pods[0].address == "10.0.0.7:8081"
    assert health_of(READY).pods[0].ports == (("metrics", 9000), ("http", 8081))


@pytest.mark.parametrize(
    ("ip", "ports", "expected"),
    [
        pytest.param("10.0.0.7", [], "10.0.0.7:8080", id="no-port-named"),
        pytest.param("fd00::7", [{"containerPort": 9}], "[fd00::7]:9", id="ipv6"),
        pytest.param(None, [{"containerPort": 9}], None, id="none-yet"),
    ],
)
def test_an_address_is_one_that_can_be_connected_to(ip: str | None, ports: list[Json], expected: str | None) -> None:
    one = pod("aaa", podIP=ip)
    one["spec"] = template(ports=ports)["spec"]
    assert health_of(replace(READY, pods=(one,))).pods[0].address == expected


def test_a_pod_runs_the_image_of_the_models_container() -> None:
    one, digest = pod("aaa"), "sha256:" + "1" * 64
    sidecar = {"name": "proxy", "image": "envoy:1"}
    one["spec"] = {"containers": [sidecar, *one["spec"]["containers"]]}
    statuses = [container(name="proxy", imageID="envoy@x"), container(ready=True, imageID=f"host/server@{digest}")]
    one["status"]["containerStatuses"] = statuses
    seen = health_of(replace(READY, pods=(one,))).pods[0]
    assert seen.image == Image(name="registry.example/model-server:1", id=f"host/server@{digest}")


def test_the_pin_is_read_only_from_the_container_that_sets_the_stage() -> None:
    workload = deployment()
    sidecar = {"name": "proxy", "image": "envoy:1", "env": [{"name": "MODEL_VERSION", "value": "99"}]}
    workload["spec"]["template"]["spec"]["containers"].insert(0, sidecar)
    assert health_of(replace(READY, workload=workload)).pin == Pin(stage="production", version=3)


@pytest.mark.parametrize(
    ("value", "pin"),
    [
        ({"value": "three"}, Pin(stage="production", version=None)),
        ({}, Pin(stage="production", version=None)),
        ({"valueFrom": {"configMapKeyRef": {"key": "v"}}}, None),
    ],
)
def test_a_version_that_is_not_in_the_template_is_not_guessed(value: Json, pin: Pin | None) -> None:
    workload = deployment()
    env = [{"name": "MODEL_STAGE", "value": "production"}, {"name": "MODEL_VERSION"} | value]
    workload["spec"]["template"]["spec"]["containers"][0]["env"] = env
    health = health_of(replace(READY, workload=workload))
    assert health.pin == pin
    assert isinstance(health.reason, Progress)
    assert health.reason.version is None


# ── other people's text ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reason", "named"),
    [
        pytest.param("ErrImagePull", "https://bot:hunter2hunter2@registry.example/iris:1", id="pull"),
        pytest.param("InvalidImageName", "https://bot:hunter2hunter2@registry.example/iris:1", id="name"),
        pytest.param("CreateContainerConfigError", "iris:1", id="configuration"),
    ],
)
def test_messages_from_the_cluster_are_short_and_hold_no_secrets(reason: str, named: str) -> None:
    """They are redacted before they become a reason, which is stored."""
    message = "cannot log in to https://bot:hunter2hunter2@registry.example " + "x" * 5000
    one = pod("x2x", ready=False, containerStatuses=[waiting(reason, message)])
    one["spec"]["containers"][0]["image"] = named
    health = health_of(rolling(one))
    assert health.status is HealthStatus.DEGRADED
    assert "hunter2" not in repr(health)
    assert len(plain(health.reason)) < 500


def test_a_number_that_no_cluster_has_is_malformed() -> None:
    """The database could not store it among a reason's parameters."""
    odd = copy.deepcopy(READY.workload)
    odd["spec"]["replicas"] = 2**70
    assert health_of(replace(READY, workload=odd)).status is HealthStatus.UNKNOWN


def test_a_value_of_a_wrong_type_is_shown_without_secrets() -> None:
    odd = copy.deepcopy(READY.workload)
    odd["spec"]["replicas"] = "token=hunter2hunter2"
    assert "hunter2" not in repr(health_of(replace(READY, workload=odd)))


def test_a_malformed_object_is_unknown_and_the_wrong_field_is_named() -> None:
    odd = copy.deepcopy(READY.workload)
    odd["spec"]["replicas"] = "three"
    health = health_of(replace(READY, workload=odd))
    assert health.status is HealthStatus.UNKNOWN
    expected = UnexpectedValue(path=Name("spec.replicas"), found=Said('"three"'), expected=Name("integer"))
    assert health.reason == expected


def test_items_of_a_list_which_have_no_kind_are_judged_as_well() -> None:
    bare = {k: v for k, v in READY.workload.items() if k not in {"kind", "apiVersion"}}
    assert health_of(replace(READY, workload=bare)).status is HealthStatus.HEALTHY
