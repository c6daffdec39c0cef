"""The tour: the whole story, unattended.  A step passes only if its effects were *observed in the systems*.

Observed means: read from the git repository, MLflow's REST API, the Kubernetes API, a pod's own response, or the
channel; never from the bot's database.  `--sabotage STEP` breaks one step, which must make the tour fail: a tour that
cannot fail proves nothing.
"""

import sys
from time import monotonic
from typing import TextIO

from callboard_demo.errors import PartFailed
from callboard_demo.tour.observer import NotObserved, Observer
from callboard_demo.tour.steps import STEPS, Step
from callboard_demo.tour.story import Story
from callboard_demo.tour.transcript import transcript
from callboard_demo.world import World


async def run(world: World, *, sabotage: str | None = None, out: TextIO = sys.stdout) -> int:
    """Run the tour; return 0 if every step was observed, 1 if one was not, 2 if the step to sabotage does not exist."""
    if sabotage is not None and sabotage not in {step.name for step in STEPS}:
        out.write(f"There is no step {sabotage}.  The steps are: {', '.join(step.name for step in STEPS)}.\n")
        return 2
    async with Observer.open(world) as observer:
        story = Story(world=world, observer=observer, short=sabotage is not None)
        failed = await _steps(story, sabotage, out)
        out.write(transcript(world))
        if story.pull is not None:
            out.write(f"\nThe diff of pull request #{story.pull}:\n\n{world.forge.diff(story.pull)}\n")
    out.write(f"\n{'The tour FAILED at: ' + failed if failed else 'Every step was observed.'}\n")
    return 1 if failed else 0


async def _steps(story: Story, sabotage: str | None, out: TextIO) -> str | None:
    """Run the steps in order; return the name of the first that failed."""
    for step in STEPS:
        started = monotonic()
        story.out = out
        out.write(f"● {step.name}: {step.title}\n")
        out.flush()
        try:
            await _take(step, story, sabotaged=step.name == sabotage)
        except (NotObserved, PartFailed) as error:
            out.write(f"  ✗ {error}\n")
            return step.name
        out.write(f"  ✓ {monotonic() - started:.0f} s\n")
        out.flush()
    return None


async def _take(step: Step, story: Story, *, sabotaged: bool) -> None:
    story.patience = 15.0 if sabotaged else 120.0
    if sabotaged:
        await step.sabotage(story)
    await step.run(story)
