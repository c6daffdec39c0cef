"""Mirror the members of the user groups that app.yaml names."""

import logging

from bot import clock
from bot.config.app_yaml import Config
from bot.domain.errors import Permanent
from bot.engine.evidence import Clients
from bot.rules.wording.reasons import plain
from bot.store.store import Store

log = logging.getLogger(__name__)

GUESTS = 3600.0
"""Seconds for which a member's guest status is cached.  Approvals are always checked afresh."""


async def sync_groups(*, config: Config, store: Store, clients: Clients) -> None:
    """Mirror the full members of the groups that app.yaml names; skip a group that does not exist.

    Raises:
        Temporary: the chat does not answer.
    """
    for asked, name in enumerate(sorted(config.groups)):
        try:
            members = await clients.slack.members(name, fresh=asked == 0)  # one answer holds all groups
        except Permanent as error:
            log.warning("nobody is known to be in %s: %s", name, plain(error.reason))
        else:
            people = [await clients.slack.person(user, within=GUESTS) for user in sorted(members)]
            entitled = frozenset(person.id for person in people if person.entitled)
            await store.groups.see(name, entitled, now=clock.now())
