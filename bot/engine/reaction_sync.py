"""Find reactions whose events were lost, or came while the bot was down.

It needs no wake-up: the messages that wait for approvals are read in turn, a few each time.
"""

import logging
from datetime import datetime
from typing import Final

from bot import clock
from bot.clients.slack.client import Slack
from bot.domain.errors import Permanent
from bot.domain.promotion import MessageStatus, Promotion, State
from bot.rules.release.unheard import unheard
from bot.store.store import Store

log = logging.getLogger(__name__)

AT_A_TIME: Final = 20
"""Messages read every half minute: Slack allows about fifty such calls a minute, and merging needs some."""


class ReactionSync:
    """Reads the reactions to the messages of waiting promotions, in turn."""

    def __init__(self, store: Store, slack: Slack) -> None:
        self._store = store
        self._slack = slack
        self._last = 0

    async def sync(self) -> None:
        """Store the reactions to the next few messages that no event reported.

        Raises:
            Temporary: the chat does not answer.
        """
        waiting = [
            (promotion, promotion.status.message)
            for promotion in await self._store.under_way()
            if promotion.state is State.PROPOSED and promotion.status.message is not None
        ]
        next_ones = sorted(waiting, key=lambda each: (each[0].id <= self._last, each[0].id))[:AT_A_TIME]
        for promotion, message in next_ones:
            await self._sync(promotion, message, clock.now())
            self._last = promotion.id

    async def _sync(self, promotion: Promotion, message: MessageStatus, now: datetime) -> None:
        try:
            shown = await self._slack.reactions(message.posted)
        except Permanent:
            log.exception("the message of promotion %s cannot be read", promotion.id)
            return
        if shown is None:
            log.warning("somebody deleted the message of promotion %s: it is posted again", promotion.id)
            await self._store.messages.unpost(promotion, message.posted, now=now)
            return
        _, facts = await self._store.story(promotion.id)
        last = max((fact.id for fact in facts), default=0)
        for kind, by in unheard(facts, message.digest, shown):
            key = f"seen:{promotion.id}:{last}:{kind}:{by}"
            await self._store.vote(kind, by, message.posted, at=now, now=now, key=key, how="reaction")
