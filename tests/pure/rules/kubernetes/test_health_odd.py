"""No malformed object makes a verdict raise, and a pruned object is judged as the whole one is."""

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.cluster.objects import Objects, kept
from bot.domain.cluster import HealthStatus, Snapshot
from bot.domain.json import Json
from bot.domain.reason import Reason
from bot.rules.kubernetes.health import judge
from bot.rules.kubernetes.kinds import explain
from bot.rules.kubernetes.pruning import prune
from bot.rules.kubernetes.raw import Malformed, moment
from bot.rules.wording.reasons import markdown, plain, slack
from bot.store import reasons as stored
from tests.fixtures.workload import NOON, OLD, container, deployment, ended, event, pod, ready, replicaset, waiting
from tests.recorded import folders

ODD: Sequence[Any] = (
    None,
    True,
    -(2**70),
    2**70,
    float("nan"),
    "",
    "True",
    "2026-99-99",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "9" * 5000,
    "ReplicaSet",
    "CrashLoopBackOff",
    [],
    [None],
    [{}],
    {},
    {"a": 1},
)
SURFACES = (slack, markdown, plain)
SEEDS = st.integers(0, 2**32)
"""A seed decides what is changed, and into what: many times faster than hypothesis' own draws."""


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(p for key, item in inner for p in places(item, (*path, key)))]


def mutated(by: Random, obj: Any) -> Any:
    """Return a copy with one to three values changed into something odd, or removed."""
    made = copy.deepcopy(obj)
    for _ in range(by.randint(1, 3)):
        path = by.choice(places(made) or [()])
        where = made
        for key in path[:-1]:
            where = where[key]
        if path and by.random() < 0.3:
            del where[path[-1]]
        elif path:
            where[path[-1]] = copy.deepcopy(by.choice(ODD))
    return made


def recorded() -> dict[str, Json]:
    """Return every recorded object of every kind, by its file."""
    files = [p for folder in folders("health").values() for p in sorted(folder.rglob("*.yaml"))]
    return {f"{p.parent.name}/{p.name}": yaml.load(p.read_text(), yaml.CSafeLoader) for p in files}


RECORDED = recorded()
OBJECTS = [*RECORDED.values(), deployment(), replicaset(), pod("aaa"), event("aaa", "Unhealthy", "no")]


