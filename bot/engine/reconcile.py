"""One reconcile pass: load → gather → decide → commit → act → store the outcome.

Passes are level-triggered: each reads the whole state, so lost, doubled or reordered wake-ups do no harm, and a restart
is just a round of passes.  A pass that finds an intent without an outcome repeats the action.
"""

import logging
import random
from datetime import timedelta

from bot import clock
from bot.config.app_yaml import Config
from bot.domain.errors import Permanent, Temporary
from bot.domain.reason import Reason
from bot.domain.target import Target
from bot.engine import actions
from bot.engine.evidence import Clients, gather
from bot.rules.release.lifecycle import decide
from bot.rules.wording.reasons import plain
from bot.store.rows import Overtaken
from bot.store.store import Loaded, Store

log = logging.getLogger(__name__)

MAX_WAIT = timedelta(minutes=1)
"""The longest wait after a failed pass."""


async def run(target: Target, *, config: Config, store: Store, clients: Clients) -> int | None:
    """Run one pass over a target and return the id of its promotion."""
    loaded = await store.load(target)
    number = loaded.promotion.id if loaded.promotion else None
    try:
        evidence = await gather(loaded, config=config, store=store, clients=clients, now=clock.now())
        decision = decide(evidence)
        after = await store.commit(loaded, decision, now=evidence.now)
        if decision.state is not None:
            why = plain(decision.reason) if decision.reason is not None else "no reason"
            log.info("%s: promotion %s is %s: %s", target, number, decision.state, why)
        if decision.action is not None and after.promotion is not None:
            came = await actions.act(
                decision.action, after.promotion, after, evidence, config=config, store=store, clients=clients
            )
            await store.outcome(after, came.note, settled=came.settled, now=clock.now())
    except Temporary as error:
        await _postpone(loaded, store, error.reason, error.after or patience(loaded.tries))
    except Permanent as error:
        await _postpone(loaded, store, error.reason, MAX_WAIT)
    except Overtaken:
        await store.wake(target, clock.now())
    return number


async def _postpone(loaded: Loaded, store: Store, trouble: Reason, after: timedelta) -> None:
    log.warning("%s: %s; again in %.0f s", loaded.target, plain(trouble), after.total_seconds())
    now = clock.now()
    await store.postpone(loaded, trouble, wake_at=now + after, now=now)


def patience(tries: int) -> timedelta:
    """Return how long to wait after this many failed passes: 1 second, doubling up to a minute, with jitter."""
    return min(timedelta(seconds=2 ** min(tries, 6)), MAX_WAIT) * random.uniform(0.75, 1.25)  # noqa: S311  (jitter, no secret)
