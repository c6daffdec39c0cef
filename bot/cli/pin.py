"""`callboard pin`: pin a version in a manifest."""

from pathlib import Path

import click

from bot.domain.errors import UserError


@click.command(short_help="Pin a version in a manifest and show the diff.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--stage", required=True, help="The MODEL_STAGE to write.")
@click.option("--version", required=True, type=click.IntRange(min=1), help="The MODEL_VERSION to write.")
@click.option("--digest", help="The MODEL_DIGEST to write; the manifest must already have one: sha256:…")
@click.option("--model", help="Only touch documents with this MODEL_NAME.")
@click.option("--write", is_flag=True, help="Write the file. By default, only the diff is shown.")
def pin(files: tuple[Path, ...], stage: str, version: int, digest: str | None, model: str | None, write: bool) -> None:
    """Pin a version in a manifest, as a promotion would, and show the diff.

    Exactly one of the FILES must contain MODEL_STAGE.  Only the pinned values change.  Ambiguous manifests are refused
    with file and line, and so is --digest for a manifest without MODEL_DIGEST (exit code 1; nothing is written).

    \b
    callboard pin manifests/iris-classifier/production/*.yaml --stage production --version 3
    callboard pin deployment.yaml --stage production --version 3 --write
    """
    from bot.cli import checkout
    from bot.domain.target import Pin
    from bot.rules import pins
    from bot.rules.parsing.images import DIGEST

    if digest and not DIGEST.fullmatch(digest):
        raise UserError(
            f"`{digest}` is not a digest: expected sha256: and 64 lower-case hexadecimal digits, as the model server "
            "reports it at /model"
        )
    texts = {str(file): checkout.text(file) for file in files}
    change = pins.edit(texts, Pin(stage=stage, version=version, digest=digest), model)
    path, carrier = pins.carrier(texts, model)
    if digest and carrier.pin.digest is None:
        raise UserError(
            f"{path}:{carrier.line}: this manifest has no MODEL_DIGEST, so --digest cannot be written; add "
            "MODEL_DIGEST to the env beside MODEL_STAGE, or omit --digest"
        )
    lines = list(checkout.diff(change))
    for line in lines:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))
    if not lines:
        click.echo(f"{next(iter(change.after))} already pins {stage} v{version}", err=True)
    elif write:
        checkout.write(change)
