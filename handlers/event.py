"""What else Slack tells: an event that the app subscribes to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from bot.config.app_yaml import App
from bot.store.store import Store

Note: TypeAlias = Callable[[dict[str, Any], App, Store, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A type of event, and what records it."""

    type: str
    """As https://docs.slack.dev/reference/events names it."""
    scope: str
    """What that page says the app must be allowed."""
    record: Note
