"""`callboard run`: run the bot."""

from pathlib import Path

import click

from bot.cli.options import CONFIG


@click.command(short_help="Run the bot.")
@CONFIG
def run(config: Path) -> None:
    """Run the bot until SIGTERM or Ctrl-C.

    Models, stages and policies come from app.yaml; addresses and secrets come from the environment.  Each NAME may
    also be given as NAME_FILE, the path of a file with the value.

    \b
    Required: SLACK_BOT_TOKEN  SLACK_SIGNING_SECRET, or SLACK_APP_TOKEN for Socket Mode
              GITHUB_TOKEN, or GITHUB_APP_ID  GITHUB_APP_PRIVATE_KEY  GITHUB_APP_INSTALLATION_ID
              MLFLOW_TRACKING_URI
    Webhooks: GITHUB_WEBHOOK_SECRET  MLFLOW_WEBHOOK_SECRET
    Systems:  SLACK_API_URL  GITHUB_API_URL  KUBECONFIG (default: the pod's service account)
              MLFLOW_TRACKING_USERNAME  MLFLOW_TRACKING_PASSWORD  MLFLOW_TRACKING_TOKEN
    Bot:      DATABASE_URL (sqlite:///callboard.db, or postgresql://…)  DATABASE_PASSWORD  LOG_LEVEL (INFO)
              HOST (0.0.0.0)  PORT (8080): requests of Slack, GitHub and MLflow
              INTERNAL_HOST (127.0.0.1)  INTERNAL_PORT (8081): /livez /readyz /promotions
    """
    from bot.config import logs
    from bot.config.app_yaml import read

    app, environment = read(config)
    logs.configure(environment.log_level, environment.secrets())

    from bot import app as wiring  # imported late: it takes a second, and mistakes are reported first

    wiring.run(app, environment)
