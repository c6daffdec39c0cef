"""`callboard pin-image`: check an image in its registry, and pin its digest."""

import sys
from pathlib import Path

import click

from bot.cli.options import CONFIG, ROOT


@click.command("pin-image", short_help="Check an image in its registry, and pin its digest for a stage.")
@click.argument("image")
@click.option("--model", required=True, help="The model whose manifest to edit.")
@click.option("--stage", required=True, help="The stage whose manifest to edit.")
@CONFIG
@ROOT
@click.option("--platform", default="linux/amd64", show_default=True, help="Platform of the cluster's nodes.")
@click.option("--revision", help="The commit that the image's labels must name as its source.")
@click.option("--write", is_flag=True, help="Write the file. By default, only the diff is shown.")
def pin_image(  # noqa: PLR0913, PLR0917 - one for each option
    image: str, model: str, stage: str, config: Path, root: Path, platform: str, revision: str | None, write: bool
) -> None:
    """Check that IMAGE (registry/name:tag) exists in its registry and can run, and pin its digest for a model's stage.

    The image must have all its layers, support the platform, not run as root, expose the container's ports, and have a
    health check.  Then its digest is written to the manifests of that model and stage in this checkout; nothing is
    applied to a cluster.  Logins of docker, podman and buildah are used.  Exits 3 if the image does not exist.

    \b
    callboard pin-image ghcr.io/acme/model-server:0.1.0 --model iris-classifier --stage staging
    callboard pin-image ghcr.io/acme/model-server:0.1.0 --model iris-classifier --stage staging --write
    """
    import asyncio

    from bot.cli import checkout, images
    from bot.clients.oci.client import Absent
    from bot.clients.oci.login import Login
    from bot.config.app_yaml import load
    from bot.domain.target import Target
    from bot.rules.parsing.images import platform as system
    from bot.rules.parsing.images import reference
    from bot.rules.wording.reasons import plain

    target = Target(model=model, stage=stage)
    wanted = images.Wanted(target=target, image=reference(image), platform=system(platform), revision=revision)
    try:
        found, change = asyncio.run(images.pin(load(config), root, wanted, Login.here()))
    except Absent as error:
        click.echo(plain(error.reason), err=True)
        sys.exit(3)
    click.echo(images.summary(found, wanted), err=True)
    lines = list(checkout.diff(change))
    for line in lines:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))
    if not lines:
        click.echo(f"{next(iter(change.after))} already pins it; in Slack:\n  /promote {model} {stage}", err=True)
    elif write:
        checkout.write(change, root)
        click.echo(images.steps(change, wanted, root), err=True)
