"""Rollouts that people reported, judged: tests/data/reported/rollouts holds the objects and the right verdicts.

Each is judged twice: from its whole objects, and from what the bot keeps of them.
"""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import pytest
import yaml

from bot.cluster.objects import Objects, kept
from bot.domain.cluster import Snapshot
from bot.domain.json import Json
from bot.rules.kubernetes.health import judge
from bot.rules.wording.reasons import plain
from tests.recorded import DATA

ROLLOUTS: Final = DATA / "reported" / "rollouts"
INDEX: Final[list[Json]] = json.loads((ROLLOUTS / "index.json").read_text())
WRONG: Final = {
    "c01_init_retried_then_ready.yaml": "an init container that has completed counts as restarting",
    "c04_liveness_killed_137.yaml": "only the exit code is named, not the liveness probe behind it",
    "c06_stale_FailedScheduling.yaml": "an event from before the pod was scheduled is named as the cause",
    "c08_unschedulable_scaleup_triggered.yaml": "the scale-up that was triggered is not named",
    "c09_readiness_gate.yaml": "the readiness gate that is missing is not named",
    "c10_node_lost.yaml": "the node that is not ready is not named",
    "c11_admission_error_loop.yaml": "pods that the kubelet rejected are not named",
    "c12_native_sidecar_restarted_twice_ready.yaml": "a sidecar that restarted and is ready counts as failing",
    "c13_quota_while_old_terminates.yaml": "a quota that the old pods are about to free counts as a failure",
    "c14_webhook_outage.yaml": "a webhook that cannot be reached counts as a failure after 30 s",
    "c15_replicaset_quota.yaml": "the Deployment's condition ReplicaFailure is not read",
    "c18_replicas_zero.yaml": "a workload that is scaled to zero counts as healthy",
    "c19_CreatePodSandboxError.yaml": "this reason to wait is not known, and so it is not named",
    "c19_PostStartHookError.yaml": "this reason to wait is not known, and so it is not named",
    "c19_SignatureValidationFailed.yaml": "this reason to wait is not known, and so it is not named",
    "c26_deadline_but_all_ready.yaml": "a deadline that was missed counts although all pods are ready now",
    "c31_node_shutdown.yaml": "the rollout waits for a replacement of the pod that its node shut down",
}
"""What is judged wrongly today, and how.  The change that fixes a case removes it from this list."""


def whole(objects: list[Json]) -> Snapshot:
    """Return the snapshot of whole objects."""
    workload, *_ = of_kind(objects, "Deployment")
    return Snapshot(
        workload=workload,
        replicasets=of_kind(objects, "ReplicaSet"),
        pods=of_kind(objects, "Pod"),
        events=of_kind(objects, "Event"),
    )


def pruned(objects: list[Json]) -> Snapshot:
    """Return the snapshot that the bot makes of the objects it keeps."""
    held = Objects()
    for obj in objects:
        kind = f"{obj['kind'].lower()}s"
        held.put(kind, kept(kind, obj))
    found = held.snapshot("iris-classifier", "production", None)
    assert found is not None
    return found


def of_kind(objects: list[Json], kind: str) -> tuple[Json, ...]:
    return tuple(obj for obj in objects if obj["kind"] == kind)


def cases() -> list[Any]:
    return [
        pytest.param(case, id=case["file"].removesuffix(".yaml"), marks=wrong_today(case["file"])) for case in INDEX
    ]


def wrong_today(file: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xfail(strict=True, raises=AssertionError, reason=WRONG[file])] if file in WRONG else []


@pytest.mark.parametrize("snapshot_of", [whole, pruned])
@pytest.mark.parametrize("case", cases())
def test_a_reported_rollout_is_judged_as_people_expect(
    case: Json, snapshot_of: Callable[[list[Json]], Snapshot]
) -> None:
    objects = list(yaml.safe_load_all((ROLLOUTS / case["file"]).read_text()))
    health = judge(snapshot_of(objects), now=datetime.fromisoformat(case["now"]), stage="production")
    why = plain(health.reason)
    assert health.status.value in case["health"], why
    assert [name for name in case["cause_names"] if name not in why] == [], why
    assert [name for name in case["cause_must_not_name"] if name in why] == [], why


def test_every_reported_rollout_is_in_the_index() -> None:
    assert sorted(case["file"] for case in INDEX) == sorted(file.name for file in ROLLOUTS.glob("*.yaml"))
    assert WRONG.keys() <= {case["file"] for case in INDEX}
