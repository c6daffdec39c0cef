"""`callboard demo`: run the simulated world, with the bot in it."""

import sys
from pathlib import Path
from typing import Final

import click

from bot.domain.errors import Misunderstood

CHECKOUT: Final = Path(__file__).parents[2].joinpath("Makefile").exists()
"""Whether this is the source tree, where `make demo` installs what the demo needs."""


@click.command(short_help="Run the whole world on this machine, to see it work.")
@click.option(
    "--port", type=click.IntRange(1, 65528), default=8400, show_default=True, help="The page; the next 7 too."
)
@click.option("--fresh", is_flag=True, help="Forget what earlier demos left in .callboard.")
@click.option("--tour", is_flag=True, help="Take the tour unattended: exit 0 only if every step was seen in the world.")
@click.option("--sabotage", metavar="STEP", help="Break one step of the tour, which then must fail.")
def demo(port: int, fresh: bool, tour: bool, sabotage: str | None) -> None:
    """Run the whole world on this machine: chat, forge, cluster, registry, and the bot among them.

    Open the page that it names, and type `/promote iris-classifier production` as alice.  Everything listens on
    loopback; state stays in .callboard.

    \b
    callboard demo
    callboard demo --fresh --port 9000
    callboard demo --tour
    """
    if sabotage and not tour:
        raise click.UsageError("--sabotage breaks a step of the tour: add --tour")
    try:
        from callboard_demo.main import main as live
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("bot", "callboard_demo")):
            raise
        todo = "Run `make demo`" if CHECKOUT else "Install it with: pip install 'callboard[demo]'"
        raise Misunderstood(f"the demo needs {error.name}, which is not installed.  {todo}") from error

    sys.exit(live(port=port, fresh=fresh, tour=tour, sabotage=sabotage))
