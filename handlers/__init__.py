"""The tables of all commands, events, buttons and webhooks.

Handlers are thin. They know the store and the rules, and no outside system: a handler stores a fact, in one
transaction with the wake-up of its target, and answers from the database. To add a command, an event or a button,
write one file and name it here. The Slack app's manifest, `/callboard` and the listener are made from these tables.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Final, TypeAlias

from bot.config.app_yaml import Config
from bot.domain.promotion import FactKind
from bot.store.store import Store
from handlers import buttons, freeze, models, promote, promotions, pulls, reactions, rollback, versions
from handlers.callboard import callboard
from handlers.command import Asked, Command
from handlers.event import Event, Note

Webhook: TypeAlias = Callable[[bytes, Mapping[str, str], Config, Store, datetime], Awaitable[None]]

_COMMANDS: Final = (
    promote.COMMAND,
    rollback.COMMAND,
    models.COMMAND,
    promotions.COMMAND,
    freeze.COMMAND,
)
COMMANDS: Final[Mapping[str, Command]] = {each.name: each for each in (*_COMMANDS, callboard(_COMMANDS))}
EVENTS: Final[Mapping[str, Event]] = {
    each.type: each
    for each in (
        reactions.ADDED,
        reactions.REMOVED,
    )
}
BUTTONS: Final[Mapping[str, Note]] = {
    "approve": buttons.pressing(FactKind.APPROVE),
    "veto": buttons.pressing(FactKind.VETO),
    "keep_waiting": buttons.pressing(FactKind.KEEP_WAITING),
    "accept": buttons.pressing(FactKind.ACCEPT),
    "go_back": buttons.pressing(FactKind.GO_BACK),
}
"""By action id; the messages show them by the same one."""
WEBHOOKS: Final[Mapping[str, Webhook]] = {"/webhooks/mlflow": versions.heard, "/webhooks/github": pulls.heard}

__all__ = ["BUTTONS", "COMMANDS", "EVENTS", "WEBHOOKS", "Asked", "Command", "Webhook"]
