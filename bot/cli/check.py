"""`callboard check`: check app.yaml and the manifests that it names, offline."""

import sys
from pathlib import Path

import click

from bot.cli.options import CONFIG, ROOT
from bot.domain.errors import Misunderstood


@click.command(short_help="Check app.yaml and its manifests, offline.")
@CONFIG
@ROOT
def check(config: Path, root: Path) -> None:
    """Check app.yaml, and the manifests that it names; asks no system.

    Prints a line for each model and stage: where its pin stands and what it says, or what is wrong.  Exits 1 if
    anything is, or if no manifest is found.

    \b
    callboard check
    callboard check --config app.yaml --root ../models-gitops
    """
    from bot.cli import checkout
    from bot.config.app_yaml import load

    app = load(config)
    found = checkout.check(app, root)
    if not found:
        raise Misunderstood(
            f"nothing found below {checkout.sought(app)} in {root.absolute()}: no model of {config} has a manifest "
            "there; name a checkout of the manifests' repository in --root, or correct `manifests`"
        )
    for one in found:
        click.echo(f"{one.pair.model}  {one.pair.stage}  " + click.style(one.says, fg="red" if one.wrong else None))
    wrong = sum(one.wrong for one in found)
    click.echo(f"{len(found)} pairs, {wrong or 'no'} mistake{'' if wrong == 1 else 's'}", err=True)
    sys.exit(1 if wrong else 0)
