"""Alembic's migrations, run when the store opens."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection

from bot.domain.errors import UserError


def upgrade(connection: Connection) -> None:
    """Bring the tables up to date, on this connection.

    Raises:
        UserError: a newer Callboard has made them.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:  # it does not know the revision that stands in the database
        raise UserError(
            "the tables of the database were made by a newer Callboard; install that version, or restore the database "
            "from before"
        ) from error