@pytest.mark.parametrize("extreme", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_does_not_exist_in_utc_is_malformed(extreme: str) -> None:
    """No surface could show it: Python has only the years 1 to 9999."""
    with pytest.raises(Malformed):
        moment({"at": extreme}, "at")


@pytest.mark.parametrize("given", ["2026-05-04T14:00:00+02:00", "2026-05-04T12:00:00", "2026-05-04T12:00:00Z"])
def test_a_time_is_read_as_utc(given: str) -> None:
    read = moment({"at": given}, "at")
    assert (read, read and read.tzinfo) == (NOON, UTC)


@given(SEEDS)
def test_no_object_makes_a_kinds_rule_raise(seed: int) -> None:
    by = Random(seed)
    status, reason = explain(mutated(by, by.choice(OBJECTS)), now=NOON)
    assert isinstance(status, HealthStatus)
    assert all(show(reason) for show in SURFACES)
    assert stored.decode(stored.encode(reason), Reason) == reason


def trouble() -> Snapshot:
    """Return a rollout with one of everything that is judged."""
    crash = pod("bbb", ready=False, containerStatuses=[waiting("CrashLoopBackOff", lastState=ended(1))])
    once = pod("ccc", ready=False, initContainerStatuses=[container(state=ended(0)), waiting("ErrImagePull", "no")])
    events = (event(crash["metadata"]["name"], "Unhealthy", "no"), event(once["metadata"]["name"], "Failed", "no"))
    return Snapshot(
        workload=deployment(updatedReplicas=1),
        replicasets=(replicaset(OLD, "1", 2), replicaset(conditions=[{"type": "ReplicaFailure", "status": "False"}])),
        pods=(pod("aaa"), crash, once, pod("old", OLD)),
        events=events,
    )


TROUBLE = trouble()


@given(SEEDS)
def test_no_snapshot_makes_the_judge_raise(seed: int) -> None:
    by = Random(seed)
    odd = Snapshot(
        workload=mutated(by, TROUBLE.workload) if by.random() < 0.5 else TROUBLE.workload,
        replicasets=tuple(mutated(by, r) if by.random() < 0.3 else r for r in TROUBLE.replicasets),
        pods=tuple(mutated(by, p) if by.random() < 0.5 else p for p in TROUBLE.pods),
        events=tuple(mutated(by, e) if by.random() < 0.3 else e for e in TROUBLE.events),
    )
    health = judge(odd, now=NOON, stage="production")
    assert isinstance(health.status, HealthStatus)
    assert all(show(health.reason) for show in SURFACES)
    assert stored.decode(stored.encode(health.reason), Reason) == health.reason


@given(SEEDS, st.sampled_from(["deployments", "replicasets", "pods", "events"]))
def test_no_object_breaks_the_watch(seed: int, kind: str) -> None:
    """It is kept and found, or it is left out; it leaves nothing behind when it is deleted."""
    by, held = Random(seed), Objects()
    obj = kept(kind, mutated(by, by.choice(OBJECTS)))
    held.put(kind, obj)
    held.snapshot("iris-classifier", "production", "iris-classifier-production")
    held.replace(kind, [])
    assert held.empty


# ── what is kept ─────────────────────────────────────────────────────────────────────────────────────


def pruned(snapshot: Snapshot) -> Snapshot:
    return Snapshot(
        workload=prune("deployments", snapshot.workload),
        replicasets=tuple(prune("replicasets", r) for r in snapshot.replicasets),
        pods=tuple(prune("pods", p) for p in snapshot.pods),
        events=tuple(prune("events", e) for e in snapshot.events),
    )


@pytest.mark.parametrize("snapshot", [ready(), trouble()], ids=["done", "in-trouble"])
def test_a_pruned_object_is_judged_like_the_whole_one(snapshot: Snapshot) -> None:
    assert judge(pruned(snapshot), now=NOON, stage="production") == judge(snapshot, now=NOON, stage="production")


@pytest.mark.parametrize("obj", RECORDED.values(), ids=RECORDED)
def test_what_is_kept_of_a_recorded_object_is_judged_as_the_whole(obj: Json) -> None:
    """Of every kind: what a rule reads, `bot/rules/kubernetes/pruning.py` keeps."""
    short = prune(f"{obj['kind'].lower()}s", obj)
    assert explain(short, now=NOON) == explain(obj, now=NOON)
    verdicts = [judge(Snapshot(workload=each), now=NOON, stage="production") for each in (short, obj)]
    assert verdicts[0] == verdicts[1]


@given(SEEDS)
def test_what_is_kept_of_an_odd_object_is_judged_as_the_whole(seed: int) -> None:
    """Unless the object is left out altogether, or its malformed field is."""
    by = Random(seed)
    odd = replace(TROUBLE, pods=tuple(mutated(by, pod) for pod in TROUBLE.pods))
    if all(kept("pods", p) for p in odd.pods):
        short, whole = judge(pruned(odd), now=NOON, stage="production"), judge(odd, now=NOON, stage="production")
        assert short.status is whole.status or whole.status is HealthStatus.UNKNOWN


def test_a_changed_template_still_differs_when_it_is_pruned() -> None:
    """A change of a field that is not kept (a volume, another variable) makes a new revision as well."""
    before, after = deployment(), deployment()
    after["spec"]["template"]["spec"]["volumes"] = [{"name": "cache", "emptyDir": {}}]
    templates = [prune("deployments", d)["spec"]["template"] for d in (before, after)]
    assert templates[0] != templates[1]
    assert templates[0] == prune("replicasets", replicaset())["spec"]["template"]


def test_no_value_of_the_environment_is_kept_but_the_models() -> None:
    one = pod("aaa")
    one["spec"]["containers"][0]["env"] += [{"name": "DB", "value": "hunter2"}, {"name": "MODEL_X", "valueFrom": {}}]
    one["metadata"]["annotations"] = {"note": "hunter2"}
    one["metadata"]["managedFields"] = [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}]
    text = json.dumps(prune("pods", one))
    assert "hunter2" not in text
    assert "managedFields" not in text
    assert '"MODEL_VERSION", "value": "3"' in text
