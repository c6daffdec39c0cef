"""Mirror which people are in the user groups that app.yaml names."""

import logging

from bot import clock
from bot.config.app_yaml import App
from bot.domain.errors import Permanent
from bot.engine.evidence import Doors
from bot.store.store import Store

log = logging.getLogger(__name__)

GUESTS = 3600.0
"""Seconds for which it is believed that a member of a group is no guest.  Approvals are checked anew."""


async def sync_groups(*, app: App, store: Store, doors: Doors) -> None:
    """Mirror which full members are in the groups that app.yaml names; a group that the chat lacks is passed over.

    Raises:
        Temporary: the chat does not answer.
    """
    for asked, name in enumerate(sorted(app.groups)):
        try:
            members = await doors.slack.members(name, fresh=asked == 0)  # one answer holds all groups
        except Permanent as error:
            log.warning("nobody is known to be in %s: %s", name, error)
        else:
            people = [await doors.slack.person(user, within=GUESTS) for user in sorted(members)]
            entitled = frozenset(person.id for person in people if person.entitled)
            await store.groups.see(name, entitled, now=clock.now())
