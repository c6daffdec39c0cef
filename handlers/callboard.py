"""/callboard COMMAND …: any of the commands, for workspaces where their names are taken."""

from collections.abc import Iterable
from dataclasses import replace

from bot.config.app_yaml import App
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.store.store import Store
from handlers.command import Asked, Command


def callboard(commands: Iterable[Command]) -> Command:
    """Return the command that passes on to the one that its first word names."""
    named = {command.name.removeprefix("/"): command for command in commands}

    async def answer(asked: Asked, app: App, store: Store) -> Message:
        word, _, rest = asked.text.strip().partition(" ")
        command = named.get(word.lower().lstrip("/"))
        if command is None:
            words = ", ".join(f"`/callboard {name}`" for name in named)
            raise Misunderstood(f"Type one of {words}, and behind it what you would type behind the command itself.")
        return await command.answer(replace(asked, text=rest), app, store)

    description = "Any of the commands, where their names are taken"
    return Command(name="/callboard", description=description, usage=f"{'|'.join(named)} …", answer=answer)
