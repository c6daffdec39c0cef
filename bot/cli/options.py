"""Options that several commands share."""

from pathlib import Path

import click

CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="CALLBOARD_CONFIG",
    default="app.yaml",
    show_default=True,
    help="Path of app.yaml (or CALLBOARD_CONFIG).",
)
ROOT = click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=".",
    show_default=True,
    help="A checkout of the manifests' repository.",
)
