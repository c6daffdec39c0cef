"""A slash command as Slack presents it, and one request for it: who typed what, where and when."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypeAlias

import msgspec

from bot.config.app_yaml import Config
from bot.domain.chat import Message
from bot.rules.parsing.slack_requests import Name, Text, parsed
from bot.rules.parsing.syntax import Syntax
from bot.store.store import Store


class _Form(msgspec.Struct):
    """What is read of a command (https://docs.slack.dev/interactivity/implementing-slash-commands)."""

    user_id: Name
    channel_id: Name
    trigger_id: Name
    text: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One slash command."""

    text: str
    """What follows the command's name."""
    by: str
    channel: str
    at: datetime
    key: str
    """The same for a second delivery of the same command."""

    @classmethod
    def of(cls, form: Mapping[str, Any], at: datetime) -> Self:
        """Read Slack's form.

        Raises:
            Misunderstood: it is not a command's form.
        """
        fields = parsed(form, _Form)
        return cls(
            text=fields.text, by=fields.user_id, channel=fields.channel_id, at=at, key=f"command:{fields.trigger_id}"
        )


Answer: TypeAlias = Callable[[Asked, Config, Store], Awaitable[Message]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A slash command, and how Slack presents it."""

    syntax: Syntax
    description: str
    answer: Answer

    @property
    def name(self) -> str:
        """Return its name, with its slash."""
        return self.syntax.name
