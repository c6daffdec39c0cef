"""The tour: the whole story, unattended, and each step believed only when it was *seen in the world*.

Seen means: read from the git repository, from MLflow's REST interface, from the Kubernetes API, from what a pod
answers or from what stands in the channel.  The bot's own record is never asked.  `--sabotage STEP` breaks one step of
the world, which must make the tour fail: a tour that cannot fail shows nothing.
"""

import sys
from time import monotonic
from typing import TextIO

from bot.domain.errors import Permanent, Temporary
from callboard_demo.tour.eyes import Eyes, Unseen
from callboard_demo.tour.steps import STEPS, Step, Story
from callboard_demo.tour.transcript import transcript
from callboard_demo.world import World


async def run(world: World, *, sabotage: str | None = None, out: TextIO = sys.stdout) -> int:
    """Take the tour; return 0 if every step was seen, 1 if one was not, 2 if there is no step to sabotage."""
    if sabotage is not None and sabotage not in {step.name for step in STEPS}:
        out.write(f"There is no step {sabotage}.  The steps are: {', '.join(step.name for step in STEPS)}.\n")
        return 2
    async with Eyes.open(world) as eyes:
        story = Story(world=world, eyes=eyes, short=sabotage is not None)
        failed = await _steps(story, sabotage, out)
        out.write(transcript(world))
        if story.pull is not None:
            out.write(f"\nThe diff of pull request #{story.pull}:\n\n{world.forge.diff(story.pull)}\n")
    out.write(f"\n{'The tour FAILED at: ' + failed if failed else 'Every step was seen in the world.'}\n")
    return 1 if failed else 0


async def _steps(story: Story, sabotage: str | None, out: TextIO) -> str | None:
    """Take the steps in order; return the name of the one that was not seen."""
    for step in STEPS:
        started = monotonic()
        story.out = out
        out.write(f"● {step.name}: {step.title}\n")
        out.flush()
        try:
            await _take(step, story, sabotaged=step.name == sabotage)
        except (Unseen, Temporary, Permanent) as error:
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
