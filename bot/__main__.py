"""The command line: `callboard`, which is `python -m bot`.

A table of contents: each command says what it is for and calls what does it.  Whatever is heavy is imported by the
command that needs it, so that `--help` and `check` answer at once.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from bot.errors import Misunderstood, Permanent, Temporary

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="CALLBOARD_CONFIG",
    default="app.yaml",
    show_default=True,
    help="What is released where (or CALLBOARD_CONFIG).",
)


ROOT = click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=".",
    show_default=True,
    help="A checkout of the repository that holds the manifests.",
)


@click.group(context_settings=SETTINGS)
@click.version_option(package_name=None, version="0.1.0", prog_name="callboard")
def cli() -> None:
    """Release machine-learning models from Slack, through Git.

    \b
    See it work, on this machine alone:   callboard demo
    Prepare it for a team:                edit app.yaml, then callboard check
                                          callboard slack-manifest --url https://…
    Run it:                               callboard run
    """


@cli.command(short_help="Run the bot.")
@CONFIG
def run(config: Path) -> None:
    """Run the bot, until SIGTERM or Ctrl-C.

    What is released where stands in app.yaml; addresses and secrets come from the environment.  Each NAME may also be
    given as NAME_FILE, the path of a file that holds the value.

    \b
    Needed:   SLACK_BOT_TOKEN  SLACK_SIGNING_SECRET, or SLACK_APP_TOKEN for Socket Mode
              GITHUB_TOKEN, or GITHUB_APP_ID  GITHUB_APP_PRIVATE_KEY  GITHUB_APP_INSTALLATION_ID
              MLFLOW_TRACKING_URI
    Webhooks: GITHUB_WEBHOOK_SECRET  MLFLOW_WEBHOOK_SECRET
    Where:    SLACK_API_URL  GITHUB_API_URL  KUBECONFIG (else: the pod's own service account)
              MLFLOW_TRACKING_USERNAME  MLFLOW_TRACKING_PASSWORD  MLFLOW_TRACKING_TOKEN
    Itself:   DATABASE_URL (sqlite:///callboard.db, or postgresql://…)  DATABASE_PASSWORD  LOG_LEVEL (INFO)
              HOST (0.0.0.0)  PORT (8080): Slack's, GitHub's and MLflow's requests
              INTERNAL_HOST (127.0.0.1)  INTERNAL_PORT (8081): /livez /readyz /promotions
    """
    from bot import logs
    from bot.config import read

    app, environment = read(config)
    logs.configure(environment.log_level, environment.secrets())

    from bot import app as wiring  # only now: it takes a second, and mistakes are told at once

    wiring.run(app, environment)


@cli.command(short_help="Run the whole world on this machine, to see it work.")
@click.option(
    "--port", type=click.IntRange(1, 65528), default=8400, show_default=True, help="The page; the next 7 too."
)
@click.option("--fresh", is_flag=True, help="Forget what earlier demos left in .callboard.")
@click.option("--tour", is_flag=True, help="Take the tour unattended: exit 0 only if every step was seen in the world.")
@click.option("--sabotage", metavar="STEP", help="Break one step of the tour, which then must fail.")
def demo(port: int, fresh: bool, tour: bool, sabotage: str | None) -> None:
    """Run the whole world on this machine: chat, forge, cluster, registry, and the bot among them.

    Open the page that it names, and type `/promote iris-classifier production` as alice.  Everything listens on
    loopback; state stays in .callboard.

    \b
    callboard demo
    callboard demo --fresh --port 9000
    callboard demo --tour
    """
    if sabotage and not tour:
        raise click.UsageError("--sabotage breaks a step of the tour: add --tour")
    try:
        from bot.demo.world import main as live
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("bot."):
            raise
        raise Misunderstood(
            f"the demo needs {error.name}, which is not installed; in a checkout, run `make demo`"
        ) from error

    sys.exit(live(port=port, fresh=fresh, tour=tour, sabotage=sabotage))


@cli.command(short_help="Check app.yaml and its manifests, offline.")
@CONFIG
@ROOT
def check(config: Path, root: Path) -> None:
    """Check app.yaml, and the manifests that it names; asks no system.

    Prints a line for each model and stage: where its pin stands and what it says, or what is wrong.  Exits 1 if
    anything is.

    \b
    callboard check
    callboard check --config app.yaml --root ../models-gitops
    """
    from bot import offline
    from bot.config import load

    found = offline.check(load(config), root)
    for one in found:
        click.echo(f"{one.pair.model}  {one.pair.stage}  " + click.style(one.says, fg="red" if one.wrong else None))
    wrong = sum(one.wrong for one in found)
    click.echo(f"{len(found)} pairs, {wrong or 'no'} mistake{'' if wrong == 1 else 's'}", err=True)
    sys.exit(1 if wrong else 0)


@cli.command(short_help="Pin a version in a manifest and show the diff.")
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
    from bot import offline
    from bot.domain import Pin
    from bot.rules import formats

    wanted = Pin(stage=stage, version=version, digest=digest)
    change = formats.edit({str(file): offline.text(file) for file in files}, wanted, model)
    lines = list(offline.diff(change))
    for line in lines:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))
    if not lines:
        click.echo(f"{next(iter(change.after))} pins {stage} v{version} already", err=True)
    elif write:
        offline.write(change)


@cli.command("pin-image", short_help="Check an image in its registry, and pin its digest for a stage.")
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

    from bot import images, offline
    from bot.clients.oci import Absent
    from bot.clients.oci_login import Login
    from bot.config import load
    from bot.domain import Pair
    from bot.rules.images import platform as system
    from bot.rules.images import reference

    pair = Pair(model=model, stage=stage)
    wanted = images.Wanted(pair=pair, image=reference(image), platform=system(platform), revision=revision)
    try:
        found, change = asyncio.run(images.pin(load(config), root, wanted, Login.here()))
    except Absent as error:
        click.echo(error, err=True)
        sys.exit(3)
    click.echo(images.told(found, wanted), err=True)
    lines = list(offline.diff(change))
    for line in lines:
        click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))
    if not lines:
        click.echo(f"{next(iter(change.after))} pins it already; in Slack:\n  /promote {model} {stage}", err=True)
    elif write:
        offline.write(change, root)
        click.echo(images.steps(change, wanted, root), err=True)


@cli.command("slack-manifest", short_help="Print the Slack app manifest.")
@click.option("--url", default="https://callboard.example.com", show_default=True, help="Where Slack reaches the bot.")
@click.option("--socket-mode", is_flag=True, help="Nobody calls the bot: it opens sockets to Slack. No --url needed.")
@click.option("--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
def slack_manifest(url: str, socket_mode: bool, form: str) -> None:
    """Print the Slack app manifest: its commands, scopes and events.

    Paste it at https://api.slack.com/apps → Create New App → From a manifest.  For Socket Mode, then make an app-level
    token with the scope connections:write: SLACK_APP_TOKEN.

    \b
    callboard slack-manifest --url https://callboard.acme.io > slack-app.yaml
    callboard slack-manifest --socket-mode > slack-app.yaml
    """
    import json

    import yaml

    from bot.rules.slack_manifest import manifest
    from handlers import COMMANDS, EVENTS

    if not url.startswith("https://"):
        raise Misunderstood(f"{url}: Slack calls https addresses only")
    commands = {name: (each.description, each.usage) for name, each in COMMANDS.items()}
    made = manifest(commands, None if socket_mode else url, EVENTS)
    click.echo(
        json.dumps(made, indent=2) if form == "json" else yaml.safe_dump(made, sort_keys=False), nl=form == "json"
    )


def main(args: Sequence[str] | None = None) -> None:
    """Run the command line.  A mistake that a person can mend is a line or two on stderr, never a traceback."""
    try:
        cli(args, prog_name="callboard")
    except (Misunderstood, Permanent, Temporary) as error:
        text = str(error)
        click.echo(text if "\n" in text else click.style("callboard: ", fg="red") + text, err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
