"""A slash command as it arrived: who asked what, where and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self


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
        """Read Slack's form (https://docs.slack.dev/interactivity/implementing-slash-commands)."""
        key = f"command:{form['trigger_id']}"
        return cls(text=form.get("text", ""), by=form["user_id"], channel=form["channel_id"], at=at, key=key)
