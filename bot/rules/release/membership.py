"""May this person ask for that?  Pure: who is in which group is told, and how long ago the chat said so.

It rules on what somebody types, at the moment it is typed.  Approvals and overrides are counted by the gates, for which
the chat is asked again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from bot.domain.policy import ANYONE
from bot.rules.wording.blocks import mention
from bot.rules.wording.escape import code

STALE: Final = timedelta(minutes=10)
"""For how long it is believed who is in a group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Who is in a user group, as the chat said at that time."""

    members: frozenset[str]
    at: datetime


Groups: TypeAlias = Mapping[str, Group]
"""By the name that stands in app.yaml: "@ml-release-captains"."""


def why_not(by: str, deed: str, names: tuple[str, ...], groups: Groups, now: datetime) -> str | None:
    """Return why this person may not do the deed ("freeze `production`"), or None; where nobody can tell, none may.

    `names` are user ids and user groups; none, or ANYONE: everybody may.
    """
    if not names or ANYONE in names or by in names:
        return None
    known = {name: groups[name] for name in names if name in groups and now - groups[name].at <= STALE}
    if any(by in group.members for group in known.values()):
        return None
    unknown = [name for name in names if name.startswith("@") and name not in known]
    if unknown:
        return (
            f"I cannot tell whether you may {deed}: Slack has not told me lately who is in {_listed(unknown)}. "
            "Nothing was recorded. Try again in a minute; if it stays so, ask whoever runs me whether that user group "
            "exists, and whether I reach Slack."
        )
    return f"You may not {deed}: {_listed(names)} may. Nothing was recorded; ask one of them to do it."


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(code(name) if name.startswith("@") else mention(name) for name in names)
