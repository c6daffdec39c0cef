"""The rollouts that a real Deployment controller was recorded at, replayed: what a watcher sees is the same.

The recording (tests/data/rollout-traces.txt) holds one line for each change of a Deployment of 3 replicas:
kubectl's verdict and the reason of its Progressing condition, through eight rollouts.  The same eight are done here, on
the demo's cluster and on a real one whose pods the demo's kubelet runs, and for each the course is compared: the
verdicts and reasons in their order, equal neighbours taken as one.  Counts within a verdict ("updating 1/3") are left
out, for they depend on who is faster, and so is whether ReplicaSetUpdated is seen after NewReplicaSetCreated while
pods are still being replaced.  After a crash, verdicts go in circles: one circle stands for all.  Also compared: the
version and the verdict that each rollout ends with, and the ReplicaSets at the end, with their revisions and sizes.
Deadlines and delays are shorter than the recorded ones.

The controllers of a real control plane race each other: when the ReplicaSet's has counted its pods before the
Deployment's looks for the first time, "updating 0/3" is never written.  There a step may be missed that passed in the
recording within 200 ms; every other must be seen, and none besides.  The demo's cluster must show each.
"""

import asyncio
import math
import re
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import pytest

from bot.domain.json import Json
from callboard_demo.cluster.plans import find
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from tests.contract.control_plane import ControlPlane
from tests.recorded import DATA

RECORDING = DATA / "rollout-traces.txt"
LINE = re.compile(r"\s+([\d.]+) gen=\d+ obs=\w+ v=(\w+) .* -> \('(.*?)', (?:None|\('(\w+)', .*\))\)")
SET = re.compile(r"model-\w+ \w+ (\d+) (\d+) (\w+)")
BLOCKS = ("initial", "good", "badimage", "rollback", "notready", "fix", "crash", "back")
DEADLINE = 4  # seconds; the recording's was 8
PASSING = 0.2  # seconds: what lasted no longer may be over before a real controller writes it down
CREATED, UPDATED = "NewReplicaSetCreated", "ReplicaSetUpdated"
Step = tuple[str, str]
"""The kind of kubectl's verdict, and the reason of the Progressing condition."""


def verdict(deployment: Json) -> str:
    """Return what `kubectl rollout status` says of a Deployment, in the recording's words.

    Source: https://github.com/kubernetes/kubectl/blob/v0.20.2/pkg/polymorphichelpers/rollout_status.go
    """
    spec, status = deployment["spec"], deployment.get("status") or {}
    if deployment["metadata"]["generation"] > status.get("observedGeneration", 0):
        return "not-observed"
    if reason(deployment) == "ProgressDeadlineExceeded":
        return "FAILED(PDE)"
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    if updated < spec["replicas"]:
        return f"updating {updated}/{spec['replicas']}"
    if status.get("replicas", 0) > updated:
        return f"old pending {status['replicas'] - updated}"
    return f"available {available}/{updated}" if available < updated else "DONE"


def reason(deployment: Json) -> str:
    progressing = find((deployment.get("status") or {}).get("conditions") or [], "Progressing")
    return progressing["reason"] if progressing else ""


def step(said: str, why: str) -> Step:
    """Return a verdict without its counts, and its reason, which counts for nothing before the change is observed."""
    kind = re.sub(r" [\d/]+$", "", said)
    return kind, "" if kind == "not-observed" else why


def course(steps: list[Step]) -> list[Step]:
    """Return steps with all that depends on who is faster taken out, as the module says."""
    found: list[Step] = []
    for each in steps:
        created = bool(found) and found[-1] == ("updating", CREATED)
        if (found and each == found[-1]) or (created and each == ("updating", UPDATED)):
            continue
        if len(found) >= 3 and found[-3] == found[-1] and found[-2] == each:
            continue  # round the circle once more
        found.append(each)
    return found


def blur(each: Step) -> Step:
    """Return a step with NewReplicaSetCreated and ReplicaSetUpdated taken as one while pods are being replaced."""
    return ("updating", CREATED) if each == ("updating", UPDATED) else each


def passing(timed: list[tuple[float, Step]]) -> set[Step]:
    """Return the blurred steps that together lasted for less than PASSING; the last one lasts for ever."""
    lasted: dict[Step, float] = {}
    for (at, each), (until, _) in pairwise([*timed, (math.inf, timed[-1][1])]):
        lasted[blur(each)] = lasted.get(blur(each), 0) + until - at
    return {each for each, seconds in lasted.items() if seconds < PASSING}


# ── the recording ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What was recorded: for each rollout its course and its version; at the end the ReplicaSets."""

    courses: list[list[Step]]
    passing: list[set[Step]]
    """Of each rollout the steps, blurred, that lasted for less than PASSING."""
    ends: list[tuple[str, str]]
    """The version that is asked for, and the kind of the last verdict."""
    sets: list[tuple[str, str, str]]
    """Revision, size and version of each."""


