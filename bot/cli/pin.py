"""`callboard pin`: pin a version in a manifest."""

from pathlib import Path

import click

from bot.domain.errors import Misunderstood


@click.command(short_help="Pin a version in a manifest and show the diff.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--stage", required=True, help="The MODEL_STAGE to write.")
@click.option("--version", required=True, type=click.IntRange(min=1), help="The MODEL_VERSION to write.")
@click.option("--digest", help="The MODEL_DIGEST to write, where the manifest pins one: sha256:…")
@click.option("--model", help="Pass over documents whose MODEL_NAME is another.")
@click.option("--write", is_flag=True, help="Write the file; without it, only show the change.")
def pin(files: tuple[Path, ...], stage: str, version: int, digest: str | None, model: str | None, write: bool) -> None:
    """Pin a version in a manifest, as a promotion would, and show the diff.

    Of several FILES, one must carry MODEL_STAGE.  Only the pinned values change; what cannot be edited without doubt is
    refused, with file and line.

    \b
    callboard pin manifests/iris-classifier/production/*.yaml --stage production --version 3
    callboard pin deployment.yaml --stage production --version 3 --write
    """
    from bot.cli import checkout
    from bot.domain.target import Pin
    from bot.rules import pins
    from bot.rules.parsing.images import DIGEST

    if digest and not DIGEST.fullmatch(digest):
        raise Misunderstood(
            f"`{digest}` is not a digest: expected sha256: and 64 hexadecimal digits in small letters, as the model "
            "server shows it at /model"
        )
    wanted = Pin(stage=stage, version=version, digest=digest)
    change = pins.edit({str(file): checkout.text(file) for file in files}, wanted, model)
    lines = list(checkout.diff(change))
    for line in lines:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))
    if not lines:
        click.echo(f"{next(iter(change.after))} pins {stage} v{version} already", err=True)
    elif write:
        checkout.write(change)
