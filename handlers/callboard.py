"""/callboard COMMAND …: any of the commands, for workspaces where their own names are taken."""

from collections.abc import Iterable
from dataclasses import replace

from bot.config.app_yaml import Config
from bot.domain.chat import Message
from bot.domain.errors import Misunderstood
from bot.domain.reason import Command as Typed
from bot.domain.reasons.commands import CallboardUsage
from bot.rules.parsing.syntax import Syntax
from bot.store.store import Store
from handlers.command import Asked, Command


def callboard(commands: Iterable[Command]) -> Command:
    """Return the command that forwards to the one named by its first word."""
    named = {command.name.removeprefix("/"): command for command in commands}
    usage = CallboardUsage(
        commands=tuple(Typed(f"/callboard {name} {each.syntax.arguments}") for name, each in named.items())
    )

    async def answer(asked: Asked, config: Config, store: Store) -> Message:
        word, _, rest = asked.text.strip().partition(" ")
        command = named.get(word.lower().lstrip("/"))
        if command is None:
            raise Misunderstood(usage)
        return await command.answer(replace(asked, text=rest), config, store)

    description = "Any of the commands, where their own names are taken"
    syntax = Syntax(name="/callboard", arguments=f"{'|'.join(named)} …", explained=usage)
    return Command(syntax=syntax, description=description, answer=answer)
