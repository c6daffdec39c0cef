"""/callboard COMMAND …: any of the commands, for workspaces where their names are taken."""

from dataclasses import replace

from bot.config.app_yaml import App
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.store.store import Store
from handlers.asked import Asked
from handlers.freeze import freeze
from handlers.models import models
from handlers.promote import promote
from handlers.promotions import promotions
from handlers.rollback import rollback

WORDS = {"promote": promote, "rollback": rollback, "models": models, "promotions": promotions, "freeze": freeze}


async def callboard(asked: Asked, app: App, store: Store) -> Message:
    """Pass on to the command that the first word names."""
    word, _, rest = asked.text.strip().partition(" ")
    command = WORDS.get(word.lower().lstrip("/"))
    if command is None:
        words = ", ".join(f"`/callboard {name}`" for name in WORDS)
        raise Misunderstood(f"Type one of {words}, and behind it what you would type behind the command itself.")
    return await command(replace(asked, text=rest), app, store)
