"""A slash command: how Slack presents it, and one as it arrived: who asked what, where and when."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self, TypeAlias

import msgspec

from bot.config.app_yaml import App
from bot.domain.chat import Message
from bot.rules.parsing.slack_requests import Name, Text, told
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
    """What stands behind the command's name."""
    by: str
    channel: str
    at: datetime
    key: str
    """The same for a second delivery of the same command."""

    @classmethod
    def of(cls, form: Mapping[str, Any], at: datetime) -> Self:
        """Read Slack's form.

        Raises:
            Misunderstood: it is none.
        """
        said = told(form, _Form)
        return cls(text=said.text, by=said.user_id, channel=said.channel_id, at=at, key=f"command:{said.trigger_id}")


Answer: TypeAlias = Callable[[Asked, App, Store], Awaitable[Message]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A slash command, and how Slack presents it."""

    name: str
    """With its slash."""
    description: str
    usage: str
    """The usage hint: words in capitals are filled in, what stands in brackets may be left out."""
    answer: Answer
