"""The table of contents: what people and systems can say to Callboard.

Handlers are thin.  They know the store and the rules, and no outside system: a handler records what was said, in one
transaction with the wake-up of its pair, and answers from the record.  To add a command, write one file and name it
here; the Slack app's manifest is made from this table.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from bot.config.app_yaml import App
from bot.domain.chat import Message
from bot.store.store import Store
from handlers import buttons, pulls, reactions, versions
from handlers.asked import Asked
from handlers.callboard import callboard
from handlers.freeze import freeze
from handlers.models import models
from handlers.promote import promote
from handlers.promotions import promotions
from handlers.rollback import rollback

Answer: TypeAlias = Callable[[Asked, App, Store], Awaitable[Message]]
Note: TypeAlias = Callable[[dict[str, Any], Store, datetime], Awaitable[None]]
Webhook: TypeAlias = Callable[[bytes, Mapping[str, str], App, Store, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A slash command, and how Slack presents it."""

    answer: Answer
    description: str
    usage: str


COMMANDS: Final[Mapping[str, Command]] = {
    "/promote": Command(
        answer=promote,
        description="Release a version of a model to a stage",
        usage='MODEL STAGE [VERSION|@alias] [--override "reason"]',
    ),
    "/rollback": Command(answer=rollback, description="Go back to the release before", usage="MODEL STAGE [VERSION]"),
    "/models": Command(answer=models, description="What runs where", usage="[MODEL]"),
    "/promotions": Command(
        answer=promotions, description="What is under way, or the story of one promotion", usage="[ID | cancel ID]"
    ),
    "/freeze": Command(
        answer=freeze,
        description="Stop what is new from going to a stage, or see what is frozen",
        usage='[STAGE [until 2026-12-27|for 3d] ["reason"] | STAGE off]',
    ),
    "/callboard": Command(
        answer=callboard,
        description="Any of the commands, where their names are taken",
        usage="promote|rollback|models|promotions|freeze …",
    ),
}
BUTTONS: Final[Mapping[str, Note]] = {"approve": buttons.approve, "veto": buttons.veto}
EVENTS: Final[Mapping[str, Note]] = {"reaction_added": reactions.added, "reaction_removed": reactions.removed}
WEBHOOKS: Final[Mapping[str, Webhook]] = {"/webhooks/mlflow": versions.heard, "/webhooks/github": pulls.heard}

__all__ = ["BUTTONS", "COMMANDS", "EVENTS", "WEBHOOKS", "Asked", "Command", "Webhook"]
