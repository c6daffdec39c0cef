"""The tour sees every step before the one that was sabotaged, and fails at that one.

Everything is real but Callboard's model servers, which are small servers inside the test: what a pod imports for six
seconds is not what the tour is about.
"""

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from callboard_demo import tour
from callboard_demo.cluster.runtime import Order, ProcessRuntime, Running
from callboard_demo.cluster.scripted import Behaviour, ScriptedRuntime
from callboard_demo.home import Home
from callboard_demo.ports import NAMES, claim
from callboard_demo.registry.registry import Registry
from callboard_demo.tour.steps import STEPS
from callboard_demo.world import World, registry_at
from tests.chaos.extent import FULL
from tests.paths import ROOT
from tests.ports import free_ports

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Pods:
    """Pods that die of what their version was trained to die of; those of the team's own server are real."""

    def __init__(self, registry: Callable[[], Registry]) -> None:
        self._scripted = ScriptedRuntime()
        self._registry = registry

    def refuses(self, image: str, *, has_command: bool) -> str | None:
        """Return why an image cannot be pulled."""
        return self._scripted.refuses(image, has_command=has_command)

    async def start(self, order: Order) -> Running:
        """Start a server, or one that dies at once with the word of its broken version."""
        if "inference-server" in order.image:
            return await ProcessRuntime(hosts=registry_at(self._registry().url)).start(order)
        model, version = order.env["MODEL_NAME"], order.env["MODEL_VERSION"]
        states = (await self._registry().state())["models"]
        quality = {m["name"]: {str(v["version"]): v.get("quality") for v in m["versions"]} for m in states}
        if quality.get(model, {}).get(version) == "broken":
            word = await self._registry().word(model, int(version))
            output = f"RuntimeError: weights are corrupt: {word}"
            dies = Behaviour(ready_after=None, crash_after=timedelta(seconds=0.3), output=output)
            self._scripted.behaviours[version] = dies
        return await self._scripted.start(order)


async def take(folder: Path, *, sabotage: str | None) -> tuple[int, str]:
    """Take the tour in a world of its own; return its code and what it printed."""
    out = io.StringIO()
    worlds: list[World] = []
    runtime = Pods(lambda: worlds[0].registry)
    worlds.append(World(Home.open(folder, fresh=True), claim(free_ports(len(NAMES))[0]), out=out, runtime=runtime))
    async with worlds[0] as world:
        code = await tour.run(world, sabotage=sabotage, out=out)
    return code, out.getvalue()


@pytest.mark.parametrize("step", [step.name for step in STEPS] if FULL else ["promoted", STEPS[-1].name])
async def test_a_step_that_is_sabotaged_makes_the_tour_fail_there(tmp_path: Path, step: str) -> None:
    code, printed = await take(tmp_path / "world", sabotage=step)
    assert code == 1, printed
    assert f"The tour FAILED at: {step}" in printed
    assert printed.count("  ✓ ") == [each.name for each in STEPS].index(step)


def test_the_documentation_lists_every_step() -> None:
    listed = [f"| `{step.name}` | {step.title} |" for step in STEPS]
    assert [line for line in (ROOT / "docs/demo.md").read_text().splitlines() if line in listed] == listed
