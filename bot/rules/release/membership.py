"""Whether a person may do what a command asks for, by the members of groups as Slack listed them some time ago.

It rules on a command at the moment it is typed.  Approvals and overrides are counted by the gates, for which Slack is
asked again.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, TypeAlias

from bot.domain.policy import ANYONE
from bot.domain.reason import Name, Reason, User
from bot.domain.reasons.requests import MembershipUnknown, NotAllowed

STALE: Final = timedelta(minutes=10)
"""How long a list of members is trusted; the store returns no older one."""


Members: TypeAlias = Mapping[str, frozenset[str]]
"""The members of each group whose list is trusted, by its name in app.yaml: "@ml-release-captains"."""


def refused(by: str, deed: Reason, names: tuple[str, ...], members: Members) -> Reason | None:
    """Return why this person may not do the deed, or None; if membership is unknown, nobody may.

    `names` are user ids and user groups; none, or ANYONE: everybody may.
    """
    if not names or ANYONE in names or by in names:
        return None
    if any(by in members.get(name, ()) for name in names):
        return None
    asked = tuple(Name(name) for name in names if name.startswith("@"))
    unknown = tuple(name for name in asked if name not in members)
    if unknown:
        return MembershipUnknown(deed=deed, groups=unknown, window=STALE)
    people = tuple(User(name) for name in names if not name.startswith("@"))
    return NotAllowed(deed=deed, people=people, groups=asked)
