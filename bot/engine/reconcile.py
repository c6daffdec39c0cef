"""The story of a turn: load → gather → decide → commit → act → record.

Turns are level-triggered: each looks at the whole state again, so lost, doubled or reordered hints do no harm, and a
restart is just a round of turns.  A turn that finds an intent without an outcome does the act again.
"""

import logging
import random
from datetime import timedelta

from bot import clock
from bot.cluster.watch import Watch
from bot.config.app_yaml import App
from bot.domain.errors import Permanent, Temporary
from bot.domain.target import Pair
from bot.engine import actions
from bot.engine.evidence import Doors, gather
from bot.rules.release.lifecycle import decide
from bot.store.rows import Overtaken
from bot.store.store import Loaded, Store

log = logging.getLogger(__name__)

LONGEST = timedelta(minutes=1)
"""How long a system that does not answer is left alone at most."""


async def run(pair: Pair, *, app: App, store: Store, doors: Doors, watch: Watch) -> int | None:
    """Look at a pair once, and return the number of the promotion that this was about."""
    loaded = await store.load(pair)
    number = loaded.promotion.id if loaded.promotion else None
    try:
        seen = await gather(loaded, app=app, store=store, doors=doors, watch=watch, now=clock.now())
        decision = decide(seen)
        after = await store.commit(loaded, decision, now=seen.now)
        if decision.state is not None:
            log.info("%s: promotion %s is %s: %s", pair, number, decision.state, decision.because)
        if decision.action is not None and after.promotion is not None:
            came = await actions.act(decision.action, after.promotion, after, seen, app=app, store=store, doors=doors)
            await store.outcome(after, came.note, settled=came.settled, now=clock.now())
    except Temporary as error:
        await _postpone(loaded, store, str(error), error.after or patience(loaded.tries))
    except Permanent as error:
        await _postpone(loaded, store, str(error), LONGEST)
    except Overtaken:
        await store.wake(pair, clock.now())
    return number


async def _postpone(loaded: Loaded, store: Store, trouble: str, after: timedelta) -> None:
    log.warning("%s: %s; again in %.0f s", loaded.pair, trouble, after.total_seconds())
    now = clock.now()
    await store.postpone(loaded, trouble, wake_at=now + after, now=now)


def patience(tries: int) -> timedelta:
    """Return how long to wait after so many looks that failed: 1 s doubling to a minute, with jitter."""
    return min(timedelta(seconds=2 ** min(tries, 6)), LONGEST) * random.uniform(0.75, 1.25)  # noqa: S311
