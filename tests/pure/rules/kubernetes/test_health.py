"""A rollout is judged by its own new pods, and the cause is named."""

import copy
from dataclasses import replace

import pytest

from bot.domain.cluster import HealthStatus
from bot.domain.json import Json
from bot.domain.target import Pin
from tests.fixtures.workload import (
    NAME,
    OLD,
    ago,
    deployment,
    health_of,
    pod,
    ready,
    replicaset,
    rolling,
    sick,
    template,
    waiting,
)

READY = ready()
"""A rollout that is done.  Each test changes the one thing it is about."""


def test_a_rollout_with_nothing_against_it_is_healthy() -> None:
    health = health_of(READY)
    assert (health.status, health.because) == (HealthStatus.HEALTHY, "3 of 3 pods on v3")
    assert (health.wanted, health.ready, health.culprit) == (3, 3, None)
    assert health.pin == Pin(stage="production", version=3)


def test_progress_is_told_in_pods_and_versions() -> None:
    seen = rolling(pod("aaa"), pod("bbb", ready=False), pod("old", OLD, version=2))
    assert health_of(seen).because == "1 of 3 pods on v3"
    assert health_of(seen).status is HealthStatus.PROGRESSING


def test_only_pods_of_the_new_revision_are_counted() -> None:
    crashing = pod("old", OLD, ready=False, version=2, containerStatuses=[waiting("CrashLoopBackOff", restartCount=9)])
    health = health_of(replace(READY, pods=(*READY.pods, crashing)))
    assert health.status is HealthStatus.HEALTHY
    assert len(health.pods) == 3


def test_pods_that_are_leaving_or_have_ended_are_not_counted() -> None:
    leaving, evicted = pod("bye"), pod("out", phase="Failed", reason="Evicted", ready=False)
    leaving["metadata"]["deletionTimestamp"] = ago(1)
    assert len(health_of(replace(READY, pods=(*READY.pods, leaving, evicted))).pods) == 3


def test_a_namesake_made_anew_owns_nothing_of_the_one_before() -> None:
    stranger = replace(READY, replicasets=(replicaset(owner="d-0"),))
    assert health_of(stranger).pods == ()
    assert health_of(stranger).status is HealthStatus.PROGRESSING


def test_a_change_that_kubernetes_has_not_looked_at_has_no_pods_yet() -> None:
    health = health_of(replace(READY, workload=deployment(version=4, observedGeneration=3)))
    assert (health.status, health.pods) == (HealthStatus.PROGRESSING, ())
    assert health.pin == Pin(stage="production", version=4)


def test_the_new_revision_without_its_replicaset_is_on_its_way() -> None:
    assert health_of(replace(READY, replicasets=READY.replicasets[:1], pods=())).status is HealthStatus.PROGRESSING


def test_counters_that_run_ahead_of_the_pods_are_not_believed() -> None:
    health = health_of(replace(READY, pods=READY.pods[:2]))
    assert (health.status, health.because) == (HealthStatus.PROGRESSING, "2 of 3 pods on v3")


def test_old_pods_must_end_first() -> None:
    health = health_of(replace(READY, workload=deployment(replicas=5)))
    assert (health.status, health.because) == (
        HealthStatus.PROGRESSING,
        "3 of 3 pods on v3; 2 old pods still to end",
    )


def test_a_paused_rollout_is_suspended_and_says_how_to_resume() -> None:
    workload = deployment()
    workload["spec"]["paused"] = True
    health = health_of(replace(READY, workload=workload))
    assert health.status is HealthStatus.SUSPENDED
    assert f"kubectl rollout resume deployment/{NAME}" in health.because


def test_a_workload_that_is_being_deleted_is_never_healthy() -> None:
    workload = deployment()
    workload["metadata"]["deletionTimestamp"] = ago(1)
    assert health_of(replace(READY, workload=workload)).status is HealthStatus.PROGRESSING


# ── the pin and the addresses ────────────────────────────────────────────────────────────────────────


def test_the_address_is_that_of_the_models_container_and_its_http_port() -> None:
    assert health_of(READY).pods[0].address == "10.0.0.7:8081"


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
    assert health_of(replace(READY, pods=(one,))).pods[0].address == expected


def test_the_pin_is_read_where_the_stage_stands_and_nowhere_else() -> None:
    workload = deployment()
    sidecar = {"name": "proxy", "image": "envoy:1", "env": [{"name": "MODEL_VERSION", "value": "99"}]}
    workload["spec"]["template"]["spec"]["containers"].insert(0, sidecar)
    assert health_of(replace(READY, workload=workload)).pin == Pin(stage="production", version=3)


@pytest.mark.parametrize("value", [{"value": "three"}, {"valueFrom": {"configMapKeyRef": {"key": "v"}}}, {}])
def test_a_version_that_does_not_stand_in_the_template_is_not_guessed(value: Json) -> None:
    workload = deployment()
    env = [{"name": "MODEL_STAGE", "value": "production"}, {"name": "MODEL_VERSION"} | value]
    workload["spec"]["template"]["spec"]["containers"][0]["env"] = env
    assert health_of(replace(READY, workload=workload)).pin == Pin(stage="production", version=None)


# ── other people's text ──────────────────────────────────────────────────────────────────────────────


def test_what_the_cluster_says_is_short_and_holds_no_secrets() -> None:
    message = "cannot log in to https://bot:hunter2hunter2@registry.example " + "x" * 5000
    because = health_of(sick(waiting("ErrImagePull", message))).because
    assert "hunter2" not in because
    assert len(because) < 500


def test_an_odd_object_is_unknown_with_what_is_odd_about_it() -> None:
    odd = copy.deepcopy(READY.workload)
    odd["spec"]["replicas"] = "three"
    health = health_of(replace(READY, workload=odd))
    assert health.status is HealthStatus.UNKNOWN
    assert health.because == "not as Kubernetes describes it: spec.replicas is str 'three', not a whole number"


def test_items_of_a_list_which_say_no_kind_are_judged_all_the_same() -> None:
    bare = {k: v for k, v in READY.workload.items() if k not in {"kind", "apiVersion"}}
    assert health_of(replace(READY, workload=bare)).status is HealthStatus.HEALTHY
