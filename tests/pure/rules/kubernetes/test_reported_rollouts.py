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
    return [pytest.param(case, id=case["file"].removesuffix(".yaml")) for case in INDEX]


@pytest.mark.parametrize("snapshot_of", [whole, pruned])
@pytest.mark.parametrize("case", cases())
def test_a_reported_rollout_is_judged_as_people_expect(
    case: Json, snapshot_of: Callable[[list[Json]], Snapshot]
) -> None:
    objects = list(yaml.load_all((ROLLOUTS / case["file"]).read_text(), yaml.CSafeLoader))
    health = judge(snapshot_of(objects), now=datetime.fromisoformat(case["now"]), stage="production")
    why = plain(health.reason)
    assert health.status.value in case["health"], why
    assert [name for name in case["cause_names"] if name not in why] == [], why
    assert [name for name in case["cause_must_not_name"] if name in why] == [], why


def test_every_reported_rollout_is_in_the_index() -> None:
    assert sorted(case["file"] for case in INDEX) == sorted(file.name for file in ROLLOUTS.glob("*.yaml"))
