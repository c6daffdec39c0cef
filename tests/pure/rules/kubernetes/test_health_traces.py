"""Every line that Kubernetes' own Deployment controller wrote is judged as kubectl judged it."""

import re
from typing import Any

import pytest

from bot.domain.cluster import HealthStatus, Snapshot
from bot.domain.json import Json
from bot.rules.kubernetes.health import judge
from bot.rules.kubernetes.kinds import status_of
from tests.fixtures.workload import NEW, NOON, OLD, deployment, pod, progress, replicaset
from tests.recorded import DATA

TRACES = DATA / "rollout-traces.txt"
LINE = re.compile(
    r"\s*(?P<at>[\d.]+) gen=(?P<gen>\S+) obs=(?P<obs>\S+) v=(?P<v>\S+) u=(?P<u>\S+) avail=(?P<avail>\S+)"
    r" -> \('(?P<kubectl>[^']+)', (?:\('(?P<reason>\w+)', \S+\)|None)\)"
)


def lines() -> list[Any]:
    found = [line for line in TRACES.read_text().splitlines() if LINE.match(line)]
    assert len(found) > 80, "the traces read otherwise than expected"
    return [pytest.param(line, id=f"{LINE.match(line)['at']}") for line in found]  # type: ignore[index]  # every line matches


def verdict(kubectl: str) -> HealthStatus:
    return {"DONE": HealthStatus.HEALTHY, "FAILED(PDE)": HealthStatus.DEGRADED}.get(kubectl, HealthStatus.PROGRESSING)


def number(field: str) -> int:
    return 0 if field == "None" else int(field)


def rebuilt(line: str, owner_of_deadline: str = NEW) -> Json:
    """Return the Deployment as it was at that line; how many old pods there were is in kubectl's own words."""
    read = LINE.match(line)
    assert read is not None
    old = int(read["kubectl"].removeprefix("old pending ")) if read["kubectl"].startswith("old") else 0
    updated, reason = number(read["u"]), read["reason"] or "ProgressDeadlineExceeded"  # the worst that may still stand
    obj = deployment(
        observedGeneration=number(read["obs"]),
        updatedReplicas=updated,
        availableReplicas=number(read["avail"]),
        replicas=updated + old,
        conditions=[progress(reason, f'ReplicaSet "iris-classifier-production-{owner_of_deadline}"')],
    )
    obj["metadata"]["generation"] = int(read["gen"])
    return obj


@pytest.mark.parametrize("line", lines())
def test_a_deployment_is_judged_as_kubectl_judged_it(line: str) -> None:
    read = LINE.match(line)
    assert read is not None
    assert status_of(rebuilt(line)) is verdict(read["kubectl"])


@pytest.mark.parametrize("line", lines())
def test_a_rollout_is_judged_as_kubectl_judged_it(line: str) -> None:
    read = LINE.match(line)
    assert read is not None
    pods = tuple(pod(f"p{i}") for i in range(number(read["avail"])))
    snapshot = Snapshot(workload=rebuilt(line), replicasets=(replicaset(),), pods=pods)
    assert judge(snapshot, now=NOON, stage="production").status is verdict(read["kubectl"])


@pytest.mark.parametrize("line", lines())
def test_a_deadline_of_another_replicaset_never_fails_a_rollout(line: str) -> None:
    snapshot = Snapshot(workload=rebuilt(line, OLD), replicasets=(replicaset(OLD, "1", 2), replicaset()))
    assert judge(snapshot, now=NOON, stage="production").status is not HealthStatus.DEGRADED
