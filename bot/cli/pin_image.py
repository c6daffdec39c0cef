"""`callboard pin-image`: check an image in its registry, and pin its digest."""

import sys
from pathlib import Path

import click

from bot.cli.options import CONFIG, ROOT


@click.command("pin-image", short_help="Check an image in its registry, and pin its digest for a stage.")
@click.argument("image")
@click.option("--model", required=True, help="The model whose manifest is to name it.")
@click.option("--stage", required=True, help="The stage.")
@CONFIG
@ROOT
@click.option("--platform", default="linux/amd64", show_default=True, help="What the cluster's nodes are.")
@click.option("--revision", help="The commit that the image must say it was built from.")
@click.option("--write", is_flag=True, help="Write the file; without it, only show the change.")
def pin_image(  # noqa: PLR0913, PLR0917 - one for each option
    image: str, model: str, stage: str, config: Path, root: Path, platform: str, revision: str | None, write: bool
) -> None:
    """Check that IMAGE (registry/name:tag) is in its registry and can run, and pin its digest for a model's stage.

    It must be there with all its layers, for the platform, not run as root, expose the container's ports, and have a
    health check.  Then its digest is written into the manifests of that model and stage, in this checkout: nothing is
    applied to any cluster.  Logins are those of docker, podman and buildah.  Exits 3 if the image is not there.

    \b
    callboard pin-image ghcr.io/acme/model-server:0.1.0 --model iris-classifier --stage staging
    callboard pin-image ghcr.io/acme/model-server:0.1.0 --model iris-classifier --stage staging --write
    """
    import asyncio

    from bot.cli import checkout, images
    from bot.clients.oci.client import Absent
    from bot.clients.oci.login import Login
    from bot.config.app_yaml import load
    from bot.domain.target import Pair
    from bot.rules.parsing.images import platform as system
    from bot.rules.parsing.images import reference

    pair = Pair(model=model, stage=stage)
    wanted = images.Wanted(pair=pair, image=reference(image), platform=system(platform), revision=revision)
    try:
        found, change = asyncio.run(images.pin(load(config), root, wanted, Login.here()))
    except Absent as error:
        click.echo(error, err=True)
        sys.exit(3)
    click.echo(images.told(found, wanted), err=True)
    lines = list(checkout.diff(change))
    for line in lines:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))
    if not lines:
        click.echo(f"{next(iter(change.after))} pins it already; in Slack:\n  /promote {model} {stage}", err=True)
    elif write:
        checkout.write(change, root)
        click.echo(images.steps(change, wanted, root), err=True)
