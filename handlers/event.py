"""An event of Slack's to which the app subscribes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from bot.config.app_yaml import Config
from bot.store.store import Store

Note: TypeAlias = Callable[[dict[str, Any], Config, Store, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A type of event, and what records it."""

    type: str
    """As https://docs.slack.dev/reference/events names it."""
    scope: str
    """The OAuth scope that the event needs, according to that page."""
    record: Note
