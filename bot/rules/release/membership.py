"""Whether a person may do what a command asks for, by the members of groups as Slack listed them some time ago.

It rules on a command at the moment it is typed.  Approvals and overrides are counted by the gates, for which Slack is
asked again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from bot.domain.policy import ANYONE
from bot.domain.reason import Name, Reason, User
from bot.domain.reasons.requests import MembershipUnknown, NotAllowed

STALE: Final = timedelta(minutes=10)
"""How long a list of members is trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The members of a user group, as Slack listed them at that time."""

    members: frozenset[str]
    at: datetime


Groups: TypeAlias = Mapping[str, Group]
"""By the name in app.yaml: "@ml-release-captains"."""


def refused(by: str, deed: Reason, names: tuple[str, ...], groups: Groups, now: datetime) -> Reason | None:
    """Return why this person may not do the deed, or None; if membership is unknown, nobody may.

    `names` are user ids and user groups; none, or ANYONE: everybody may.
    """
    if not names or ANYONE in names or by in names:
        return None
    known = {name: groups[name] for name in names if name in groups and now - groups[name].at <= STALE}
    if any(by in group.members for group in known.values()):
        return None
    asked = tuple(Name(name) for name in names if name.startswith("@"))
    unknown = tuple(name for name in asked if name not in known)
    if unknown:
        return MembershipUnknown(deed=deed, groups=unknown, window=STALE)
    people = tuple(User(name) for name in names if not name.startswith("@"))
    return NotAllowed(deed=deed, people=people, groups=asked)
