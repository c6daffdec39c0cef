"""Every block of the recorded rollout traces is played again and told the same story.

Compared, block by block: the sequence of (kubectl's verdict, reason of the Progressing condition), collapsed as
`verdicts.collapsed` says; the last line exactly; whether availability ever fell below three pods; and at the end the
revision and size of every ReplicaSet.  Not compared: times, how often a line came, and which of the two
reasons NewReplicaSetCreated and ReplicaSetUpdated stood at an instant.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from bot.demo.cluster.scripted import Behaviour, ScriptedRuntime
from tests.contract.kubernetes.manifests import deployment, version_of
from tests.contract.kubernetes.planes import Plane
from tests.contract.kubernetes.raw import Json
from tests.contract.kubernetes.verdicts import Seen, collapsed, recorded, seen

TRACES = Path(__file__).parents[4] / "shared" / "data" / "rollout-traces.txt"

STORY = {
    "initial": ("1", "DONE"),
    "good": ("2", "DONE"),
    "badimage -> PDE": ("badimage", "FAILED(PDE)"),
    "rollback to 2 right after PDE": ("2", "DONE"),
    "notready -> PDE": ("notready", "FAILED(PDE)"),
    "fix forward with 3": ("3", "DONE"),
    "crash (no readiness probe: ready 1s then dies)": ("crash", "DONE"),
    "back to 3": ("3", "DONE"),
}
"""By the headings of the recording: the MODEL_VERSION that is applied, and the verdict that ends the block."""

REVISIONS = {"1": (1, 0), "badimage": (3, 0), "2": (4, 0), "notready": (5, 0), "crash": (7, 0), "3": (8, 3)}
"""What the recording's list of ReplicaSets says at the end: version → (revision, replicas)."""

BEHAVIOURS = {
    "notready": Behaviour(ready_after=None),
    "crash": Behaviour(crash_after=timedelta(seconds=1.5)),
}


class Stage:
    """A Deployment that is watched while versions are applied to it."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self._path = f"{plane.deployments}/model"
        self._lines: list[Seen] = []
        self._news = asyncio.Event()

    async def watch(self, revision: str) -> None:
        """Note every state of the Deployment from a revision on, for ever."""
        while True:
            async for event in self._plane.raw.watch(
                self._plane.deployments, revision, fieldSelector="metadata.name=model"
            ):
                assert event["type"] in {"ADDED", "MODIFIED"}, event
                revision = event["object"]["metadata"]["resourceVersion"]
                self._lines.append(seen(event["object"]))
                self._news.set()

    async def play(self, version: str, ending: str, *, first: bool, crashes: bool) -> list[Seen]:
        """Apply a version; return the lines until kubectl says `ending`, and for crashes until it has come up again."""
        self._lines = []
        wanted = deployment(version, namespace=self._plane.namespace)
        if first:
            await self._plane.raw.post(self._plane.deployments, wanted)
        else:
            # As `kubectl replace`: what the old template had and the new one has not (a probe) goes.
            old = await self._plane.raw.get(self._path)
            await self._plane.raw.ask("PUT", self._path, body={**old, "spec": {**old["spec"], **wanted["spec"]}})
        downs_and_ups = 2 if crashes else 1
        async with asyncio.timeout(60):
            while [line.verdict for line in self._lines].count(ending) < downs_and_ups:
                self._news.clear()
                await self._news.wait()
        return list(self._lines)


Played = tuple[dict[str, list[Seen]], list[Json]]


@pytest.fixture
def runtime() -> ScriptedRuntime:
    """Pods that take half a second to get ready, never do, or die, by version."""
    return ScriptedRuntime(BEHAVIOURS, default=Behaviour(ready_after=timedelta(seconds=0.5)))


async def _play(plane: Plane) -> Played:
    stage = Stage(plane)
    before = (await plane.raw.get(plane.deployments))["metadata"]["resourceVersion"]
    watching = asyncio.create_task(stage.watch(before))
    try:
        lines = {}
        for block, (version, ending) in STORY.items():
            crashes = version == "crash"
            lines[block] = await stage.play(version, ending, first=block == "initial", crashes=crashes)
        return lines, (await plane.raw.get(plane.replicasets))["items"]
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching


@pytest.fixture(scope="module")
def recording() -> dict[str, list[Seen]]:
    """The recorded lines by block."""
    if not TRACES.exists():
        pytest.skip("no recorded rollout traces beside this checkout (../shared/data/rollout-traces.txt)")
    return recorded(TRACES)


def _falls(lines: list[Seen]) -> bool:
    return min(line.available for line in lines) < 3


def _revisions(sets: list[Json]) -> list[tuple[str, int, int]]:
    return sorted(
        (version_of(s), int(s["metadata"]["annotations"]["deployment.kubernetes.io/revision"]), s["spec"]["replicas"])
        for s in sets
    )


async def test_every_recorded_rollout_goes_the_recorded_way(plane: Plane, recording: dict[str, list[Seen]]) -> None:
    played, sets = await _play(plane)
    steady = [block for block in STORY if "crash" not in block]
    assert list(recording) == list(STORY)
    assert {b: collapsed(lines) for b, lines in played.items()} == {
        b: collapsed(lines) for b, lines in recording.items()
    }
    assert {b: played[b][-1] for b in steady} == {b: recording[b][-1] for b in steady}
    assert {b: _falls(lines) for b, lines in played.items()} == {b: _falls(lines) for b, lines in recording.items()}
    assert _revisions(sets) == sorted((version, *rest) for version, rest in REVISIONS.items())


@pytest.mark.parametrize("block", STORY)
def test_a_rollout_without_one_of_its_phases_is_another_story(block: str, recording: dict[str, list[Seen]]) -> None:
    whole = collapsed(recording[block])
    for missing in whole[:4]:
        lines = [line for line in recording[block] if collapsed([line]) != [missing]]
        assert collapsed(lines) != whole


def test_a_failure_for_another_reason_is_another_story(recording: dict[str, list[Seen]]) -> None:
    lines = recording["badimage -> PDE"]
    assert collapsed([*lines[:-1], lines[-1]._replace(reason="ReplicaSetUpdated")]) != collapsed(lines)
