"""Keep each promotion's message up to date.

Progress is not a turn: the card is a pure function of the record and of live health.  This writer coalesces edits
(at most one every few seconds for a message, the last form always), remembers what the chat confirmed, and a sweep
repairs what was lost.  It decides nothing.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from bot import clock
from bot.clients.slack.client import Slack
from bot.cluster.watch import Watch
from bot.config.app_yaml import App
from bot.domain.chat import Message
from bot.domain.cluster import Health
from bot.domain.errors import Permanent, Temporary
from bot.domain.policy import Policy
from bot.domain.promotion import Promotion, State
from bot.engine.evidence import look
from bot.rules.wording import promotion_message
from bot.store.messages import Standing
from bot.store.store import Store

log = logging.getLogger(__name__)

PACE = timedelta(seconds=3)
"""Between two edits of one message."""


def card(it: Promotion, health: Health | None, policy: Policy, now: datetime, successor: str | None = None) -> Message:
    """Return what the message of a promotion shows; `successor` is the address of the one that took its place."""
    record = it.record
    return promotion_message.promotion(
        it,
        health=health,
        rulings=record.rulings,
        comparison=record.comparison,
        approvers=record.approved_by,
        policy=policy,
        now=now,
        successor=successor,
    )


class Messages:
    """The one writer of promotions' messages."""

    def __init__(self, *, app: App, store: Store, slack: Slack, watch: Watch) -> None:
        self._app = app
        self._store = store
        self._slack = slack
        self._watch = watch
        self._look = asyncio.Event()
        self._edited: dict[str, datetime] = {}

    def ring(self) -> None:
        """Something may look different now."""
        self._look.set()

    async def run(self) -> None:
        """Bring messages up to date, for ever."""
        while True:
            self._look.clear()
            for standing in await self._store.messages.unsettled():
                await self._refresh(standing)
            try:
                async with asyncio.timeout(PACE.total_seconds()):
                    await self._look.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(0.2)  # what rings once usually rings again at once

    async def _refresh(self, standing: Standing) -> None:
        now = clock.now()
        last = self._edited.get(standing.posted.ts)
        it = await self._store.promotion(standing.promotion)
        if it is None or (it.state.open and last is not None and now - last < PACE):
            return
        try:
            message, last_form = await self._render(standing, it, now)
            if message.hash != standing.shown:
                self._edited[standing.posted.ts] = now
                await self._slack.update(standing.posted, message)
        except Temporary as error:
            log.warning("message of promotion %s: %s", it.id, error)
            return
        except Permanent:
            log.exception("the message of promotion %s cannot be edited", it.id)
            last_form = not it.state.open
        await self._store.messages.shown(standing.posted, message.hash, settled=last_form)

    async def _render(self, standing: Standing, it: Promotion, now: datetime) -> tuple[Message, bool]:
        """Return what the message must show now, and whether that is its last form."""
        if not standing.current:
            return promotion_message.superseded(it, await self._address(it)), True
        if it.state is State.SUPERSEDED and it.record.followup is not None:
            newer = await self._store.promotion(it.record.followup)
            successor = await self._address(newer)
            return card(it, None, self._app.policy(it.pair), now, successor), successor is not None
        try:
            health = look(it, self._watch, now) if it.state.open and it.record.merge_commit else None
        except Temporary:
            health = None
        return card(it, health, self._app.policy(it.pair), now), not it.state.open

    async def _address(self, it: Promotion | None) -> str | None:
        """Return the address of a promotion's message, once it stands somewhere."""
        if it is None or it.record.message is None:
            return None
        return await self._slack.permalink(it.record.message)
