"""Keep each promotion's message up to date.

Progress is not a pass: the message is a pure function of the promotion and of live health.  This writer coalesces edits
(at most one every few seconds for a message, but always the last one), stores what the chat confirmed, and repairs what
was lost in a sweep.  It decides nothing.
"""

import asyncio
import logging
from datetime import datetime, timedelta

from bot import clock
from bot.clients.slack.client import Slack
from bot.cluster.clusters import Clusters
from bot.config.app_yaml import Config
from bot.domain.chat import Message
from bot.domain.cluster import Health
from bot.domain.errors import Permanent, Temporary
from bot.domain.policy import Policy
from bot.domain.promotion import Promotion, State
from bot.domain.target import Target
from bot.engine.observation import observe
from bot.rules.wording import promotion_message
from bot.rules.wording.reasons import plain
from bot.store.messages import Standing
from bot.store.store import Store

log = logging.getLogger(__name__)

PACE = timedelta(seconds=3)
"""The time between two edits of one message."""
SWEEP = timedelta(seconds=30)
"""The time between two looks at all messages, in case that a wake-up or an edit was lost."""


def build_message(
    promotion: Promotion, health: Health | None, policy: Policy, now: datetime, successor: str | None = None
) -> Message:
    """Return what the message of a promotion shows; `successor` is the address of the one that took its place."""
    return promotion_message.message(promotion, health=health, policy=policy, now=now, successor=successor)


class Messages:
    """The one writer of promotions' messages."""

    def __init__(self, *, config: Config, store: Store, slack: Slack, clusters: Clusters) -> None:
        self._config = config
        self._store = store
        self._slack = slack
        self._clusters = clusters
        self._woken = asyncio.Event()
        self._changed: set[Target] = set()
        self._edited: dict[str, datetime] = {}

    def wake(self, target: Target) -> None:
        """Check the messages of a target soon: something may look different now."""
        self._changed.add(target)
        self._woken.set()

    async def run(self) -> None:
        """Bring messages up to date, for ever."""
        swept: datetime | None = None
        while True:
            self._woken.clear()
            changed, self._changed = self._changed, set()
            everything = swept is None or clock.now() - swept >= SWEEP
            if everything:
                swept = clock.now()
            for standing in await self._store.messages.unsettled(None if everything else changed):
                if not await self._refresh(standing):
                    self._changed.add(standing.target)
            try:
                async with asyncio.timeout(PACE.total_seconds()):
                    await self._woken.wait()
            except TimeoutError:
                continue
            await asyncio.sleep(0.2)  # one change is usually followed by others

    async def _refresh(self, standing: Standing) -> bool:
        """Edit a message, if it shows something else; return whether it shows what it should."""
        now = clock.now()
        last = self._edited.get(standing.posted.ts)
        promotion = await self._store.promotion(standing.promotion)
        if promotion is None:
            return True
        if promotion.state.open and last is not None and now - last < PACE:
            return False
        try:
            message, last_form = await self._render(standing, promotion, now)
            if message.hash != standing.shown:
                self._edited[standing.posted.ts] = now
                await self._slack.update(standing.posted, message)
        except Temporary as error:
            log.warning("message of promotion %s: %s", promotion.id, plain(error.reason))
            return False
        except Permanent:
            log.exception("the message of promotion %s cannot be edited", promotion.id)
            last_form = not promotion.state.open
        if last_form or message.hash != standing.shown:
            await self._store.messages.confirm(standing.posted, message.hash, settled=last_form)
        return True

    async def _render(self, standing: Standing, promotion: Promotion, now: datetime) -> tuple[Message, bool]:
        """Return what the message must show now, and whether it will not change any more."""
        if not standing.current:
            return promotion_message.superseded(promotion, await self._address(promotion)), True
        if promotion.state in {State.SUPERSEDED, State.FAILED} and promotion.status.followup is not None:
            newer = await self._store.promotion(promotion.status.followup)
            successor = await self._address(newer)
            return build_message(
                promotion, None, self._config.policy(promotion.target), now, successor
            ), successor is not None
        try:
            watch = self._clusters.of(promotion.cluster).watch
            health = observe(promotion, watch, now) if promotion.state.open and promotion.in_git else None
        except Temporary:
            health = None
        return build_message(promotion, health, self._config.policy(promotion.target), now), not promotion.state.open

    async def _address(self, promotion: Promotion | None) -> str | None:
        """Return the address of a promotion's message, once it is posted."""
        if promotion is None or promotion.status.message is None:
            return None
        return await self._slack.permalink(promotion.status.message.posted)
