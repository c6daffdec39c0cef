"""Listen again: what people said with reactions while nobody was listening, or while an event was lost.

A hint is not needed for it: the messages that wait for approvals are looked at in turn, a few each time.
"""

import logging
from datetime import datetime
from typing import Final

from bot import clock
from bot.clients.slack.client import Slack
from bot.domain.errors import Permanent
from bot.domain.promotion import Promotion, State
from bot.rules.release.unheard import unheard
from bot.store.store import Store

log = logging.getLogger(__name__)

AT_A_TIME: Final = 20
"""Messages looked at each half minute: Slack allows about fifty such calls a minute, and merging needs some."""


class Listening:
    """Looks at the messages of promotions that wait, in turn."""

    def __init__(self, store: Store, slack: Slack) -> None:
        self._store = store
        self._slack = slack
        self._last = 0

    async def look(self) -> None:
        """Record what the next few messages show and nobody was told of.

        Raises:
            Temporary: the chat does not answer.
        """
        waiting = [it for it in await self._store.under_way() if it.state is State.PROPOSED and it.record.message]
        those = sorted(waiting, key=lambda it: (it.id <= self._last, it.id))[:AT_A_TIME]
        for it in those:
            await self._listen(it, clock.now())
            self._last = it.id

    async def _listen(self, it: Promotion, now: datetime) -> None:
        assert it.record.message is not None  # noqa: S101
        try:
            shown = await self._slack.reactions(it.record.message)
        except Permanent:
            log.exception("the message of promotion %s cannot be read", it.id)
            return
        if shown is None:
            log.warning("somebody deleted the message of promotion %s: it is posted again", it.id)
            await self._store.messages.unpost(it, now=now)
            return
        _, facts = await self._store.story(it.id)
        last = max((fact.id for fact in facts), default=0)
        for kind, by in unheard(facts, it.record.message_for, shown):
            key = f"seen:{it.id}:{last}:{kind}:{by}"
            await self._store.word(kind, by, it.record.message, at=now, now=now, key=key, how="reaction")