@pytest.fixture
def recording() -> Recording:
    """Return what was recorded."""
    text, _, end = RECORDING.read_text().partition("--- RS / pods / events\n")
    blocks = [LINE.findall(block) for block in text.split("\n--- ")]
    assert [len(block) > 0 for block in blocks] == [True] * len(BLOCKS)
    return Recording(
        courses=[course([step(said, why) for _, _, said, why in block]) for block in blocks],
        passing=[passing([(float(at), step(said, why)) for at, _, said, why in block]) for block in blocks],
        ends=[(block[-1][1], step(block[-1][2], "")[0]) for block in blocks],
        sets=sorted(SET.findall(end)),
    )


# ── the replay ───────────────────────────────────────────────────────────────────────────────────────

BEHAVIOURS = {
    **{version: Behaviour(slow=timedelta(seconds=0.3)) for version in "123"},  # ready so long after their start
    "notready": Behaviour(ready_after=None),
    "crash": Behaviour(crash_after=timedelta(seconds=3)),  # long enough for all to be up at once on a busy machine
}


@pytest.fixture
def runtime() -> ScriptedRuntime:
    return ScriptedRuntime(BEHAVIOURS)


def deployment(version: str) -> Json:
    """Return the Deployment at a version: `badimage` is no image, `crash` has no readiness probe."""
    probe = {"httpGet": {"path": "/readyz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    container = {
        "name": "model",
        "image": f"registry.example/model-server:{version if version == 'badimage' else 'v1'}",
        "env": [{"name": "MODEL_VERSION", "value": version}],
        "ports": [{"containerPort": 8080}],
        **({} if version == "crash" else {"readinessProbe": probe}),
    }
    return {
        "metadata": {"name": "model"},
        "spec": {
            "replicas": 3,
            "progressDeadlineSeconds": DEADLINE,
            "selector": {"matchLabels": {"app": "model"}},
            "template": {
                "metadata": {"labels": {"app": "model"}},
                "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
            },
        },
    }


def version_of(value: Json) -> str:
    return str(value["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"])


class Watcher:
    """Follows the Deployment, and writes down every step of every version."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._changes: asyncio.Queue[Json] = asyncio.Queue()
        self.said: list[str] = []

    async def follow(self, revision: str) -> None:
        async for event in self._plane.rest.watch(self._plane.path("deployments"), revision):
            assert event["type"] in {"ADDED", "MODIFIED"}, event
            self._changes.put_nowait(event["object"])

    async def steps(self, version: str, *ends: str) -> list[Step]:
        """Return the steps of a version until verdicts of these kinds have been given, one after the other."""
        found: list[Step] = []
        wanted = list(ends)
        async with asyncio.timeout(30):
            while wanted:
                value = await self._changes.get()
                said = verdict(value)
                self.said.append(f"v={version_of(value)} {said} {reason(value)}")
                if version_of(value) != version:
                    continue
                found.append(step(said, reason(value)))
                if found[-1][0] == wanted[0]:
                    wanted.pop(0)
        return found


ROLLOUTS = (
    ("1", ["DONE"]),
    ("2", ["DONE"]),
    ("badimage", ["FAILED(PDE)"]),
    ("2", ["DONE"]),
    ("notready", ["FAILED(PDE)"]),
    ("3", ["DONE"]),
    ("crash", ["DONE", "available", "DONE", "available"]),
    ("3", ["DONE"]),
)


async def test_a_rollout_takes_the_course_that_kubernetes_was_recorded_at(
    control_plane: ControlPlane, recording: Recording
) -> None:
    watcher, plane = Watcher(control_plane), control_plane
    revision = (await plane.rest.get(plane.path("deployments")))["metadata"]["resourceVersion"]
    following = asyncio.create_task(watcher.follow(revision))
    try:
        for number, (version, ends) in enumerate(ROLLOUTS):
            if number == 0:
                await plane.rest.post(plane.path("deployments"), deployment(version))
            else:
                await plane.rest.patch(plane.path("deployments", "model"), deployment(version))
            steps = await watcher.steps(version, *ends)
            seen, expected = course(steps), recording.courses[number]
            if control_plane.cluster is None:  # the real one, whose controllers race each other
                seen, blurred = course([blur(each) for each in steps]), course([blur(each) for each in expected])
                expected = [each for each in blurred if each in seen or each not in recording.passing[number]]
            assert seen == expected, (BLOCKS[number], watcher.said)
            assert (version, steps[-1][0]) == recording.ends[number], BLOCKS[number]
    finally:
        following.cancel()
        await asyncio.wait([following])
    sets = [
        (
            each["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
            str(each["spec"]["replicas"]),
            version_of(each),
        )
        for each in await plane.items("replicasets")
    ]
    assert sorted(sets) == recording.sets
