"""The command line: `callboard`, or `python -m bot`.

To add a command, write it in its own file and add it to COMMANDS.  A command imports heavy modules only when it runs,
so that `--help` and `check` are fast.
"""

import sys
from collections.abc import Sequence
from typing import Final

import click

from bot import __version__
from bot.cli.check import check
from bot.cli.demo import demo
from bot.cli.health import health
from bot.cli.pin import pin
from bot.cli.pin_image import pin_image
from bot.cli.run import run
from bot.cli.slack_manifest import slack_manifest
from bot.domain.errors import Explained, UserError
from bot.rules.wording.reasons import plain

COMMANDS: Final = (
    run,
    demo,
    check,
    health,
    pin,
    pin_image,
    slack_manifest,
)
SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(context_settings=SETTINGS)
@click.version_option(__version__, prog_name="callboard")
def cli() -> None:
    """Release machine-learning models from Slack, through Git.

    \b
    Try it on this machine:   callboard demo
    Set it up for a team:     edit app.yaml, then callboard check
                              callboard slack-manifest --url https://…
    Run it:                   callboard run
    Judge a cluster's state:  callboard health FILE…

    \b
    Exit codes: 0 success, 1 failure (stderr says why), 2 invalid command, option or value,
                3 pin-image: no such image, 130 demo --tour: interrupted
    """


for _command in COMMANDS:
    cli.add_command(_command)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line.  A user's mistake is reported in a line or two on stderr, never as a traceback."""
    try:
        cli(args, prog_name="callboard")
    except (Explained, UserError) as error:
        text = plain(error.reason) if isinstance(error, Explained) else str(error)
        click.echo(text if "\n" in text else click.style("callboard: ", fg="red") + text, err=True)
        sys.exit(1)
