"""The command line: `callboard`, which is `python -m bot`.

To add a command, write it in a file of its own and name it in COMMANDS.  A command imports what is heavy when it runs,
so that `--help` and `check` answer at once.
"""

import sys
from collections.abc import Sequence
from typing import Final

import click

from bot import __version__
from bot.cli.check import check
from bot.cli.demo import demo
from bot.cli.pin import pin
from bot.cli.pin_image import pin_image
from bot.cli.run import run
from bot.cli.slack_manifest import slack_manifest
from bot.domain.errors import Misunderstood, Permanent, Temporary

COMMANDS: Final = (
    run,
    demo,
    check,
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
    See it work, on this machine alone:   callboard demo
    Prepare it for a team:                edit app.yaml, then callboard check
                                          callboard slack-manifest --url https://…
    Run it:                               callboard run

    \b
    Exit codes: 0 done, 1 something is wrong (stderr says what), 2 no such command, option or value,
                3 pin-image: no such image, 130 demo --tour: interrupted
    """


for _command in COMMANDS:
    cli.add_command(_command)


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line.  A mistake that a person can mend is a line or two on stderr, never a traceback."""
    try:
        cli(args, prog_name="callboard")
    except (Misunderstood, Permanent, Temporary) as error:
        text = str(error)
        click.echo(text if "\n" in text else click.style("callboard: ", fg="red") + text, err=True)
        sys.exit(1)
