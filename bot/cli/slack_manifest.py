"""`callboard slack-manifest`: print the Slack app manifest."""

import click

from bot.domain.errors import UserError


@click.command("slack-manifest", short_help="Print the Slack app manifest.")
@click.option("--url", default="https://callboard.example.com", show_default=True, help="Public URL of the bot.")
@click.option("--socket-mode", is_flag=True, help="The bot opens WebSockets to Slack, so --url is not needed.")
@click.option("--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
def slack_manifest(url: str, socket_mode: bool, form: str) -> None:
    """Print the Slack app manifest: its commands, scopes and events.

    Paste it at https://api.slack.com/apps → Create New App → From a manifest.  For Socket Mode, also generate an
    app-level token with the scope connections:write, and set it as SLACK_APP_TOKEN.

    \b
    callboard slack-manifest --url https://callboard.acme.io > slack-app.yaml
    callboard slack-manifest --socket-mode > slack-app.yaml
    """
    import json

    import yaml

    from bot.cli.slack_app import manifest
    from bot.config.environment import ADDRESS

    if not url.startswith("https://"):
        raise UserError(f"{url}: Slack accepts only https URLs")
    found = ADDRESS.fullmatch(url)
    if found is None or found["user"]:
        raise UserError(f"{url}: not a URL that Slack can call; expected https://host or https://host/path")
    made = manifest(None if socket_mode else url)
    click.echo(
        json.dumps(made, indent=2) if form == "json" else yaml.safe_dump(made, sort_keys=False), nl=form == "json"
    )
