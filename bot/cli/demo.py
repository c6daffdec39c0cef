"""`callboard demo`: run the demo environment, including the bot."""

import sys
from pathlib import Path
from typing import Final

import click

from bot.domain.errors import UserError

CHECKOUT: Final = Path(__file__).parents[2].joinpath("Makefile").exists()
"""Whether this is a source checkout, where `make demo` installs the demo's dependencies."""


@click.command(short_help="Run a complete demo environment on this machine.")
@click.option(
    "--port",
    type=click.IntRange(1, 65528),
    default=8400,
    show_default=True,
    help="Port of the page; the next 7 are used too.",
)
@click.option("--fresh", is_flag=True, help="Delete the state of earlier demos in .callboard.")
@click.option("--tour", is_flag=True, help="Run the tour unattended; exit 0 only if every step was observed.")
@click.option("--sabotage", metavar="STEP", help="Break one step of the tour, which must then fail.")
def demo(port: int, fresh: bool, tour: bool, sabotage: str | None) -> None:
    """Run a complete demo environment on this machine: chat, forge, cluster, registry and the bot.

    Open the page at the printed address, and type `/promote iris-classifier production` as alice.  Everything listens
    on loopback; the state is in .callboard.

    \b
    callboard demo
    callboard demo --fresh --port 9000
    callboard demo --tour
    """
    if sabotage and not tour:
        raise click.UsageError("--sabotage works only with --tour")
    try:
        from callboard_demo.main import main as run_demo
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("bot", "callboard_demo")):
            raise
        todo = "Run `make demo`" if CHECKOUT else "Install it with: pip install 'callboard[demo]'"
        raise UserError(f"the demo needs {error.name}, which is not installed.  {todo}") from error

    sys.exit(run_demo(port=port, fresh=fresh, tour=tour, sabotage=sabotage))
