"""`callboard check`: check app.yaml and its manifests, offline."""

import sys
from pathlib import Path

import click

from bot.cli.options import CONFIG, ROOT
from bot.domain.errors import UserError


@click.command(short_help="Check app.yaml and its manifests, offline.")
@CONFIG
@ROOT
@click.option(
    "--kubeconfig", envvar="KUBECONFIG", show_envvar=True, help="Where to look for the contexts of `cluster`."
)
def check(config: Path, root: Path, kubeconfig: str | None) -> None:
    """Check app.yaml and its manifests.  Works offline.

    Prints for each model and stage the place of its pin and the pinned version, the namespace, the workload, the
    cluster unless it is the bot's own, and how Callboard sees a change take effect; or what is wrong.  What is wrong is
    refused by /promote, too.  Exits 1 if anything is wrong, or if no manifest is found.

    \b
    callboard check
    callboard check --config app.yaml --root ../models-gitops
    """
    from bot.cli import targets
    from bot.config.app_yaml import load

    app = load(config)
    found = targets.check(app, root, kubeconfig)
    if not found:
        raise UserError(
            f"no manifests found in {root.absolute()} at {targets.templates(app)}, for any model of {config}; set "
            "--root to a checkout of the manifests' repository, or correct `manifests`"
        )
    for one in found:
        click.echo(f"{one.target.model}  {one.target.stage}  " + click.style(one.text, fg="red" if one.wrong else None))
        for line in one.details:
            click.echo(f"  {line}")
    wrong = sum(one.wrong for one in found)
    pairs = f"{len(found)} model/stage pair{'' if len(found) == 1 else 's'} checked"
    click.echo(f"{pairs}, {wrong or 'no'} problem{'' if wrong == 1 else 's'}", err=True)
    sys.exit(1 if wrong else 0)
