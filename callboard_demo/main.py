"""`callboard demo`: run the demo until it is stopped, or run the tour."""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Final

from callboard_demo.home import Home
from callboard_demo.ports import claim
from callboard_demo.tour import run
from callboard_demo.world import World

FOLDER: Final = Path(".callboard")


def main(*, port: int = 8400, fresh: bool = False, tour: bool = False, sabotage: str | None = None) -> int:
    """Run the demo until SIGTERM or Ctrl-C, or run the tour; return the exit code.

    Raises:
        UserError: the folder .callboard is not the demo's or is in use, a port is taken, or a part did not start.
    """
    os.umask(0o077)  # its folder holds tokens and the bot's database
    return asyncio.run(_until_stopped(port=port, fresh=fresh, tour=tour, sabotage=sabotage))


async def _until_stopped(*, port: int, fresh: bool, tour: bool, sabotage: str | None) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    living = asyncio.create_task(_live(port=port, fresh=fresh, tour=tour, sabotage=sabotage))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({living, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not living.done():
        sys.stdout.write("\nStopping …\n")
        living.cancel()
    stopping.cancel()
    done = (await asyncio.gather(living, stopping, return_exceptions=True))[0]
    if isinstance(done, asyncio.CancelledError):
        return 130 if tour else 0  # an interrupted tour has not passed
    if isinstance(done, BaseException):
        raise done
    return done


async def _live(*, port: int, fresh: bool, tour: bool, sabotage: str | None) -> int:
    ports = claim(port)
    home = Home.open(FOLDER, fresh=fresh)
    try:
        _log_to(home.folder / "demo.log")
        sys.stdout.write(f"Callboard demo; its state is in {FOLDER}\n")
        async with World(home, ports) as world:
            if tour:
                return await run(world, sabotage=sabotage)
            sys.stdout.write(
                f"\nOpen {world.page_url} and type /promote iris-classifier production as alice.\n"
                f"For scripts (see docs/demo.md in the repository): X-Callboard-Token: {home.token}\n"
                "Press Ctrl-C to stop.\n"
            )
            sys.stdout.flush()
            await asyncio.Event().wait()
            return 0
    finally:
        ports.close()
        home.close()


def _log_to(path: Path) -> None:
    """Send the logs of the simulated systems to a file rather than to the terminal."""
    logging.basicConfig(filename=path, level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
